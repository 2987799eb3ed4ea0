"""Roles, groups and changes of what exists: what IAM has afterwards is what AWS's documentation asks for, proven by real calls, and
undone it is as it was.
"""

import contextlib
import json
import re

import pytest

from account import assert_same, listing
from cloud import allow, policy
from home import TOOLS
from setups import LONG, Workplace, applied, listed


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


@contextlib.contextmanager
def made(place, *arguments, **options):
    """Applies it, gives the plan and the account, and undoes it: as it was before."""
    before = place.everything()
    view = applied(place.cloud, place.apply(*arguments, **options))
    yield view, listing(place.cloud)
    assert place.undo(view["id"]).ok().json["state"] == "undone"
    place.assert_as_before(before, "undone")


def trust(account, role):
    return listed(account["roles"][role]["itself"]["AssumeRolePolicyDocument"]["Statement"])


def named(statements, kind):
    return {one for statement in statements for one in listed(statement["Principal"].get(kind, []))}


def conditions(statements):
    """`Operator key` to its values, over all statements."""
    found = {}
    for statement in statements:
        for operator, keys in statement.get("Condition", {}).items():
            for key, values in keys.items():
                found.setdefault(f"{operator} {key}", set()).update(map(str, listed(values)))
    return found


def actions(statements):
    return {action for statement in statements for action in listed(statement["Action"])}


def local(place, name):
    """A user whose key is in the keychain of this home."""
    person = place.cloud.person(f"{name}-{place.number}")
    place.home.stagedoor("keys", "add", person.name, stdin=f"{person.key_id}\n{person.secret}\n").ok()
    return person


def managed(place, name):
    return place.cloud.iam.create_policy(PolicyName=f"{name}-{place.number}", PolicyDocument=policy(allow("s3:GetObject")))["Policy"]["Arn"]


def test_a_role_for_a_colleague(place):
    bob, role, own = local(place, "bob"), f"reader-{place.number}", managed(place, "own")
    wanted = ["--trust", f"user:{bob.name}", "--max-session", "4h", "--description", "reads", "--tag", "team=risk"]
    wanted += ["--bucket", "reports-of-ours", "--policy", own, "--profile", f"reading-{place.number}"]
    with made(place, "role", role, *wanted, "--source-profile", bob.name) as (view, account):
        found = account["roles"][role]
        assert found["itself"]["MaxSessionDuration"] == 14400 and found["itself"]["Description"] == "reads"
        assert found["tags"] == [{"Key": "team", "Value": "risk"}] and found["attached"] == [own]
        statements = trust(account, role)
        assert named(statements, "AWS") == {bob.arn} and conditions(statements) == {}
        bucket = [one for document in found["inline"].values() for one in listed(document["Statement"])]
        resources = {resource for one in bucket for resource in listed(one["Resource"])}
        assert resources == {"arn:aws:s3:::reports-of-ours", "arn:aws:s3:::reports-of-ours/*"} and not any("*" in listed(one["Action"]) for one in bucket)
        arn = place.home.run(TOOLS / "aws", "sts", "get-caller-identity", "--profile", f"reading-{place.number}", "--query", "Arn", "--output", "text", timeout=LONG)
        assert f":assumed-role/{role}/" in arn.ok().out, "the user may assume it, by the profile"
        assert {proof["expected"] for proof in view["verification"]} == {"allowed", "denied"}, "whoever is not trusted is refused"


def test_a_role_behind_mfa_of_a_certain_age(place):
    account, role = place.cloud.account, f"careful-{place.number}"
    with made(place, "role", role, "--trust", f"account:{account}", "--require-mfa", "--mfa-max-age", "1h") as (_, found):
        told = conditions(trust(found, role))
        assert told["Bool aws:MultiFactorAuthPresent"] == {"true"}, "BoolIfExists would let an access key pass"
        assert told["NumericLessThan aws:MultiFactorAuthAge"] == {"3600"}


