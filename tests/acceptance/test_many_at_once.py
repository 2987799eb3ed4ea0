"""Fifty tools at the same moment, on a role that nobody has started: one call to AWS, and an answer for each."""

import subprocess

from cloud import Counter, allow
from home import PROGRAM

AT_ONCE = 50


def run_at_once(home, profile):
    processes = [
        subprocess.Popen([PROGRAM, "credential-process", profile], env=home.env, cwd=home.path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(AT_ONCE)
    ]
    return [(*process.communicate(timeout=60), process.returncode) for process in processes]


def test_fifty_at_once_join_one_flight(homes, practice):
    person = practice.person("fred")
    role = practice.role("build", person.arn, allow("iam:ListRoles"), external_id="build-1")
    person.may(allow("sts:AssumeRole", role))
    counter = Counter(practice.endpoint)
    try:
        home = homes(counter.endpoint, practice.signin)
        home.write(f"[profile build]\nrole_arn = {role}\nsource_profile = fred\nexternal_id = build-1\nregion = eu-west-1\n", person.credentials_file())
        home.stagedoor("import", "fred").ok()
        home.end_agent()
        assert not home.agents(), "as cold as it gets: nobody holds anything"
        answers = run_at_once(home, "build")
        failed = [(code, err) for _, err, code in answers if code != 0]
        assert not failed, failed
        assert len({out for out, _, _ in answers}) == 1, "all of them hold the same session"
        assert counter.count("AssumeRole") == 1, counter.calls
        assert len(home.agents()) == 1, "and one agent answered them"
    finally:
        counter.close()
