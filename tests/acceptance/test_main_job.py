"""The main job, through the command line and the tools that people use: from a key in a file to a role in a terminal.

Once against the practice account, which enforces, and once against moto. Ends by searching for every secret it used.
"""

import shlex
import urllib.request

import pytest

from cloud import allow
from home import PROGRAM, TOOLS

CONFIG = """# What alice works with. This comment, the order and the odd spacing stay.
[default]
region=eu-west-1

[profile alice]
region    =   eu-west-1    # where she works
output = json

; the role that changes things
[profile dev-role]
role_arn = {dev}
source_profile = alice
mfa_serial={serial}
external_id = dev-4711
role_session_name = alice-at-work
duration_seconds = 3600
region = eu-west-1
x_team_colour = teal

[profile audit-role]
role_arn = {audit}
source_profile = dev-role
region = eu-west-1"""

ASK_BOTO3 = "import boto3; print(boto3.Session(profile_name='{}').client('sts').get_caller_identity()['Arn'])"


def build(cloud, homes):
    """alice, her device, a role behind MFA and an external ID, and a second role behind the first."""
    alice = cloud.person_with_device("alice")
    dev = cloud.role("dev", alice.arn, allow(["iam:ListRoles", "sts:AssumeRole"]), external_id="dev-4711", mfa=True)
    audit = cloud.role("audit", dev, allow("iam:ListUsers"))
    alice.may(allow("sts:AssumeRole", dev))
    home = homes(cloud.endpoint, cloud.signin)
    home.write(CONFIG.format(dev=dev, audit=audit, serial=alice.device.serial), alice.credentials_file())
    home.keep_secret("alice's secret access key", alice.secret)
    home.keep_secret("the seed of alice's device", alice.device.seed)
    return alice, home


def caller(home, profile):
    """Who AWS says a profile is, asked by the AWS CLI."""
    return home.run(TOOLS / "aws", "sts", "get-caller-identity", "--profile", profile, "--query", "Arn", "--output", "text")


def read_exports(home, lines):
    """What a shell knows after it has read the lines of `stagedoor env`: from a pipe, because arguments can be read by everybody."""
    names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
    script = lines + "".join(f'\nprintf "%s\\n" "${name}"' for name in names)
    return dict(zip(names, home.run("bash", stdin=script, delivers=True).ok().out.splitlines()))


def look_before(home, alice):
    """What is there, and where credentials would come from: no call to AWS."""
    profiles = {profile["name"]: profile for profile in home.stagedoor("profiles", "--json").ok().json}
    assert [profiles[name]["kind"] for name in ("alice", "dev-role", "audit-role")] == ["access_key", "role", "role"]
    assert profiles["dev-role"]["source_profile"] == "alice" and not profiles["dev-role"]["connected"]
    chain = home.stagedoor("resolve", "audit-role", "--json").ok().json
    assert chain["base"]["kind"] == "access_key" and chain["base"]["profile"] == "alice"
    assert [hop["profile"] for hop in chain["hops"]] == ["dev-role", "audit-role"]
    assert chain["hops"][0]["external_id"] == "dev-4711" and chain["hops"][0]["mfa_serial"] == alice.device.serial
    assert chain["needs"] == ["mfa_code"] and chain["longest_seconds"] == 3600


def move_key(cloud, home, alice):
    """The access key leaves the file, after it was proven."""
    before = home.credentials
    home.stagedoor("import", "--dry-run", "alice").ok()
    assert home.credentials == before, "a dry run changes nothing"
    home.stagedoor("import", "alice").ok()
    assert alice.secret.encode() not in home.credentials
    who = home.stagedoor("whoami", "alice", "--json").ok().json
    # moto does not remember whose session it gave out.
    assert who["account"] == cloud.account and (who["arn"] == alice.arn or not cloud.enforces), who
    return before


def start(cloud, home, alice):
    """One MFA code; a wrong one first."""
    home.stagedoor("credential-process", "dev-role").refused(3, "MFA")
    if cloud.enforces:
        home.stagedoor("start", "dev-role", "--mfa-code", alice.device.stale_code()).refused(1, "code")
    home.stagedoor("start", "dev-role", "--mfa-code", alice.device.code()).ok()
    status = {session["profile"]: session for session in home.stagedoor("status", "--json").ok().json}
    assert status["dev-role"]["state"] == "active" and status["dev-role"]["access_key_id"].startswith("ASIA")