def test_a_third_party_has_an_external_id_and_a_message(place):
    role, ids = f"audit-{place.number}", set()
    wanted = ("role", role, "--trust", "third-party:444455556666", "--external-id", "auto")
    for _ in range(2):
        with made(place, *wanted) as (view, found):
            statements = trust(found, role)
            assert named(statements, "AWS") in ({"arn:aws:iam::444455556666:root"}, {"444455556666"})
            [external] = conditions(statements)["StringEquals sts:ExternalId"]
            assert len(external) >= 16 and re.fullmatch(r"[\w+=,.@:/-]+", external)
            [note] = view["notes"]
            assert external in note["text"] and f"arn:aws:iam::{place.cloud.account}:role/{role}" in note["text"]
            ids.add(external)
    assert len(ids) == 2, "never the same twice"
    with made(place, "role", role, "--trust", "third-party:444455556666") as (_, found):
        assert conditions(trust(found, role))["StringEquals sts:ExternalId"], "a third party always has one"


@pytest.mark.parametrize(("service", "principal"), [
    ("ec2", "ec2.amazonaws.com"), ("lambda", "lambda.amazonaws.com"), ("ecs-tasks", "ecs-tasks.amazonaws.com"), ("codebuild", "codebuild.amazonaws.com"),
])
def test_a_role_for_a_service_and_who_may_pass_it(place, service, principal):
    dev, role = place.cloud.person(f"dev-{service}-{place.number}"), f"runs-{service}-{place.number}"
    with made(place, "role", role, "--trust", f"service:{service}", "--deployer", f"user:{dev.name}") as (_, found):
        assert named(trust(found, role), "Service") == {principal} and actions(trust(found, role)) == {"sts:AssumeRole"}
        passing = [one for document in found["users"][dev.name]["inline"].values() for one in listed(document["Statement"])]
        [statement] = [one for one in passing if "iam:PassRole" in listed(one["Action"])]
        assert listed(statement["Resource"]) == [f"arn:aws:iam::{place.cloud.account}:role/{role}"], "exactly this role"
        assert conditions([statement]) == {"StringEquals iam:PassedToService": {principal}}
        assert bool(found["roles"][role]["instance profiles"]) == (service == "ec2")


