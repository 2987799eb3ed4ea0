"""Ten thousand profiles: listed, beside botocore loading the same files; and one that changed, beside all of them read anew.

botocore's time is that of `full_config` in an interpreter that runs and has imported it, the quicker of a first and a second
load: the least that a program of boto3 pays. `profiles --json` is a whole process, with its start and all it prints. A full load is
the agent's way from empty files to all profiles in its snapshot; a change is one line, to a profile and to the key that 200
roles stand on. Both are seen at the socket by `status`, which answers when the snapshot is there.
"""

import json
import os
import socket
import statistics
import subprocess
import time

from home import PROGRAM, TOOLS, Home, wait

from side_by_side import BLOCKS, Contender, report

PROFILES = 10_000
KEYS = 50
ROUNDS = max(3, BLOCKS // 2)
LOAD = """
import json, time
import botocore.session
def load():
    began = time.perf_counter()
    found = len(botocore.session.Session().full_config["profiles"])
    return (time.perf_counter() - began) * 1000, found
loads = [load(), load()]
print(json.dumps({"milliseconds": min(loads)[0], "profiles": loads[0][1]}))
"""


def config(role_region="eu-west-1", key_region="eu-west-1"):
    """The Region of one role, and that of one key."""
    roles = "".join(
        f"[profile team-{n}]\nrole_arn = arn:aws:iam::{100_000_000_000 + n % 977}:role/Role{n}\nsource_profile = key-{n % KEYS}\n"
        f"region = {role_region if n == 5000 else 'eu-west-1'}\nmfa_serial = arn:aws:iam::111122223333:mfa/alice\nduration_seconds = 3600\n\n"
        for n in range(PROFILES - KEYS)
    )
    keys = "".join(
        f"[profile key-{n}]\nregion = {key_region if n == 7 else 'eu-west-1'}\nstagedoor_access_key_id = AKIAIOSFODNN7EX{n:05}\n\n" for n in range(KEYS)
    )
    return roles + keys


def put(home, text):
    """As an editor does it: a new file in the place of the old one."""
    path = home.aws / "config.new"
    path.write_text(text)
    path.rename(home.aws / "config")


class Socket:
    def __init__(self, home):
        self._path = str(home.path / "stagedoor/run/agent.sock")
        wait(lambda: os.path.exists(self._path), "the socket")

    def ask(self, **question):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(self._path)
            stream.sendall(json.dumps({"v": 1, **question}).encode() + b"\n")
            answer = stream.makefile("rb").readline()
        assert answer.startswith(b'{"v":1,'), answer[:200]
        return answer

    def status(self):
        """Milliseconds until a snapshot of the files as they are now is there."""
        began = time.perf_counter()
        self.ask(do="status")
        return (time.perf_counter() - began) * 1000


def changes(home, agent):
    put(home, "")
    agent.status()
    put(home, config())
    full = agent.status()
    put(home, config(role_region="eu-west-2"))
    one = agent.status()
    put(home, config(role_region="eu-west-2", key_region="eu-west-3"))
    return full, one, agent.status(), agent.status()


def measure():
    home = Home()
    home.stop_watching()
    try:
        put(home, "")
        home.start(PROGRAM, "agent", stderr=subprocess.DEVNULL)
        agent = Socket(home)
        listed = Contender("stagedoor profiles --json, the whole process", [PROGRAM, "profiles", "--json"])
        loads, seen = [], []
        for _ in range(ROUNDS):
            seen.append(changes(home, agent))
            told = json.loads(subprocess.run([TOOLS / "python", "-c", LOAD], env=home.env, check=True, stdout=subprocess.PIPE).stdout)
            assert told["profiles"] == PROFILES, told
            loads.append(told["milliseconds"])
            listed.times.append(listed.once(home.env))
    finally:
        home.close()
    load = statistics.median(loads)
    full, one, below, same = (statistics.median(column) for column in zip(*seen))
    lines = [
        ("botocore loads the same files, in an interpreter that runs", f"{load:7.1f} ms", f"fastest {min(loads):.1f} ms, {len(loads)} runs"),
        listed.line,
        ("the agent, from nothing to all in the snapshot", f"{full:7.1f} ms", f"{ROUNDS} rounds"),
        ("a changed role in the snapshot", f"{one:7.1f} ms", ""),
        (f"a changed key below {(PROFILES - KEYS) // KEYS} roles in the snapshot", f"{below:7.1f} ms", ""),
        ("the same question without a change", f"{same:7.1f} ms", ""),
    ]
    return report(f"{PROFILES:,} profiles", lines, [
        (f"profiles --json is at least ten times faster than botocore's load: {load / listed.median:.1f}", listed.median * 10 <= load),
        (f"a change is visible in at most a tenth of a full load: {one / full:.3f} and {below / full:.3f}", max(one, below) * 10 <= full),
    ])
