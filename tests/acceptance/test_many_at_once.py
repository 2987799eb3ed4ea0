"""Two hundred tools at the same moment, on a role that nobody has started: one call to AWS, and an answer for each.

The same while some of them are killed, and while the agent is: whoever lives gets an answer. What they share is counted at the
endpoint; how long it takes is measured by `make bench`.
"""

import os
import signal
import subprocess
import threading

import pytest

from cloud import Counter, allow
from home import PROGRAM, wait

AT_ONCE = 200
KILLED = 20


@pytest.fixture
def build(homes, practice):
    """A home with the role `build`, the counter before its STS, and the gate that lets AssumeRole through."""
    counters = []

    def make(name):
        person = practice.person(name)
        role = practice.role(f"build-{name}", person.arn, allow("iam:ListRoles"), external_id="build-1")
        person.may(allow("sts:AssumeRole", role))
        gate = threading.Event()
        counter = Counter(practice.endpoint, gate=gate)
        counters.append(counter)
        home = homes(counter.endpoint, practice.signin)
        home.write(f"[profile build]\nrole_arn = {role}\nsource_profile = {name}\nexternal_id = build-1\nregion = eu-west-1\n", person.credentials_file())
        home.stagedoor("import", name).ok()
        return home, counter, gate

    yield make
    for counter in counters:
        counter.close()


def start(home):
    command = [PROGRAM, "credential-process", "build"]
    return [
        subprocess.Popen(command, env=home.env, cwd=home.path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(AT_ONCE)
    ]


def answers(processes):
    return [(*process.communicate(timeout=120), process.returncode) for process in processes]


def all_hold_the_same(home, answers):
    failed = [(code, err) for _, err, code in answers if code != 0]
    assert not failed, failed
    assert len({out for out, _, _ in answers}) == 1, "all of them hold the same session"
    assert len(home.agents()) == 1, "and one agent answered them"


def test_two_hundred_at_once_join_one_flight(build):
    home, counter, gate = build("fred")
    home.end_agent()
    assert not home.agents(), "as cold as it gets: nobody holds anything"
    gate.set()
    all_hold_the_same(home, answers(start(home)))
    assert counter.count("AssumeRole") == 1, counter.calls


def test_those_that_are_killed_take_nobody_along(build):
    home, counter, gate = build("fiona")
    processes = start(home)
    wait(lambda: counter.count("AssumeRole") == 1, "the call to AWS")
    for process in processes[::AT_ONCE // KILLED]:
        process.kill()
    gate.set()
    ended = answers(processes)
    killed = [code for _, _, code in ended if code == -signal.SIGKILL]
    assert len(killed) == KILLED, "all of them waited when they were killed"
    all_hold_the_same(home, [answer for answer in ended if answer[2] != -signal.SIGKILL])
    assert counter.count("AssumeRole") == 1, counter.calls


def test_a_killed_agent_is_replaced_and_everybody_is_answered(build):
    home, counter, gate = build("fergus")
    processes = start(home)
    wait(lambda: counter.count("AssumeRole") == 1, "the call to AWS")
    [agent] = home.agents()
    os.kill(agent, signal.SIGKILL)
    wait(lambda: counter.count("AssumeRole") == 2, "the call of the agent that came instead")
    gate.set()
    all_hold_the_same(home, answers(processes))
    assert home.agents() != [agent], "another agent"
    assert counter.count("AssumeRole") == 2, counter.calls