def use(cloud, home):
    """The real AWS CLI and boto3, through `credential_process`."""
    assert caller(home, "dev-role").ok().out.strip().endswith(":assumed-role/dev/alice-at-work")
    assert home.run(TOOLS / "python", "-c", ASK_BOTO3.format("dev-role")).ok().out.strip().endswith(":assumed-role/dev/alice-at-work")
    assert ":assumed-role/audit/" in caller(home, "audit-role").ok().out, "no second code for the role behind the role"
    roles = home.run(TOOLS / "aws", "iam", "list-roles", "--profile", "dev-role", "--query", "Roles[].RoleName", "--output", "text").ok().out
    assert {"dev", "audit"} <= set(roles.split())
    if cloud.enforces:
        denied = home.run(TOOLS / "aws", "iam", "list-users", "--profile", "dev-role")
        assert denied.code != 0 and "AccessDenied" in denied.err
    else:
        home.run(TOOLS / "aws", "s3", "mb", "s3://a-bucket-of-alice", "--profile", "dev-role").ok()
        assert "a-bucket-of-alice" in home.run(TOOLS / "aws", "s3", "ls", "--profile", "dev-role").ok().out


def hand_out(home, alice):
    """Every other way out: a process, lines for a shell, a child."""
    answer = home.credential_process("dev-role")
    assert answer["AccessKeyId"].startswith("ASIA") and answer["Expiration"].endswith("Z")
    exported = read_exports(home, home.stagedoor("env", "dev-role", "--shell", "bash", delivers=True).ok().out)
    assert exported["AWS_ACCESS_KEY_ID"] == answer["AccessKeyId"] and exported["AWS_SECRET_ACCESS_KEY"] == answer["SecretAccessKey"]
    who = f"{shlex.quote(str(TOOLS / 'aws'))} sts get-caller-identity --query Arn --output text; exit 7"
    child = home.stagedoor("exec", "dev-role", "--", "sh", "-c", who)
    assert child.code == 7 and "assumed-role/dev/" in child.out, child
    key = home.credential_process("alice")
    assert key["AccessKeyId"] != alice.key_id and key["SessionToken"], "a plain key hands out a session, never itself"


def end(cloud, home):
    """Stopped, and nothing is handed out without a new code."""
    home.stagedoor("stop", "dev-role").ok()
    assert "active" not in [session["state"] for session in home.stagedoor("status", "--json").ok().json if session["profile"] == "dev-role"]
    home.stagedoor("stop", "--all").ok()
    assert not [session for session in home.stagedoor("status", "--json").ok().json if session["state"] == "active"]
    home.stagedoor("credential-process", "dev-role").refused(3, "MFA")


def test_the_main_job(cloud, homes):
    alice, home = build(cloud, homes)
    config = home.config
    look_before(home, alice)
    credentials = move_key(cloud, home, alice)
    home.stagedoor("connect", "dev-role", "audit-role").ok()
    connected = home.config.decode()
    assert f"credential_process = {PROGRAM} credential-process dev-role" in connected and "\nrole_arn" not in connected
    start(cloud, home, alice)
    use(cloud, home)
    hand_out(home, alice)
    assert home.stagedoor("whoami", "dev-role", "--json").ok().json["arn"].endswith(":assumed-role/dev/alice-at-work")
    home.assert_nothing_leaked()
    end(cloud, home)
    home.stagedoor("disconnect", "dev-role", "audit-role").ok()
    assert home.config == config, "byte for byte what it was"
    home.assert_nothing_leaked()
    home.stagedoor("import", "--undo", "alice").ok()
    assert home.credentials == credentials, "byte for byte what it was"


@pytest.mark.parametrize("cloud", ["practice", pytest.param("moto", marks=pytest.mark.skip("moto has no federation endpoint"))], indirect=True)
def test_the_console_link_signs_in(cloud, homes):
    person = cloud.person("connie")
    role = cloud.role("console", person.arn, external_id="console-1")
    person.may(allow("sts:AssumeRole", role))
    home = homes(cloud.endpoint, cloud.signin)
    home.write(f"[profile console]\nrole_arn = {role}\nsource_profile = connie\nexternal_id = console-1\nrole_session_name = connie\n", person.credentials_file())
    home.stagedoor("import", "connie").ok()
    home.keep_secret("connie's secret access key", person.secret)
    link = home.stagedoor("console", "console", "--service", "iam", "--print", delivers=True).ok().out.strip()
    assert link.startswith(cloud.signin) and "Action=login" in link and "SigninToken=" in link
    home.keep_secret("the sign-in link", link)
    page = urllib.request.urlopen(link, timeout=10).read().decode()
    assert "assumed-role/console/connie" in page, page
    home.credential_process("console")
    home.assert_nothing_leaked()
