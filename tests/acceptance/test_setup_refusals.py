"""What is in the way of a setup is found before anything is sent: something of that name, too many of a kind, a policy that AWS
would not take, a permission that the admin lacks. It is named with a way out.
"""

import json

import pytest

from account import differences, listing
from cloud import NUMBERS, allow, policy
from setups import Workplace, applied, ground


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


def blocked(place, *arguments, words=(), **options):
    """The plan says what is in the way, applying it fails in two lines, and nothing was sent."""
    before, since = listing(place.cloud), place.wire.count
    planned = place.plan(*arguments, **options)
    view = planned.json
    assert view["state"] == "blocked", planned
    told = json.dumps([step["error"] for step in view["steps"] if step.get("error")] + view["missing"])
    admin = options.get("admin", "admin")
    done = place.home.stagedoor("setup", *arguments, "--as", admin, "--apply").refused(1, *words)
    for word in words:
        assert word.lower() in told.lower(), f"{word!r} is not in the plan: {told}"
    assert place.wire.writing(since) == [], done
    assert differences(before, listing(place.cloud)) == []
    return view


def conflict(view):
    [step] = [step for step in view["steps"] if step["standing"] == "conflict"]
    assert step["error"]["message"] and step["error"]["hint"], step
    return step


def test_a_user_that_is_there_already(place):
    person = place.cloud.person(f"there-{place.number}")
    view = blocked(place, "user", person.name, "--no-profiles", words=[person.name])
    assert conflict(view)["action"] == "CreateUser"
    # The way out: go on with it, and leave its key as it is.
    group, _, _ = ground(place.cloud, f"there-{place.number}")
    done = applied(place.cloud, place.apply("user", person.name, "--existing", "--no-access-key", "--no-profiles", "--group", group))
    assert next(step for step in done["steps"] if step["action"] == "CreateUser")["state"] == "exists"
    assert place.undo(done["id"]).ok().json["state"] == "undone"
    user = listing(place.cloud)["users"][person.name]
    assert user["groups"] == [] and [key["AccessKeyId"] for key in user["keys"]] == [person.key_id]


def test_a_role_that_is_there_already(place):
    name = f"there-too-{place.number}"
    place.cloud.role(name, f"arn:aws:iam::{place.cloud.account}:root", allow("s3:ListAllMyBuckets"))
    view = blocked(place, "role", name, "--trust", "service:ec2", words=[name])
    assert conflict(view)["action"] == "CreateRole"


def test_one_role_for_one_purpose(place):
    """A role that a service has is not quietly given to another one."""
    name = f"lent-{place.number}"
    place.cloud.iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}))
    view = place.plan("role", name, "--trust", "service:ec2", "--existing").json
    assert any("lambda" in warning for warning in view["warnings"]), view["warnings"]


def test_two_keys_already(place):
    person = place.cloud.person(f"two-keys-{place.number}")
    second = place.cloud.iam.create_access_key(UserName=person.name)["AccessKey"]["AccessKeyId"]
    step = conflict(blocked(place, "user", person.name, "--existing", "--no-profiles", words=["two access keys"]))
    assert step["action"] == "CreateAccessKey" and (person.key_id in json.dumps(step) or second in json.dumps(step)), "which could go is said"


def test_five_versions(place, tmp_path):
    iam, name = place.cloud.iam, f"five-{place.number}"
    arn = iam.create_policy(PolicyName=name, PolicyDocument=policy(allow("s3:GetObject")))["Policy"]["Arn"]
    for action in ("s3:A", "s3:B", "s3:C", "s3:D"):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(allow(action.replace(":", ":Get"))))
    file = tmp_path / "new.json"
    file.write_text(policy(allow("s3:GetBucketAcl")))
    step = conflict(blocked(place, "change", "edit-policy", arn, file, words=["five versions"]))
    assert "--drop-oldest" in step["error"]["hint"]
    applied(place.cloud, place.apply("change", "edit-policy", arn, file, "--drop-oldest"))
    after = listing(place.cloud)["policies"][name]
    assert sorted(after["versions"]) == ["v1", "v3", "v4", "v5", "v6"] and after["default"] == ["v6"], "the default of before cannot go"


LARGE = policy(*[{"Sid": f"s{number}", **allow("s3:GetObject", f"arn:aws:s3:::bucket-{number}-{'x' * 60}/*")} for number in range(90)])
BROKEN = '{\n  "Version": "2012-10-17",\n  "Statement": [\n    {"Effect": "Allow" "Action": "s3:GetObject", "Resource": "*"}\n  ]\n}\n'


@pytest.mark.parametrize(("text", "words"), [
    (LARGE, ["10,240"]),
    (BROKEN, ["line 4"]),
    ('{\n "Version": "2012-10-17",\n "Statement": [{"Effect": "Permit", "Action": "*", "Resource": "*"}]\n}', ["Effect"]),
    ("", []),
], ids=["too-large", "malformed", "no-policy", "empty"])
def test_a_policy_that_aws_would_not_take(place, tmp_path, text, words):
    file = tmp_path / "permissions.json"
    file.write_text(text)
    since = place.wire.count
    arguments = ("role", f"never-{next(NUMBERS)}", "--trust", "service:ec2", "--policy", file)
    for mode in ("--plan", "--apply"):
        done = place.home.stagedoor("setup", *arguments, "--as", "admin", mode)
        told = done.out + done.err
        assert "panicked" not in told and all(word in told for word in words), done
        assert mode == "--plan" or done.code in (1, 2), done
    done.refused(done.code)
    assert place.wire.writing(since) == []


