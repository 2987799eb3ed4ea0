"""The agent's own memory, searched as only root can: for the access key, and for a session after it was stopped.

What is ours is wiped. What the HTTP client of AWS's SDK leaves of AWS's answer is not ours to wipe: it is known by the XML that
stands before it, and SECURITY.md names it.
"""

import os
import re

import pytest

from cloud import allow

XML = (b"<SecretAccessKey>", b"<SessionToken>")


def copies(pid, secret):
    """What stands before each copy of a secret in the memory of a process."""
    found = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            low, high, access, name = re.match(r"(\w+)-(\w+) (\S+) \S+ \S+ \S+\s*(.*)", line).groups()
            if "r" not in access or name in ("[vvar]", "[vsyscall]"):
                continue
            try:
                memory.seek(int(low, 16))
                content = memory.read(int(high, 16) - int(low, 16))
            except OSError:
                continue  # it went away meanwhile
            found += [content[max(0, at.start() - 20):at.start()] for at in re.finditer(re.escape(secret.encode()), content)]
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="the agent lets nobody but root read its memory")
def test_a_stopped_session_is_gone_from_memory(home, practice):
    person = practice.person("mel")
    role = practice.role("memory", person.arn, allow("iam:ListRoles"))
    person.may(allow("sts:AssumeRole", role))
    home.write(f"[profile memory]\nrole_arn = {role}\nsource_profile = mel\nregion = eu-west-1\n", person.credentials_file())
    home.stagedoor("import", "mel").ok()
    session = home.credential_process("memory")
    for _ in range(20):
        home.credential_process("memory")
    [agent] = home.agents()
    secrets = (session["SecretAccessKey"], session["SessionToken"])
    assert all(copies(agent, secret) for secret in secrets), "while it runs they are there: the search finds them"
    home.stagedoor("stop", "--all").ok()
    assert copies(agent, person.secret) == [], "the access key is read from the keychain for one call and wiped"
    for secret in secrets:
        ours = [before for before in copies(agent, secret) if not before.endswith(XML)]
        assert not ours, f"{len(ours)} copies that are not in AWS's answer, the first after {ours[0]!r}"
