"""The agent's memory and file descriptors over many answers, each asked for on a connection of its own.

`REQUESTS=100000` by default; the first tenth is for warming up, and is what the rest is compared with.
"""

import os
import time

from home import Home

from large import Socket
from side_by_side import person_with_role, report, resident

REQUESTS = int(os.environ.get("REQUESTS", "100000"))
FLAT_MIB = 2


def look(pid):
    """Memory and open files, the connection that has just ended not among them."""
    files = []
    for _ in range(20):
        time.sleep(0.05)
        files.append(len(os.listdir(f"/proc/{pid}/fd")))
    return resident(pid), min(files)


def measure(practice):
    home = Home(practice.endpoint, practice.signin)
    home.stop_watching()
    try:
        person, role = person_with_role(practice, "sue", "soak")
        home.write(f"[profile soak]\nrole_arn = {role}\nsource_profile = sue\nregion = eu-west-1\n", person.credentials_file())
        home.stagedoor("import", "sue").ok()
        home.credential_process("soak")
        agent, [pid] = Socket(home), home.agents()

        def ask(times):
            for _ in range(times):
                assert b'"is":"text"' in agent.ask(do="credential_process", profile="soak")

        ask(REQUESTS // 10)
        warm = look(pid)
        began = time.perf_counter()
        ask(REQUESTS - REQUESTS // 10)
        each = (time.perf_counter() - began) * 1000 / (REQUESTS - REQUESTS // 10)
        end = look(pid)
        assert home.agents() == [pid], "the same agent answered them all"
    finally:
        home.close()
    lines = [(f"after {count:,} requests", f"{size:.1f} MiB", f"{files} file descriptors") for count, (size, files) in ((REQUESTS // 10, warm), (REQUESTS, end))]
    lines.append(("a request, asked from Python", f"{each:.3f} ms", ""))
    return report("The agent under load", lines, [
        (f"memory is flat: it grew by {end[0] - warm[0]:.2f} MiB, of at most {FLAT_MIB}", end[0] - warm[0] <= FLAT_MIB),
        (f"no file descriptor is left open: {warm[1]} before, {end[1]} after", end[1] <= warm[1]),
    ])
