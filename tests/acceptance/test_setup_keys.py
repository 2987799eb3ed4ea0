"""Access keys are rotated while tools go on, and sessions are revoked: every copy of them ends, here and at AWS."""

import json
import time

import boto3
import pytest
from botocore.exceptions import ClientError

from account import assert_same, listing
from cloud import allow, policy
from home import TOOLS, wait
from setups import LONG, Workplace, applied


@pytest.fixture(scope="module")
def place(cloud):
    place = Workplace(cloud)
    place.warm()
    yield place
    place.close()


@pytest.fixture(scope="module")
def strict(practice):
    place = Workplace(practice)
    place.warm()
    yield place
    place.close()


def worker(place, name):
    """A user whose key is in the keychain, and a role profile that stands on it."""
    cloud, home, name = place.cloud, place.home, f"{name}-{place.number}"
    person = cloud.person(name)
    role = cloud.role(f"job-of-{name}", person.arn, allow("iam:ListRoles"))
    person.may(allow("sts:AssumeRole", role), allow(["iam:*AccessKey*", "iam:GetUser"]))
    home.stagedoor("keys", "add", name, stdin=f"{person.key_id}\n{person.secret}\n").ok()
    home.write(home.config.decode() + f"\n[profile {name}-job]\nrole_arn = {role}\nsource_profile = {name}\nregion = eu-west-1\n")
    home.keep_secret(f"the first key of {name}", person.secret)
    person.job, person.role = f"{name}-job", role
    return person


def keys(place, person):
    return {key["AccessKeyId"]: key["Status"] for key in place.cloud.iam.list_access_keys(UserName=person.name)["AccessKeyMetadata"]}


def rotate(place, person, *options):
    return place.home.stagedoor("keys", "rotate", person.name, *options, "--json", timeout=LONG)


@pytest.mark.parametrize("admin", [(), ("--as", "admin")], ids=["itself", "admin"])
def test_a_key_is_rotated_at_once(place, admin):
    person = worker(place, f"rota-{len(admin)}")
    session = place.home.credential_process(person.job)
    since = place.wire.count
    planned = rotate(place, person, "--wait", "0", *admin).ok().json
    assert planned["state"] == "planned" and not place.wire.writing(since)
    assert keys(place, person) == {person.key_id: "Active"}, "a plan sends nothing"
    actions = [step["action"] for step in planned["steps"]]
    order = [action for action in actions if action in ("CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey")]
    assert order == ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"], actions
    assert [step["irreversible"] for step in planned["steps"] if step["action"] == "DeleteAccessKey"] == [True]
    view = applied(place.cloud, rotate(place, person, "--wait", "0", *admin, "--apply"))
    [(new, status)] = keys(place, person).items()
    assert new != person.key_id and status == "Active"
    assert [call.action for call in place.wire.writing(since)] == order, "in the safe order, and nothing else"
    proven = [call for call in place.wire.since(since) if call.key_id == new]
    assert proven and proven[0].number < next(call.number for call in place.wire.since(since) if call.action == "UpdateAccessKey"), "proven before the old one goes"
    entries = place.keychain()
    assert f"access key {new}" in entries and f"access key {person.key_id}" not in entries
    assert place.home.credential_process(person.job) == session, "a session carries on"
    place.home.stagedoor("stop", "--all").ok()
    assert place.home.credential_process(person.job)["AccessKeyId"] != session["AccessKeyId"], "and the next one comes from the new key"
    undone = place.undo(view["id"])
    assert undone.code == 1 and "delete" in undone.err.lower(), undone
    place.learn()
    place.home.assert_nothing_leaked()


