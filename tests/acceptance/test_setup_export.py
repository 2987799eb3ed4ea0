"""A plan as a script: the AWS CLI runs it in a fresh account and makes the same there; Terraform's language is read by a real parser."""

import json

import pytest

import hcl
from account import assert_same, differences, shape
from cloud import allow, policy
from home import TOOLS
from setups import Workplace, applied, ground, practice_of_its_own

PERMISSIONS = policy(allow(["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::a-bucket", "arn:aws:s3:::a-bucket/home/${aws:username}/*"]))
EXPORTED = {
    "user": ["user", "dana", "--path", "/people/", "--tag", "team=pay ments", "--group", "people-x"],
    "self-service": ["user", "sam", "--self-service"],
    "role": ["role", "reader", "--trust", "user:bob", "--require-mfa", "--mfa-max-age", "1h", "--max-session", "4h",
             "--description", "reads; it's \"all\" $HOME", "--tag", "a=b", "--policy", "arn:aws:iam::aws:policy/ReadOnlyAccess", "--policy", "{file}"],
    "ec2": ["role", "machine", "--trust", "service:ec2", "--bucket", "a-bucket", "--deployer", "user:bob"],
    "third-party": ["role", "audit", "--trust", "third-party:444455556666", "--external-id", "agreed-4711", "--session-tag", "project=blue"],
    "group": ["group", "movers", "--may-assume", "{deploy}", "--member", "bob"],
}