def test_more_roles_than_a_users_policies_can_name(place):
    roles = [f"arn:aws:iam::{place.cloud.account}:role/team-{'long' * 10}-{number}" for number in range(30)]
    wanted = [word for role in roles for word in ("--may-assume", role)]
    done = place.home.stagedoor("setup", "user", f"many-{place.number}", "--as", "admin", *wanted, "--apply").refused(1)
    assert "2,048" in done.err or "role" in done.err, done


def test_a_wildcard_wants_its_own_word(place):
    user, star = f"wild-{place.number}", f"arn:aws:iam::{place.cloud.account}:role/team-*"
    done = place.home.stagedoor("setup", "user", user, "--as", "admin", "--may-assume", star, "--apply")
    assert done.code in (1, 2) and "--wildcard" in done.err and "*" in done.err, done
    assert user not in listing(place.cloud)["users"]
    view = place.plan("user", user, "--may-assume", star, "--wildcard").ok().json
    assert any("*" in warning for warning in view["warnings"]), view["warnings"]


@pytest.mark.parametrize(("arguments", "word"), [
    (("user", "no such name!"), "name"),
    (("user", "x" * 65), "64"),
    (("user", "dana", "--path", "people"), "path"),
    (("user", "dana", "--group", "nobody-is-in-it"), "nobody-is-in-it"),
    (("user", "dana", "--may-assume", "reports"), "ARN"),
    (("user", "dana", "--may-assume", "arn:aws:iam::{account}:role/not-there"), "not-there"),
    (("user", "dana", "--boundary", "arn:aws:iam::{account}:policy/not-there"), "not-there"),
    (("user", "dana", "--tag", "=x"), "tag"),
    (("role", "r", "--trust", "user:nobody-of-that-name"), "nobody-of-that-name"),
    (("role", "r", "--trust", "account:12345"), "12"),
    (("role", "r", "--trust", "everybody"), "user:NAME"),
    (("role", "r", "--trust", "account:{account}", "--max-session", "13h"), "12"),
    (("role", "r", "--trust", "account:{account}", "--max-session", "10m"), "1"),
    (("role", "r", "--trust", "third-party:111122223333", "--external-id", "a b"), "external ID"),
    (("role", "r", "--trust", "account:{account}", "--external-id", "demo-4711"), "other accounts"),
    (("role", "r", "--trust", "service:ec2", "--policy", "arn:aws:iam::aws:policy/NotOneOfThem"), "NotOneOfThem"),
    (("role", "r", "--trust", "service:ec2", "--policy", "no-such-file.json"), "no-such-file.json"),
    (("role", "r", "--trust", "service:ec2", "--bucket", "Not_A_Bucket"), "bucket"),
    (("group", "people", "--may-assume", "arn:aws:iam::{account}:user/dana"), "role"),
], ids=lambda value: "-".join(value)[:48] if isinstance(value, tuple) else None)
def test_what_is_no_proper_wish_is_said(strict, arguments, word):
    since = strict.wire.count
    filled = [argument.format(account=strict.cloud.account) for argument in arguments]
    done = strict.home.stagedoor("setup", *filled, "--as", "admin", "--apply")
    assert done.code in (1, 2), done
    done.refused(done.code, word)
    assert strict.wire.writing(since) == []


def test_without_an_admin(strict):
    assert strict.home.stagedoor("setup", "user", "dana").code == 2
    strict.home.stagedoor("setup", "user", "dana", "--as", "nobody").refused(1, "nobody")
    strict.home.stagedoor("setup", "undo", "user-dana-of-another-life").refused(1, "user-dana-of-another-life")
    strict.home.stagedoor("setup", "resume", "user-dana-of-another-life").refused(1, "user-dana-of-another-life")


READING = [allow(["iam:Get*", "iam:List*", "iam:Simulate*", "sts:GetCallerIdentity"])]


def needed(view):
    pairs = {tuple(permission.split(" on ", 1)) for step in view["steps"] if step["standing"] != "exists" for permission in step["permissions"]}
    return sorted(pair for pair in pairs if not pair[0].startswith(("iam:Get", "iam:List", "iam:Simulate")))


@pytest.mark.parametrize("kind", ["user", "role"])
def test_each_permission_that_is_missing_is_named(practice, kind):
    strict = Workplace(practice)
    try:
        strict.warm()
        missing_in_turn(strict, kind)
    finally:
        strict.close()


def missing_in_turn(strict, kind):
    group, reports, _ = ground(strict.cloud, f"lacks-{kind}-{strict.number}")
    # No profiles: those are written here, with nobody's permission.
    wishes = {
        "user": ["user", f"lacks-{strict.number}", "--group", group, "--mfa", "--may-assume", reports, "--tag", "a=b", "--no-profiles"],
        "role": ["role", f"lacks-{strict.number}", "--trust", "service:ec2", "--policy", "arn:aws:iam::aws:policy/ReadOnlyAccess", "--bucket", "reports"],
    }[kind]
    permissions = needed(strict.plan(*wishes).ok().json)
    assert len(permissions) >= 4 and all(resource.startswith("arn:") or resource == "*" for _, resource in permissions), permissions
    for number, (action, resource) in enumerate(permissions):
        admin = f"without-{kind}-{number}"
        rest = [allow(one, of) for one, of in permissions if (one, of) != (action, resource)]
        strict.admin(admin, *READING, *rest)
        planned = strict.plan(*wishes, admin=admin)
        assert planned.json["state"] == "blocked", f"without {action} on {resource}: {planned}"
        view = blocked(strict, *wishes, admin=admin, words=[action])
        assert [(one["action"], one["resource"]) for one in view["missing"]] == [(action, resource)], view["missing"]
    # And with exactly these it is done.
    strict.admin(f"enough-{kind}", *READING, *[allow(one, of) for one, of in permissions])
    done = applied(strict.cloud, strict.apply(*wishes, admin=f"enough-{kind}"))
    assert done["state"] == "done"
