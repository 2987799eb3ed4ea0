"""Leases with the real AWS CLI: what the narrowed session may do, whose signals and exit code they are, and how they end."""

import json
import os
import signal

import pytest

from cloud import NUMBERS, allow
from home import PROGRAM, TOOLS, wait

AWS = TOOLS / "aws"


@pytest.fixture
def leased(home, practice):
    """A home with the profile `job`: a role that may do everything in IAM, STS and S3."""
    number = next(NUMBERS)
    person = practice.person(f"lender-{number}")
    role = practice.role(f"lent-{number}", person.arn, allow("*"), external_id="job-1")
    person.may(allow("sts:AssumeRole", role))
    home.write(f"[profile job]\nrole_arn = {role}\nsource_profile = {person.name}\nexternal_id = job-1\nregion = eu-west-1\n", person.credentials_file())
    home.stagedoor("import", person.name).ok()
    home.keep_secret("the secret access key", person.secret)
    return home


def lease(home, *narrowing, run, **options):
    return home.stagedoor("lease", "job", *narrowing, "--", *run, **options)


def listed(home):
    return home.stagedoor("lease", "list", "--json").ok().json


def buckets(home):
    return json.loads(home.stagedoor("exec", "job", "--", AWS, "s3api", "list-buckets").ok().out)["Buckets"]


def test_a_bucket_and_nothing_else(leased):
    one = buckets(leased)[0]["Name"]
    objects = json.loads(lease(leased, "--bucket", one, run=[AWS, "s3api", "list-objects-v2", "--bucket", one]).ok().out)
    key = objects["Contents"][0]["Key"]
    lease(leased, "--bucket", one, "--read-only", run=[AWS, "s3api", "get-object", "--bucket", one, "--key", key, "read.txt"]).ok()
    for bucket, what in (
        ("another-bucket", ["s3api", "list-objects-v2", "--bucket", one]),
        ("another-bucket", ["s3api", "get-object", "--bucket", one, "--key", key, "read.txt"]),
        (one, ["s3api", "list-buckets"]),
        (one, ["s3api", "get-bucket-policy", "--bucket", one]),
        (one, ["iam", "list-users"]),
    ):
        denied = lease(leased, "--bucket", bucket, run=[AWS, *what])
        assert denied.code == 255 and "AccessDenied" in denied.err, denied
    assert listed(leased) == [], "each ended with its command"
    leased.assert_nothing_leaked()


def test_no_iam_and_read_only(leased):
    denied = lease(leased, "--no-iam", run=[AWS, "iam", "list-users"])
    assert denied.code == 255 and "explicit deny in a session policy" in denied.err, denied
    lease(leased, "--no-iam", run=[AWS, "s3api", "list-buckets"]).ok()
    lease(leased, "--read-only", run=[AWS, "iam", "list-users"]).ok()
    denied = lease(leased, "--read-only", run=[AWS, "iam", "create-user", "--user-name", "mallory"])
    assert denied.code == 255 and "no session policy allows" in denied.err, denied
    # The profile is as wide as ever.
    leased.stagedoor("exec", "job", "--", AWS, "iam", "list-users").ok()


def test_a_policy_from_standard_input(leased):
    own = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}]}
    lease(leased, "--policy", "-", run=[AWS, "iam", "list-users"], stdin=json.dumps(own, indent=4)).ok()
    denied = lease(leased, "--policy", "-", run=[AWS, "iam", "list-roles"], stdin=json.dumps(own))
    assert denied.code == 255, denied
    for wrong in ("{", '{"Version":"2012-10-17","Statement":[]}', json.dumps({**own, "Statement": [{**own["Statement"][0], "Principal": "*"}]})):
        lease(leased, "--policy", "-", run=["true"], stdin=wrong).refused(2, "session policy")
    lease(leased, "--policy", "absent.json", run=["true"]).refused(1, "absent.json")


def test_what_makes_no_sense_is_a_wrong_argument(leased):
    lease(leased, run=["true"]).refused(2, "narrower", "--read-only")
    lease(leased, "--bucket", "s3://x", run=["true"]).refused(2, "bucket")
    lease(leased, "--no-iam", "--duration", "5m", run=["true"]).refused(2, "duration")
    lease(leased, "--no-iam", "--tag", "team", run=["true"]).refused(2, "tag")
    assert lease(leased, "--no-iam", "--read-only", run=["true"]).code == 2
    lease(leased, "--no-iam", run=["no-such-program"]).refused(127, "no-such-program")
    assert listed(leased) == []