def test_a_rotation_that_waits_can_be_undone_until_the_delete(place):
    person = worker(place, "wait")
    before = place.everything()
    view = applied(place.cloud, rotate(place, person, "--as", "admin", "--wait", "1h", "--apply"))
    assert view["state"] == "waiting" and view["waits_until"] and view["undoable"]
    states = keys(place, person)
    assert states.pop(person.key_id) == "Inactive" and list(states.values()) == ["Active"]
    place.home.credential_process(person.job)
    line = place.line()
    assert (line["id"], line["state"], line["kind"]) == (view["id"], "waiting", "rotate")
    assert place.undo(view["id"]).ok().json["state"] == "undone"
    place.assert_as_before(before, "the old key is the key again")
    place.home.stagedoor("stop", "--all").ok()
    place.home.credential_process(person.job)


def test_a_rotation_goes_on_after_its_wait(place):
    person = worker(place, "soon")
    view = applied(place.cloud, rotate(place, person, "--as", "admin", "--wait", "2s", "--apply"))
    wait(lambda: place.resume(view["id"]) and person.key_id not in keys(place, person), "the old key's end", seconds=30)
    [status] = keys(place, person).values()
    assert status == "Active" and place.line()["state"] == "done"
    place.home.stagedoor("stop", "--all").ok()
    place.home.credential_process(person.job)


def test_too_early_it_says_when(place):
    person = worker(place, "early")
    view = applied(place.cloud, rotate(place, person, "--as", "admin", "--wait", "1h", "--apply"))
    done, since = place.resume(view["id"]), place.wire.count
    assert keys(place, person)[person.key_id] == "Inactive" and not place.wire.writing(since), done
    assert done.json["state"] == "waiting" if done.code == 0 else "hint:" in done.err, done


def test_two_keys_already_one_is_chosen(place):
    person = worker(place, "both")
    second = place.cloud.iam.create_access_key(UserName=person.name)["AccessKey"]["AccessKeyId"]
    since = place.wire.count
    done = place.home.stagedoor("keys", "rotate", person.name, "--as", "admin", "--apply").refused(1, "two access keys", "--drop")
    assert second in done.err and place.wire.writing(since) == []
    place.home.stagedoor("keys", "rotate", person.name, "--as", "admin", "--drop", "AKIAIOSFODNN7EXAMPLE", "--apply").refused(1, "AKIAIOSFODNN7EXAMPLE")
    assert set(keys(place, person)) == {person.key_id, second}
    applied(place.cloud, rotate(place, person, "--as", "admin", "--drop", second, "--wait", "0", "--apply"))
    [(new, status)] = keys(place, person).items()
    assert new not in (person.key_id, second) and status == "Active"


def test_a_key_that_is_not_here(place):
    place.home.stagedoor("keys", "rotate", "nobody", "--apply").refused(1, "nobody")


# --- Revoke ---


def list_roles(place, credentials):
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    words = dict(zip(("aws_access_key_id", "aws_secret_access_key", "aws_session_token"), (credentials[name] for name in names)))
    iam = boto3.client("iam", endpoint_url=place.cloud.endpoint, region_name="eu-west-1", **words)
    try:
        iam.list_roles()
        return "allowed"
    except ClientError as error:
        return error.response["Error"]["Code"]


def cli_cache(place, person):
    """A session that the AWS CLI has in its own cache, from a plain key in a file."""
    home, profile = place.home, f"plain-{person.name}"
    home.write(home.config.decode() + f"\n[profile cached-{person.name}]\nrole_arn = {person.role}\nsource_profile = {profile}\nregion = eu-west-1\n",
               f"[{profile}]\naws_access_key_id = {person.key_id}\naws_secret_access_key = {person.secret}\n")
    home.run(TOOLS / "aws", "iam", "list-roles", "--profile", f"cached-{person.name}", delivers=True).ok()
    files = list((home.aws / "cli" / "cache").glob("*.json"))
    assert files, "the AWS CLI keeps its session"
    return [file for file in files if f"/job-of-{person.name}/" in file.read_text()]