def test_a_role_for_a_pipeline(place):
    iam = place.cloud.iam
    host = f"token-{place.number}.example"
    arn = iam.create_open_id_connect_provider(Url=f"https://{host}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40])["OpenIDConnectProviderArn"]
    wanted = ["--trust", f"oidc:{arn}", "--audience", "sts.amazonaws.com", "--subject", "repo:acme/site:*"]
    role = f"pipeline-{place.number}"
    with made(place, "role", role, *wanted) as (_, found):
        statements = trust(found, role)
        assert named(statements, "Federated") == {arn} and actions(statements) == {"sts:AssumeRoleWithWebIdentity"}
        assert conditions(statements) == {f"StringEquals {host}:aud": {"sts.amazonaws.com"}, f"StringLike {host}:sub": {"repo:acme/site:*"}}


def test_session_tags_and_a_source_identity_are_allowed_by_name(place):
    role = f"tagged-{place.number}"
    wanted = ["--trust", f"account:{place.cloud.account}", "--session-tag", "project=blue", "--session-tag", "ticket", "--source-identity"]
    with made(place, "role", role, *wanted) as (_, found):
        statements = trust(found, role)
        assert {"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"} <= actions(statements)
        told = conditions(statements)
        assert any(name.endswith("aws:RequestTag/project") and values == {"blue"} for name, values in told.items()), told
        assert any(name.endswith("aws:TagKeys") and values == {"project", "ticket"} for name, values in told.items()), told


def test_a_group_over_two_accounts(strict):
    """Developers of one account may update a bucket of another: a role there that trusts, a policy here that allows."""
    sandbox = next(one for one in strict.cloud.accounts if one["Name"] == "Practice sandbox")
    boss = strict.home
    boss.stagedoor("keys", "add", "sandbox-admin", stdin=f"{sandbox['AccessKeyId']}\n{sandbox['SecretAccessKey']}\n").ok()
    role, group = f"updateData-{strict.number}", f"Developers-{strict.number}"
    there = f"arn:aws:iam::{sandbox['AccountId']}:role/{role}"
    strict.warm()
    boss.stagedoor("credential-process", "sandbox-admin", delivers=True)
    strict.apply("role", role, "--trust", f"account:{strict.cloud.account}", "--bucket", "shared-container", admin="sandbox-admin").ok()
    dora = local(strict, "dora")
    with made(strict, "group", group, "--may-assume", there, "--member", dora.name, "--also-as", "sandbox-admin") as (view, found):
        [document] = found["groups"][group]["inline"].values()
        [statement] = listed(document["Statement"])
        assert listed(statement["Action"]) == ["sts:AssumeRole"] and listed(statement["Resource"]) == [there]
        assert found["groups"][group]["members"] == [dora.name]
        assert view["accounts"][0]["account_id"] == strict.cloud.account
        assert any(proof["outcome"] == "allowed" for proof in view["verification"]), "a member assumes it"


# --- Changes of what exists ---


@pytest.fixture
def standing(place):
    """A role that a user may assume, and another user."""
    cloud = place.cloud
    number = f"{place.number}-{len(listing(cloud)['roles'])}"
    bob, eve = cloud.person(f"in-{number}"), cloud.person(f"out-{number}")
    trusted = {"Sid": "People", "Effect": "Allow", "Principal": {"AWS": bob.arn}, "Action": "sts:AssumeRole"}
    cloud.iam.create_role(RoleName=f"standing-{number}", AssumeRolePolicyDocument=policy(trusted, {**trusted, "Sid": "Machines", "Principal": {"Service": "ec2.amazonaws.com"}}))
    place.warm()
    return f"standing-{number}", bob, eve


def test_somebody_is_added_to_a_trust_policy_and_taken_out(place, standing):
    role, bob, eve = standing
    with made(place, "change", "trust-add", role, "--trust", f"user:{eve.name}") as (view, found):
        assert named(trust(found, role), "AWS") == {bob.arn, eve.arn} and named(trust(found, role), "Service") == {"ec2.amazonaws.com"}
        assert any(step["diff"] for step in view["steps"]), "shown as a diff"
        again = place.apply("change", "trust-add", role, "--trust", f"user:{eve.name}").ok().json
        assert again["state"] == "nothing"
    with made(place, "change", "trust-remove", role, bob.arn) as (_, found):
        assert named(trust(found, role), "AWS") == set() and named(trust(found, role), "Service") == {"ec2.amazonaws.com"}


def test_conditions_come_and_go(place, standing):
    role, bob, _ = standing
    before = trust(listing(place.cloud), role)
    people = lambda found: [one for one in trust(found, role) if "AWS" in one["Principal"]]
    with made(place, "change", "mfa", role, "--max-age", "1h") as (_, found):
        assert {"Bool aws:MultiFactorAuthPresent", "NumericLessThan aws:MultiFactorAuthAge"} == set(conditions(people(found)))
        machines = [one for one in trust(found, role) if "Service" in one["Principal"]]
        assert conditions(machines) == {}, "a service has no MFA device"
        with made(place, "change", "mfa", role, "--off") as (_, without):
            assert trust(without, role) == before
    place.cloud.iam.update_assume_role_policy(RoleName=role, PolicyDocument=policy({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"}, "Action": "sts:AssumeRole"}))
    with made(place, "change", "external-id", role, "agreed-4711") as (_, found):
        assert conditions(trust(found, role)) == {"StringEquals sts:ExternalId": {"agreed-4711"}}
        with made(place, "change", "external-id", role, "none") as (_, without):
            assert conditions(trust(without, role)) == {}


def test_a_deleted_user_in_a_trust_policy_is_mended(strict):
    cloud, role, name = strict.cloud, f"mended-{strict.number}", f"gone-{strict.number}"
    arn = cloud.iam.create_user(UserName=name)["User"]["Arn"]
    stays = cloud.person(f"stays-{strict.number}")
    cloud.iam.create_role(RoleName=role, AssumeRolePolicyDocument=policy({"Effect": "Allow", "Principal": {"AWS": [arn, stays.arn]}, "Action": "sts:AssumeRole"}))
    cloud.iam.delete_user(UserName=name)
    assert any(one.startswith("AIDA") for one in named(trust(listing(cloud), role), "AWS")), "as AWS shows it"
    planned = strict.plan("change", "trust-add", role, "--trust", f"account:{cloud.account}").json
    assert "AIDA" in json.dumps(planned["warnings"]) or "AIDA" in json.dumps(planned["steps"]), planned
    applied(cloud, strict.apply("change", "mend-trust", role))
    assert named(trust(listing(cloud), role), "AWS") == {stays.arn}


def test_a_deleted_user_is_named_anew(strict):
    cloud, role, name = strict.cloud, f"renamed-{strict.number}", f"back-{strict.number}"
    arn = cloud.iam.create_user(UserName=name)["User"]["Arn"]
    cloud.role(role, arn)
    cloud.iam.delete_user(UserName=name)
    cloud.iam.create_user(UserName=name)
    assert named(trust(listing(cloud), role), "AWS") != {arn}, "one of the same name is another user"
    applied(cloud, strict.apply("change", "mend-trust", role, "--user", name))
    assert named(trust(listing(cloud), role), "AWS") == {arn}


def test_policies_are_attached_and_detached(place, standing):
    role, bob, _ = standing
    arn = managed(place, "hung")
    for holder, kind, name in (("role", "roles", role), ("user", "users", bob.name)):
        with made(place, "change", "attach", f"{holder}:{name}", arn) as (_, found):
            assert found[kind][name]["attached"] == [arn]
            with made(place, "change", "detach", f"{holder}:{name}", arn) as (_, without):
                assert without[kind][name]["attached"] == []


def test_a_policy_is_edited_and_rolled_back(place, tmp_path):
    arn, file = managed(place, "versions"), tmp_path / "new.json"
    name = arn.rpartition("/")[2]
    file.write_text(policy(allow("s3:ListBucket")))
    with made(place, "change", "edit-policy", arn, file) as (view, found):
        assert found["policies"][name]["default"] == ["v2"]
        assert {line["kind"] if isinstance(line, dict) and "kind" in line else str(line)[:1] for step in view["steps"] for line in step["diff"]}
        with made(place, "change", "roll-back", arn, "v1") as (_, back):
            assert back["policies"][name]["default"] == ["v1"] and sorted(back["policies"][name]["versions"]) == ["v1", "v2"]
    done = place.home.stagedoor("setup", "change", "roll-back", arn, "v9", "--as", "admin", "--apply").refused(1, "v9")
    assert "v1" in done.err, f"which there are: {done}"


def test_an_inline_policy_becomes_a_managed_one(place, standing):
    _, bob, _ = standing
    document = {"Version": "2012-10-17", "Statement": [allow("s3:GetObject")]}
    place.cloud.iam.put_user_policy(UserName=bob.name, PolicyName="Reading", PolicyDocument=json.dumps(document))
    name = f"Reading-{place.number}"
    with made(place, "change", "to-managed", f"user:{bob.name}", "Reading", "--name", name) as (view, found):
        assert found["users"][bob.name]["inline"] == {}
        assert found["users"][bob.name]["attached"] == [f"arn:aws:iam::{place.cloud.account}:policy/{name}"]
        assert found["policies"][name]["versions"]["v1"]["Document"] == document
        order = [step["action"] for step in view["steps"] if step["action"] in ("CreatePolicy", "AttachUserPolicy", "DeleteUserPolicy")]
        assert order == ["CreatePolicy", "AttachUserPolicy", "DeleteUserPolicy"], "never a moment without it"


def test_past_setups_are_listed_with_their_journal(place):
    name = f"listed-{place.number}"
    view = applied(place.cloud, place.apply("user", name))
    line = place.line()
    assert (line["id"], line["kind"], line["state"], line["undoable"]) == (view["id"], "user", view["state"], True)
    shown = place.home.stagedoor("setup", "show", view["id"], "--json").ok().json
    assert [step["state"] for step in shown["steps"]] == [step["state"] for step in view["steps"]]
    place.home.end_agent()
    assert place.home.stagedoor("setup", "show", view["id"], "--json").ok().json["state"] == view["state"], "another agent knows it too"
    assert place.undo(view["id"]).ok().json["state"] == "undone"
    twice = place.undo(view["id"])
    assert twice.code == 0 and twice.json["state"] == "undone" or twice.code == 1 and "hint:" in twice.err, twice
    assert_same(listing(place.cloud)["users"].get(name), None, "gone")
