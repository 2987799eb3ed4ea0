"""`exec --endpoint`: the real AWS CLI and boto3 find the container endpoint, whatever lies in its way, and renew there."""

import json
import subprocess

import pytest

from cloud import NUMBERS, allow
from home import PROGRAM, TOOLS, wait

WHO = [TOOLS / "aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"]
ASK_BOTO3 = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
STALE = {
    "AWS_ACCESS_KEY_ID": "AKIASTALESTALESTALE0",
    "AWS_SECRET_ACCESS_KEY": "stale",
    "AWS_SESSION_TOKEN": "stale",
    "AWS_SECURITY_TOKEN": "stale",
    "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z",
    "AWS_PROFILE": "nobody",
    "AWS_DEFAULT_PROFILE": "nobody",
    "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/stale",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/stale",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/stale",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/stale",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "stale",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/stale",
}
# Asks at every line of its input, with one client that it keeps. Says which access key it used, or why it has none.
LONG = """
import sys, boto3, botocore.exceptions
session = boto3.Session()
sts = session.client("sts")
for line in sys.stdin:
    try:
        arn = sts.get_caller_identity()["Arn"]
        print(session.get_credentials().get_frozen_credentials().access_key, arn, flush=True)
    except botocore.exceptions.BotoCoreError as error:
        print("failed", error, flush=True)
"""


@pytest.fixture
def worker(home, practice):
    """A home whose key is in the keychain, with a role `job` behind it."""
    number = next(NUMBERS)
    person = practice.person(f"endpoint-{number}")
    role = practice.role(f"endpoint-job-{number}", person.arn, allow("iam:ListRoles"))
    person.may(allow("sts:AssumeRole", role))
    home.write(
        f"[profile {person.name}]\nregion = eu-west-1\n\n"
        f"[profile job]\nrole_arn = {role}\nsource_profile = {person.name}\nregion = eu-central-1\nduration_seconds = 900\n",
        person.credentials_file(),
    )
    home.stagedoor("import", person.name).ok()
    home.config_text, home.credentials_text = home.config.decode(), home.credentials.decode()
    home.keep_secret("the secret access key", person.secret)
    home.person, home.arn = person, f":assumed-role/endpoint-job-{number}/"
    return home


def inside(home, *command, **options):
    return home.stagedoor("exec", "job", "--endpoint", "--", *command, **options)


def is_the_job(home, **options):
    for command in (WHO, [TOOLS / "python", "-c", ASK_BOTO3]):
        done = inside(home, *command, **options).ok()
        assert home.arn in done.out and not done.err, done


def test_the_aws_cli_and_boto3_get_their_credentials_there(worker):
    is_the_job(worker)
    is_the_job(worker, env=STALE)
    [session] = worker.stagedoor("status", "--json").ok().json
    assert session["delivered"] == ["endpoint"] and session["state"] == "active"


def test_a_default_profile_does_not_win(worker):
    other = f"aws_access_key_id = {worker.person.key_id}\naws_secret_access_key = {worker.person.secret}\n"
    credentials = f"[default]\n{other}\n{worker.credentials_text}"
    worker.write(worker.config_text, credentials)
    plain = worker.run(*WHO).ok()
    assert plain.out.strip() == worker.person.arn, "without Stagedoor the default profile answers"
    is_the_job(worker)
    assert worker.credentials == credentials.encode()
    (worker.aws / "credentials").write_text(worker.credentials_text)
    worker.write(f"[default]\n{other}output = table\nregion = sa-east-1\n\n{worker.config_text}")
    is_the_job(worker)
    shown = inside(worker, TOOLS / "aws", "sts", "get-caller-identity", "--query", "{a: Arn}").ok()
    assert shown.out.startswith("---"), "what else the default profile says still counts"
    worker.write(f"[default]\nrole_arn = {worker.arn}\nsource_profile = nobody\n\n{worker.config_text}")
    is_the_job(worker)
    worker.write(worker.config_text)
    (worker.path / ".boto").write_text(f"[Credentials]\n{other}")
    is_the_job(worker)


