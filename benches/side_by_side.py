"""What the benches share: contenders that are started again and again, interleaved; a table; promises that are held or not.

The times hold everything a caller waits for: start of the process, answer, end.
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

from cloud import allow  # noqa: E402
from home import wait  # noqa: E402

BLOCKS = int(os.environ.get("BLOCKS", "20"))
QUICK = 20  # runs of a quick program in each block
QUIET = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]


class Contender:
    def __init__(self, name, command, runs=1, before=None):
        self.name, self.command, self.runs, self.before = name, [str(part) for part in command], runs, before
        self.times = []

    def once(self, env):
        """Milliseconds from the start of the process to its end."""
        if self.before:
            self.before()
        began = time.perf_counter_ns()
        pid = os.posix_spawn(self.command[0], self.command, env, file_actions=QUIET)
        _, status = os.waitpid(pid, 0)
        took = (time.perf_counter_ns() - began) / 1e6
        if status != 0:
            sys.exit(f"{self.name} failed: {' '.join(self.command)}")
        return took

    @property
    def median(self):
        return statistics.median(self.times)

    @property
    def line(self):
        return self.name, f"{self.median:7.2f} ms", f"fastest {min(self.times):.2f} ms, {len(self.times)} runs"


def most_memory(command, env):
    """MiB at most, of a program that prints: its output goes into a full pipe, so that it is seen when all but the printing is done.

    What `wait4` tells would be that of this interpreter, from which the new process came.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while os.write(writing, bytes(4096)):
            pass
    except BlockingIOError:
        os.set_blocking(writing, True)
    pid = os.posix_spawn(str(command[0]), [str(part) for part in command], env, file_actions=[QUIET[0], (os.POSIX_SPAWN_DUP2, writing, 1)])
    os.close(writing)
    wait(lambda: "pipe" in pathlib.Path(f"/proc/{pid}/wchan").read_text(), "its output")
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    while os.read(reading, 65536):
        pass
    os.close(reading)
    os.waitpid(pid, 0)
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def empty_program():
    path = ROOT / "target/empty"
    subprocess.run(["rustc", "-O", "--edition", "2024", "-o", path, ROOT / "benches/empty.rs"], check=True)
    return path


def interleave(rivals, env):
    for rival in rivals:
        rival.once(env)
    for _ in range(BLOCKS):
        for rival in rivals:
            if rival.before is None and rival.runs > 1:
                rival.once(env)  # the session is warm again, and so are the caches
            rival.times += [rival.once(env) for _ in range(rival.runs)]


def person_with_role(practice, name, role):
    """A user without an MFA device, and a role that trusts them."""
    person = practice.person(name)
    arn = practice.role(role, person.arn, allow("iam:ListRoles"))
    person.may(allow("sts:AssumeRole", arn))
    return person, arn


def resident(pid):
    """MiB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def report(title, lines, promises):
    """Prints both; whether all is held."""
    width = max(len(line[0]) for line in lines)
    print(f"\n{title}")
    for name, figure, more in lines:
        print(f"  {name:{width}}  {figure:>12}  {more}")
    for promise, held in promises:
        print(f"  {'held' if held else 'NOT HELD'}: {promise}")
    sys.stdout.flush()
    return all(held for _, held in promises)
