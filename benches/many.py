"""Two hundred at once, no session, an STS that answers in 200 ms: undisturbed, with 20 of them killed, with the agent killed.

The STS is the practice account behind a proxy that holds AssumeRole back, in a process of its own so that it is in nobody's
way. That the session has ended is made by stopping all of them: the agent asks AWS then as it does after an expiration.
"""

import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from home import PROGRAM, Home

from side_by_side import BLOCKS, QUIET, ROOT, empty_program, person_with_role, report

AT_ONCE = 200
HELD_BACK = 0.2
KILLED = 20
ROUNDS = max(1, BLOCKS // 4)


class SlowSts:
    def __init__(self, endpoint, folder):
        self._calls = pathlib.Path(folder) / "calls"
        command = [sys.executable, ROOT / "benches/slow_sts.py", endpoint, str(HELD_BACK), self._calls]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.endpoint = self._process.stdout.readline().strip()

    @property
    def asked(self):
        return self._calls.read_text().count("AssumeRole\n")

    def close(self):
        self._process.kill()
        self._process.wait()


def at_once(command, env, meanwhile=None):
    """Starts them all and waits for all. Milliseconds, and the status of each."""
    command = [str(part) for part in command]
    began = time.perf_counter()
    pids = []
    for n in range(AT_ONCE):
        if meanwhile and n == AT_ONCE // 4:
            meanwhile(pids)  # a quarter of them wait by now
        pids.append(os.posix_spawn(command[0], command, env, file_actions=QUIET))
    statuses = [os.waitpid(pid, 0)[1] for pid in pids]
    return (time.perf_counter() - began) * 1000, statuses


def kill_some(pids):
    for pid in pids[-KILLED:]:
        os.kill(pid, signal.SIGKILL)


def one_round(home, sts, meanwhile):
    home.stagedoor("stop", "--all").ok()
    before = sts.asked
    took, statuses = at_once([PROGRAM, "credential-process", "many"], home.env, meanwhile)
    return took, sts.asked - before, sum(status not in (0, signal.SIGKILL) for status in statuses), sum(status == signal.SIGKILL for status in statuses)


def measure(practice):
    folder = tempfile.TemporaryDirectory()
    sts = SlowSts(practice.endpoint, folder.name)
    home = Home(sts.endpoint, practice.signin)
    home.stop_watching()
    try:
        person, role = person_with_role(practice, "ann", "many")
        home.write(f"[profile many]\nrole_arn = {role}\nsource_profile = ann\nregion = eu-west-1\n", person.credentials_file())
        home.stagedoor("import", "ann").ok()
        home.credential_process("many")

        def kill_agent(_):
            [agent] = home.agents()
            os.kill(agent, signal.SIGKILL)

        kinds = [("undisturbed", None, 1, 0), (f"{KILLED} of them killed", kill_some, 1, KILLED), ("the agent killed and started again", kill_agent, 2, 0)]
        empty, empties, results = empty_program(), [], {name: [] for name, *_ in kinds}
        for _ in range(ROUNDS):
            empties.append(at_once([empty], home.env)[0])
            for name, meanwhile, *_ in kinds:
                results[name].append(one_round(home, sts, meanwhile))
    finally:
        sts.close()
        home.close()
        folder.cleanup()
    bound = HELD_BACK * 1000 + 3 * statistics.median(empties)
    lines = [(f"{AT_ONCE} empty programs", f"{statistics.median(empties):7.0f} ms", f"{ROUNDS} rounds")]
    promises = []
    for name, _, calls, killed in kinds:
        times, asked, failed, ended = zip(*results[name])
        some = min(ended) > 0 if killed else max(ended) == 0  # on a slow machine some are done before they can be killed
        took = statistics.median(times)
        lines.append((f"{AT_ONCE} credential-process, {name}", f"{took:7.0f} ms", f"AssumeRole {max(asked)}, failed {sum(failed)}, killed {min(ended)} to {max(ended)}"))
        promises += [
            (f"{name}: at most {calls} AssumeRole, and none failed", max(asked) <= calls and min(asked) >= 1 and sum(failed) == 0 and some),
            (f"{name}: all done within 200 ms + three times the empty programs: {took:.0f} of {bound:.0f} ms", took <= bound),
        ]
    return report(f"{AT_ONCE} at once, STS answers in {HELD_BACK * 1000:.0f} ms", lines, promises)