def test_its_exit_code_and_its_input_are_the_commands(leased):
    done = lease(leased, "--no-iam", run=["sh", "-c", "cat; exit 7"], stdin="through and through")
    assert (done.code, done.out) == (7, "through and through"), done


def test_a_signal_reaches_the_command(leased):
    script = "trap 'echo ended; exit 9' TERM; echo ready; while :; do sleep 0.02; done"
    running = leased.start(PROGRAM, "lease", "job", "--no-iam", "--", "sh", "-c", script, stdout=-1, stdin=-3)
    assert running.stdout.readline() == "ready\n"
    [shown] = listed(leased)
    assert (shown["program"], shown["profile"], shown["narrowing"]) == ("sh", "job", {"preset": "no_iam"})
    running.send_signal(signal.SIGTERM)
    assert (running.stdout.read(), running.wait(timeout=20)) == ("ended\n", 9)
    assert listed(leased) == []


def test_a_command_that_is_killed_ends_its_lease(leased):
    running = leased.start(PROGRAM, "lease", "job", "--no-iam", "--", "sh", "-c", "echo $$; exec sleep 60", stdout=-1, stdin=-3)
    os.kill(int(running.stdout.readline()), signal.SIGKILL)
    assert running.wait(timeout=20) == 128 + signal.SIGKILL
    assert listed(leased) == []


def test_an_agent_that_is_killed_loses_no_lease(leased):
    running = leased.start(PROGRAM, "lease", "job", "--no-iam", "--name", "ci", "--", "sh", "-c", "echo ready; read line; exit 3", stdout=-1, stdin=-1)
    assert running.stdout.readline() == "ready\n"
    sealed = leased.path / "stagedoor" / "data" / "sessions.sealed"
    wait(sealed.exists, "the sealed leases")
    [before] = listed(leased)
    leased.end_agent(signal.SIGKILL)
    [after] = listed(leased)
    assert (after["id"], after["ends"], after["access_key_id"]) == (before["id"], before["ends"], before["access_key_id"])
    running.stdin.write("go\n")
    running.stdin.flush()
    assert running.wait(timeout=30) == 3
    assert listed(leased) == [], "it was stopped with the agent that came after"


def test_a_program_asks_for_it_by_its_id(leased):
    made = leased.stagedoor("lease", "job", "--read-only", "--name", "robot", "--duration", "15m").ok()
    lease_id = made.out.strip()
    config = leased.config.decode()
    leased.write(f"{config}\n[profile robot]\ncredential_process = {PROGRAM} credential-process --lease {lease_id}\nregion = eu-west-1\n")
    leased.run(AWS, "iam", "list-users", "--profile", "robot").ok()
    denied = leased.run(AWS, "iam", "create-user", "--user-name", "mallory", "--profile", "robot")
    assert denied.code == 255 and "session policy" in denied.err, denied
    assert listed(leased)[0]["handed"] >= 2
    assert "robot" in leased.stagedoor("lease", "list").ok().out
    stopped = leased.stagedoor("lease", "stop", "robot").ok()
    assert "until it expires" in stopped.err, "what was handed out lives on, and that is said"
    assert leased.run(AWS, "iam", "list-users", "--profile", "robot").code != 0
    leased.stagedoor("credential-process", "--lease", lease_id).refused(1, "stopped")
    leased.stagedoor("lease", "stop", "robot").refused(1, "robot")
    leased.assert_nothing_leaked()


def test_the_credentials_file_on_request(leased):
    credentials = leased.aws / "credentials"
    before = credentials.read_bytes()
    leased.stagedoor("write", "job").refused(1, "elsewhere", "--as")
    leased.stagedoor("write", "job", "--as", "old-tool").ok()
    assert credentials.read_bytes().startswith(before) and credentials.stat().st_mode & 0o777 == 0o600
    leased.run(AWS, "sts", "get-caller-identity", "--profile", "old-tool").ok()
    assert "old-tool" not in leased.stagedoor("profiles", "--json").ok().out, "no profile of its own"
    # The agent is killed: the next start takes it out, and writes it anew only with a session.
    leased.end_agent(signal.SIGKILL)
    assert b"[old-tool]" in credentials.read_bytes()
    leased.stagedoor("stop", "--all").ok()
    assert credentials.read_bytes() == before, "byte for byte"
    leased.stagedoor("start", "job").ok()
    wait(lambda: b"[old-tool]" in credentials.read_bytes(), "the section")
    leased.end_agent()
    assert credentials.read_bytes() == before, "an agent that ends leaves nothing"
    leased.stagedoor("write", "job", "--off").ok()
    leased.stagedoor("start", "job").ok()
    assert credentials.read_bytes() == before