def test_a_command_without_the_aws_files_can_still_call_stagedoor(worker):
    worker.write(f"[default]\naws_access_key_id = AKIADEFAULTDEFAULT00\naws_secret_access_key = {'x' * 40}\n\n{worker.config_text}")
    names = [profile["name"] for profile in inside(worker, PROGRAM, "profiles", "--json").ok().json]
    assert "job" in names and "default" in names
    # An agent that is started from there sees them too.
    again = inside(worker, "sh", "-c", f"kill {' '.join(map(str, worker.agents()))}; while [ -e '{worker.path}/stagedoor/run/agent.sock' ]; do sleep 0.02; done; '{PROGRAM}' whoami job")
    assert worker.arn in again.ok().out and not again.err, again
    home_variable = inside(worker, "sh", "-c", 'echo x > "$AWS_CONFIG_FILE"').ok()
    is_the_job(worker)
    assert not home_variable.err


def test_the_environment_holds_the_way_and_no_credentials(worker):
    done = inside(worker, "env", "-0", env=STALE, delivers=True).ok()
    names = dict(entry.split("=", 1) for entry in done.out.split("\0") if entry.startswith("AWS_"))
    token = names["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    assert len(token) == 43 and names["AWS_CONTAINER_CREDENTIALS_FULL_URI"].startswith("http://127.0.0.1:")
    assert names["AWS_REGION"] == names["AWS_DEFAULT_REGION"] == "eu-central-1"
    assert not (set(STALE) & set(names)) - {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"}, names
    worker.keep_secret("the token of the endpoint", token)
    is_the_job(worker)
    worker.assert_nothing_leaked()


def long(home):
    process = home.start(PROGRAM, "exec", "job", "--endpoint", "--", TOOLS / "python", "-c", LONG, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask():
        process.stdin.write("\n")
        process.stdin.flush()
        return process.stdout.readline().split(" ", 1)

    return process, ask


def test_a_boto3_that_runs_for_long_renews_there(worker):
    process, ask = long(worker)
    first, arn = ask()
    assert first.startswith("ASIA") and worker.arn in arn
    assert ask()[0] == first, "as long as it holds it is the same"
    # The session is over; within its last quarter of an hour botocore asks again at every call.
    worker.stagedoor("stop", "job").ok()
    second, arn = ask()
    assert second.startswith("ASIA") and second != first and worker.arn in arn, "the very process has new credentials"
    process.stdin.close()
    assert process.wait(timeout=20) == 0


def test_after_the_agent_was_started_anew_a_command_uses_up_what_it_has(worker):
    process, ask = long(worker)
    first, _ = ask()
    worker.end_agent()
    assert ask()[0] == first, "its credentials hold until their end"
    worker.stagedoor("whoami", "job").ok()
    assert ask()[0] == first, "the new agent has another port, and takes no old token"
    is_the_job(worker)
    process.stdin.close()
    process.wait(timeout=20)


def test_a_code_that_is_needed_is_asked_for_before_the_command_runs(home, practice):
    person = practice.person_with_device("edith")
    role = practice.role("endpoint-mfa", person.arn, mfa=True)
    person.may(allow("sts:AssumeRole", role))
    home.write(f"[profile mfa]\nrole_arn = {role}\nsource_profile = edith\nmfa_serial = {person.device.serial}\n", person.credentials_file())
    home.stagedoor("import", "edith").ok()
    home.stagedoor("exec", "mfa", "--endpoint", "--", "touch", "it-ran").refused(3, "MFA")
    assert not (home.path / "it-ran").exists()


def test_what_it_says_to_strangers(worker):
    """A refusal is the document that the SDKs show, and the agent's log names no token."""
    script = 'curl -s "$AWS_CONTAINER_CREDENTIALS_FULL_URI"; echo; curl -s -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" -H "Origin: http://evil.example" "$AWS_CONTAINER_CREDENTIALS_FULL_URI"'
    refusals = [json.loads(line) for line in inside(worker, "sh", "-c", script).ok().out.splitlines()]
    assert [refusal["code"] for refusal in refusals] == ["token_missing", "origin_refused"]
    log = worker.path / "stagedoor" / "data" / "agent.log"
    wait(lambda: "refused at the container endpoint" in log.read_text(), "the refusal in the log")