class World:
    """An account of its own with the same ground in it, and an administrator's machine."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.place = Workplace(cloud, watched=False)
        cloud.person("bob")
        self.group, self.reports, self.deploy = ground(cloud, "x")
        self.build = cloud.role("build-x", f"arn:aws:iam::{cloud.account}:root", allow("iam:ListGroups"))
        self.file = self.place.home.path / "permissions.json"
        self.file.write_text(PERMISSIONS)

    def words(self, kind):
        more = ["--may-assume", self.deploy, "--may-assume", self.build] if kind == "user" else []
        return [word.format(file=self.file, deploy=self.deploy) if word.startswith("{") else word for word in EXPORTED[kind]] + more

    def export(self, kind, form):
        done = self.place.home.stagedoor("setup", *self.words(kind), "--as", "admin", "--export", form)
        return done.ok().out


@pytest.fixture
def worlds():
    """Two accounts whose administrators have one name, so that what differs in the end is what was done."""
    with practice_of_its_own() as one, practice_of_its_own() as other:
        made = [World(one), World(other)]
        before = shape(one), shape(other)
        admins = [world.place.person.name for world in made]
        yield made, before, admins
        for world in made:
            world.place.close()


def told(found, admin):
    """An administrator is called otherwise in each world."""
    return json.loads(json.dumps(found).replace(admin, "ADMIN"))


@pytest.mark.parametrize("kind", list(EXPORTED))
def test_the_script_makes_the_same_account(worlds, kind):
    (here, there), before, (admin, other) = worlds
    assert_same(told(before[0], admin), told(before[1], other), "the two begin alike")
    script = here.export(kind, "aws-cli").replace(here.cloud.account, there.cloud.account)
    assert shape(here.cloud) == before[0], "an export sends nothing"
    home = there.place.home
    path = home.path / "setup.sh"
    path.write_text(script)
    assert home.run("sh", "-n", path).code == 0, script
    keys = dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), there.cloud.root))
    done = home.run("sh", path, env={**keys, "AWS_ENDPOINT_URL": there.cloud.endpoint}, delivers=True, timeout=120)
    assert done.code == 0, f"{script}\n{done}"
    applied(here.cloud, here.place.apply(*here.words(kind)))
    made, same = told(shape(here.cloud), admin), told(shape(there.cloud), other)
    assert differences(told(before[0], admin), made), "something was made"
    assert_same(made, same, f"the script makes something else:\n{script}")


# An account of its own: the names here are plain words, and other modules make a role "audit" too.
@pytest.fixture(scope="module")
def world():
    with practice_of_its_own() as cloud:
        world = World(cloud)
        yield world
        world.place.close()


def test_a_script_with_a_device_is_a_script(world):
    """The seed is made where it runs, so a person has to enter codes: it says so, and stores no seed in a file that stays."""
    done = world.place.home.stagedoor("setup", "user", "mia", "--as", "admin", "--mfa", "--export", "aws-cli")
    script = done.ok().out
    path = world.place.home.path / "device.sh"
    path.write_text(script)
    assert world.place.home.run("sh", "-n", path).code == 0
    assert "create-virtual-mfa-device" in script and "enable-mfa-device" in script
    assert "create-access-key" in script and "set -e" in script.split("\n\n")[0] + script


@pytest.mark.parametrize("kind", list(EXPORTED))
def test_terraform_is_well_formed_and_says_the_same(world, kind):
    text = world.export(kind, "terraform")
    found = hcl.resources(text)
    assert found, text
    for address, attributes in found.items():
        for name, value in attributes.items():
            for template in hcl.templates(json.dumps(value)):
                assert not template.startswith(("aws:", "saml:", "sts:")), f"{address}.{name} would put {template} in by itself"
    for reference in {part.split(".")[0] + "." + part.split(".")[1] for attributes in found.values() for part in references(attributes)}:
        assert reference in found or reference.startswith(("data.", "var.", "local.")), f"{reference} is not declared"
    check = {"user": user, "self-service": self_service, "role": role, "ec2": ec2, "third-party": third_party, "group": group}[kind]
    check(found, text, world)


def references(attributes):
    return [part for value in attributes.values() for part in hcl.templates(json.dumps(value)) if part.startswith("aws_") and "." in part]


def one(found, kind):
    named = hcl.of_kind(found, kind)
    assert len(named) == 1, (kind, list(found))
    return next(iter(named.values()))


def tags(attributes):
    return {hcl.text(name): hcl.text(value) for name, value in attributes["tags"].items()}


def user(found, text, world):
    dana = one(found, "aws_iam_user")
    assert (hcl.text(dana["name"]), hcl.text(dana["path"])) == ("dana", "/people/")
    assert tags(dana) == {"team": "pay ments"}
    assert {"aws_iam_user_group_membership", "aws_iam_user_policy"} <= {address.partition(".")[0] for address in found}
    assert world.deploy in text and world.build in text
    assert "AKIA" not in text


def self_service(found, text, world):
    assert hcl.text(one(found, "aws_iam_user")["name"]) == "sam" and one(found, "aws_iam_user_policy")
    assert "$${aws:username}" in text and text.count("${aws:username}") == text.count("$${aws:username}")


def role(found, text, world):
    reader = one(found, "aws_iam_role")
    assert hcl.text(reader["name"]) == "reader" and str(reader["max_session_duration"]) == "14400"
    assert hcl.text(reader["description"]) == "reads; it's \"all\" $HOME"
    assert all(word in text for word in ("aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge", "3600"))
    assert hcl.text(one(found, "aws_iam_role_policy_attachment")["policy_arn"]) == "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert "$${aws:username}" in text


def ec2(found, text, world):
    assert hcl.text(one(found, "aws_iam_role")["name"]) == "machine"
    assert one(found, "aws_iam_instance_profile") and "iam:PassRole" in text and "ec2.amazonaws.com" in text


def third_party(found, text, world):
    assert "444455556666" in text and "agreed-4711" in text and "sts:TagSession" in text and "aws:RequestTag/project" in text
    assert hcl.text(one(found, "aws_iam_role")["name"]) == "audit"


def group(found, text, world):
    assert hcl.text(one(found, "aws_iam_group")["name"]) == "movers"
    assert one(found, "aws_iam_group_policy") and "bob" in text and world.deploy in text
