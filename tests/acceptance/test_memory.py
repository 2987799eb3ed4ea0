"""The agent's own memory, searched as only root can: for the access key, and for a session after it was stopped or locked away.

Nothing is left, neither ours nor of AWS's answer in the HTTP client and the XML parser: memory is wiped as it is given back, and
connections end, with their buffers.
"""

import os
import re

import pytest

from cloud import allow
from home import wait

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
@pytest.mark.parametrize("away", [("stop", "--all"), ("lock",)], ids=lambda away: away[0])
def test_a_session_that_was_put_away_is_gone_from_memory(home, practice, away):
    person = practice.person(f"mel-{away[0]}")
    role = practice.role(f"memory-{away[0]}", person.arn, allow("iam:ListRoles"))
    person.may(allow("sts:AssumeRole", role))
    home.write(f"[profile memory]\nrole_arn = {role}\nsource_profile = {person.name}\nregion = eu-west-1\n", person.credentials_file())
    home.stagedoor("import", person.name).ok()
    session = home.credential_process("memory")
    for _ in range(20):
        home.credential_process("memory")
    [agent] = home.agents()
    secrets = (session["SecretAccessKey"], session["SessionToken"])
    assert all(copies(agent, secret) for secret in secrets), "while it runs they are there: the search finds them"
    home.stagedoor(*away).ok()
    assert copies(agent, person.secret) == [], "the access key is read from the keychain for one call and wiped"
    # A connection ends a moment after it was given up.
    wait(lambda: not any(copies(agent, secret) for secret in secrets), "memory without the session")