def test_the_sessions_of_a_role_end(strict):
    person = worker(strict, "leak")
    other = worker(strict, "stays")
    mine, others = strict.home.credential_process(person.job), strict.home.credential_process(other.job)
    cached, kept = cli_cache(strict, person), cli_cache(strict, other)
    before = listing(strict.cloud)
    role = person.role.rpartition("/")[2]
    planned = strict.home.stagedoor("revoke", role, "--as", "admin", "--json", timeout=LONG).ok().json
    told = json.dumps(planned)
    assert planned["kind"] == "revoke" and person.job in told or person.name in told, "whom it hits is said first"
    assert_same(before, listing(strict.cloud), "a plan sends nothing")
    assert list_roles(strict, mine) == "allowed"
    # A session of the same second as the revocation is not older than it.
    began = int(time.time())
    wait(lambda: int(time.time()) > began + 1, "the next second")
    view = applied(strict.cloud, strict.home.stagedoor("revoke", role, "--as", "admin", "--apply", "--json", timeout=LONG))
    document = strict.cloud.iam.get_role_policy(RoleName=role, PolicyName="AWSRevokeOlderSessions")["PolicyDocument"]
    [statement] = document["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Deny", ["*"], ["*"]) or statement["Action"] == "*"
    assert list(statement["Condition"]) == ["DateLessThan"] and "aws:TokenIssueTime" in statement["Condition"]["DateLessThan"]
    assert list_roles(strict, mine) == "AccessDenied" and list_roles(strict, others) == "allowed"
    assert not any(file.exists() for file in cached) and all(file.exists() for file in kept), "the AWS CLI's cache of that role, and no other"
    status = {session["profile"]: session for session in strict.home.stagedoor("status", "--json").ok().json}
    assert person.job not in status or status[person.job]["access_key_id"] != mine["AccessKeyId"]
    assert status[other.job]["access_key_id"] == others["AccessKeyId"]
    # A session is dated to the second: one of the same second counts as older.
    ended = int(time.time())
    wait(lambda: int(time.time()) > ended, "the next second")
    fresh = strict.home.credential_process(person.job)
    assert fresh["AccessKeyId"] != mine["AccessKeyId"] and list_roles(strict, fresh) == "allowed", "who may, signs in anew"
    assert strict.undo(view["id"]).ok().json["state"] == "undone"
    assert_same(before, listing(strict.cloud), "undone the policy is gone")
    (strict.home.aws / "credentials").unlink()


def test_a_second_revocation_moves_the_time_and_undo_moves_it_back(strict):
    person = worker(strict, "twice")
    role = person.role.rpartition("/")[2]
    old = {"Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}}}
    strict.cloud.iam.put_role_policy(RoleName=role, PolicyName="AWSRevokeOlderSessions", PolicyDocument=policy(old))
    before = listing(strict.cloud)
    view = applied(strict.cloud, strict.home.stagedoor("revoke", role, "--as", "admin", "--apply", "--json", timeout=LONG))
    assert listing(strict.cloud) != before
    assert strict.undo(view["id"]).ok().json["state"] == "undone"
    assert_same(before, listing(strict.cloud), "the time of before")


def test_a_key_is_made_inactive(place):
    person = worker(place, "lost")
    before = place.everything()
    view = applied(place.cloud, place.home.stagedoor("revoke", "--key", person.key_id, "--as", "admin", "--apply", "--json", timeout=LONG))
    assert keys(place, person) == {person.key_id: "Inactive"}
    assert place.undo(view["id"]).ok().json["state"] == "undone"
    place.assert_as_before(before, "active again")


@pytest.mark.parametrize(("role", "words"), [
    ("AWSServiceRoleForAutoScaling", ["service-linked"]),
    ("AWSReservedSSO_AdministratorAccess_0123456789abcdef", ["Identity Center"]),
    ("there-is-no-such-role", ["there-is-no-such-role"]),
], ids=["service-linked", "identity-center", "missing"])
def test_what_cannot_be_revoked_is_refused_with_where_to_go(place, role, words):
    if role.startswith("AWSServiceRole"):
        place.cloud.iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")
    since = place.wire.count
    place.home.stagedoor("revoke", role, "--as", "admin", "--apply").refused(1, *words)
    assert place.wire.writing(since) == []
