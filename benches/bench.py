"""What an answer costs, side by side in one run: Stagedoor, an empty program, and what people would otherwise run.

Started by `make bench` on a release build. The runs are interleaved, so that a busy moment of the machine meets all of
them; medians are printed. The times hold everything a caller waits for: start of the process, answer, end.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault("STAGEDOOR", str(ROOT / "target/release/stagedoor"))
sys.path.insert(0, str(ROOT / "tests/acceptance"))

from cloud import allow, start_practice  # noqa: E402
from home import PROGRAM, TOOLS, Home  # noqa: E402

BLOCKS = int(os.environ.get("BLOCKS", "20"))
QUICK = 20  # runs of a quick program in each block


class Contender:
    def __init__(self, name, command, runs=1, before=None):
        self.name, self.command, self.runs, self.before = name, [str(part) for part in command], runs, before
        self.times = []

    def once(self, env):
        """Milliseconds from the start of the process to its end."""
        if self.before:
            self.before()
        quiet = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
        began = time.perf_counter_ns()
        pid = os.posix_spawn(self.command[0], self.command, env, file_actions=quiet)
        _, status = os.waitpid(pid, 0)
        took = (time.perf_counter_ns() - began) / 1e6
        if status != 0:
            sys.exit(f"{self.name} failed: {' '.join(self.command)}")
        return took

    @property
    def median(self):
        return statistics.median(self.times)


def prepare(home, practice):
    """A role without MFA, for Stagedoor (connected, key in the keychain) and for the AWS CLI (key in a file)."""
    person = practice.person("bea")
    role = practice.role("bench", person.arn, allow("iam:ListRoles"))
    person.may(allow("sts:AssumeRole", role))
    profile = "[profile {}]\nrole_arn = {}\nsource_profile = {}\nregion = eu-west-1\nduration_seconds = 3600\n"
    home.write(
        profile.format("bench", role, "bea") + profile.format("by-the-aws-cli", role, "plain"),
        person.credentials_file() + person.credentials_file().replace("[bea]", "[plain]"),
    )
    home.stagedoor("import", "bea").ok()
    home.stagedoor("connect", "bench").ok()
    home.credential_process("bench")
    home.run("secret-tool", "store", "--label=bench", "kind", "bench", stdin=person.secret).ok()


def contenders(home):
    empty = ROOT / "target/empty"
    subprocess.run(["rustc", "-O", "--edition", "2024", "-o", empty, ROOT / "benches/empty.rs"], check=True)
    who = [TOOLS / "python", TOOLS / "aws", "sts", "get-caller-identity", "--profile"]
    answer = [PROGRAM, "credential-process", "bench"]
    return [
        Contender("an empty program", [empty], QUICK),
        Contender("stagedoor credential-process, warm", answer, QUICK),
        Contender("secret-tool lookup", ["/usr/bin/secret-tool", "lookup", "kind", "bench"], QUICK),
        Contender("stagedoor credential-process, cold", answer, 2, before=lambda: home.stagedoor("stop", "--all").ok()),
        # Version 1 of the AWS CLI cannot print what is in its cache: this is the cheapest command that uses it, with one call on loopback.
        Contender("aws sts get-caller-identity, from the AWS CLI's cache", [*who, "by-the-aws-cli"]),
        Contender("aws sts get-caller-identity, through stagedoor", [*who, "bench"]),
    ]


def measure(rivals, env):
    for rival in rivals:
        rival.once(env)
    for _ in range(BLOCKS):
        for rival in rivals:
            if rival.before is None and rival.runs > 1:
                rival.once(env)  # the session is warm again, and so are the caches
            rival.times += [rival.once(env) for _ in range(rival.runs)]


def report(rivals):
    empty, warm, lookup = (rival.median for rival in rivals[:3])
    width = max(len(rival.name) for rival in rivals)
    print(f"\n{'':{width}}  {'median':>9}  {'fastest':>9}  {'× empty':>8}  runs")
    for rival in rivals:
        print(f"{rival.name:{width}}  {rival.median:6.2f} ms  {min(rival.times):6.2f} ms  {rival.median / empty:8.1f}  {len(rival.times)}")
    print()
    promises = {
        "warm is at most three times the empty program": warm <= 3 * empty,
        "warm is below secret-tool lookup": warm < lookup,
    }
    for promise, held in promises.items():
        print(f"{'held' if held else 'NOT HELD'}: {promise}")
    return all(promises.values())


def main():
    server, practice = start_practice()
    home = Home(practice.endpoint, practice.signin)
    try:
        prepare(home, practice)
        home.stop_watching()
        rivals = contenders(home)
        measure(rivals, home.env)
        sys.exit(0 if report(rivals) else 1)
    finally:
        home.close()
        server.close()


if __name__ == "__main__":
    main()
