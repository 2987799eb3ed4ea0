"""The terminal in the README prints what a terminal prints: its commands are run, and its text is compared.

`UPDATE_README=1` writes the block anew. Account numbers, key IDs, codes and times are replaced on both sides.
"""

import os
import re

from cloud import allow
from home import PROGRAM, ROOT

README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- main-job[^\n]*-->\n```\n)(.*?)(```\n<!-- /main-job -->)", re.S)
COMMANDS = [
    "stagedoor import alice",
    "stagedoor connect dev",
    "stagedoor start dev --mfa-code 492039",
    "aws sts get-caller-identity --profile dev",
    "aws iam get-role --role-name developer --profile dev --query Role.MaxSessionDuration",
    "stagedoor status",
    "stagedoor console dev --service s3",
    "stagedoor stop dev",
]
SAMPLES = [
    (r"\b\d{12}\b", "111122223333"),
    (r"\bA(KIA|SIA|IDA|ROA)[A-Z0-9]{16,17}\b", r"A\1XMPL7Q2EXAMPLE"),
    (r"\b\d\d:\d\d( UTC)?\b", "17:30"),
    (r"--mfa-code \d{6}", "--mfa-code 492039"),
]


def plain(text):
    text = text.replace(str(PROGRAM), "/usr/bin/stagedoor")
    for pattern, sample in SAMPLES:
        text = re.sub(pattern, sample, text)
    return re.sub(r"[ \t]+(?=\n)", "", text)


def test_the_readme_prints_what_a_terminal_prints(practice, homes):
    alice = practice.person_with_device("rita")
    role = practice.role("developer", alice.arn, allow("iam:GetRole"), mfa=True)
    alice.may(allow("sts:AssumeRole", role))
    home = homes(practice.endpoint, practice.signin)
    home.write(
        f"[profile alice]\nregion = eu-west-1\n\n[profile dev]\nrole_arn = {role}\nsource_profile = alice\nrole_session_name = alice\nmfa_serial = {alice.device.serial}\n",
        alice.credentials_file().replace("[rita]", "[alice]"),
    )
    home.env.update(PATH=f"{PROGRAM.parent}:{home.env['PATH']}", BROWSER="true", TZ="UTC")
    printed = ""
    for command in COMMANDS:
        real = command.replace("492039", alice.device.code()) if "--mfa-code" in command else command
        done = home.run("sh", "-c", f"{real} 2>&1").ok()
        printed += f"$ {command}\n{done.out}"
    printed = plain(printed)
    readme = README.read_text()
    if os.environ.get("UPDATE_README"):
        README.write_text(BLOCK.sub(lambda block: block[1] + printed + block[3], readme))
    else:
        assert BLOCK.search(readme)[2] == printed
