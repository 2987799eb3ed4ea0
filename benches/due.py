"""A thousand sessions that are due at the same moment, at an STS that answers in 20 ms and asks every third request to slow down.

They are issued for two minutes, so that the agent renews them after half a minute, and from then on for an hour.
"""

import concurrent.futures
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from home import Home, wait

from large import Socket
from side_by_side import ROOT, report

SESSIONS = 1000
IN_FLIGHT = 20
FIRST_END = 120
ROLE = "[profile due-{0}]\nrole_arn = arn:aws:iam::123456789012:role/due-{0}\nsource_profile = ann\nregion = eu-west-1\n"
KEY = "[ann]\naws_access_key_id = AKIABENCHBENCHBENCH0\naws_secret_access_key = benchbenchbenchbenchbenchbenchbenchbench\n"


class Sts:
    def __init__(self, folder):
        self._told = pathlib.Path(folder) / "told"
        command = [sys.executable, ROOT / "benches/throttling_sts.py", self._told]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.endpoint = self._process.stdout.readline().strip()

    def becomes(self, *words):
        print(*words, file=self._process.stdin, flush=True)
        assert self._process.stdout.readline() == "done\n"

    def tells(self):
        self.becomes("tell")
        return json.loads(self._told.read_text())

    def close(self):
        self._process.kill()
        self._process.wait()


def sessions(agent):
    answer = json.loads(agent.ask(do="status"))
    end = {line["profile"]: datetime.datetime.fromisoformat(line["expiration"]) for line in answer["sessions"] if line["state"] == "active"}
    return end


def measure():
    folder = tempfile.TemporaryDirectory()
    sts = Sts(folder.name)
    home = Home(sts.endpoint)
    home.stop_watching()
    try:
        home.write("".join(ROLE.format(number) for number in range(SESSIONS)), KEY)
        home.stagedoor("status").ok()
        agent = Socket(home)
        sts.becomes("ends", FIRST_END)
        with concurrent.futures.ThreadPoolExecutor(40) as callers:
            began = time.monotonic()
            answers = list(callers.map(lambda number: agent.ask(do="start", profile=f"due-{number}"), range(SESSIONS)))
            issued_in = time.monotonic() - began
        assert all(b'"is":"done"' in answer for answer in answers), next(answer for answer in answers if b'"is":"done"' not in answer)
        first, first_told = sessions(agent), sts.tells()
        assert len(first) == SESSIONS
        sts.becomes("ends", 3600)
        sts.becomes("slow", 3)
        last_end, seen = max(first.values()), {"lost": 0}

        def all_renewed():
            now = sessions(agent)
            seen["lost"] = max(seen["lost"], SESSIONS - len(now))
            seen["renewed"] = sum(end > last_end for end in now.values())
            if seen["renewed"] and "began" not in seen:
                seen["began"] = time.monotonic()
            return seen["renewed"] == SESSIONS

        end = time.monotonic() + FIRST_END
        while not all_renewed() and time.monotonic() < end:
            time.sleep(0.25)
        took, told = time.monotonic() - seen.get("began", end), sts.tells()
        wait(lambda: sts.tells() == told, "its quiet")
    finally:
        sts.close()
        home.close()
        folder.cleanup()
    refused = told["refused"]
    return report(f"{SESSIONS:,} sessions due at once, an STS that refuses one in three", [
        ("issued, by 40 callers", f"{issued_in:.1f} s", f"at most {first_told['most']} requests under way"),
        ("renewed", f"{took:.1f} s", f"at most {told['most']} under way, {refused} refused with Throttling, {told['asked'] - SESSIONS} asked"),
    ], [
        (f"all are renewed within their windows: {seen['renewed']:,}, and {seen['lost']} ended first", seen["renewed"] == SESSIONS and seen["lost"] == 0),
        (f"at most {IN_FLIGHT} requests are under way: {told['most']}", told["most"] <= IN_FLIGHT),
        (f"no refusal is lost: {told['asked'] - SESSIONS} asked, {refused} refused, {SESSIONS:,} granted", refused > 0 and told["asked"] - SESSIONS - refused == SESSIONS),
    ])
