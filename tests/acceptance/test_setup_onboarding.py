"""A colleague is set up: user, key, MFA device, group, two roles, profiles. Planned, applied, used by the real tools, applied again,
and undone, on the practice account and on moto. What stood there at each moment is kept by `story`, the tests look at it.
"""

import json
import os

import pytest

from account import assert_same, differences, listing
from home import TOOLS, wait
from setups import LONG, Workplace, applied, assumable, ground, listed
from test_memory import copies

ASK_BOTO3 = "import boto3; print(boto3.Session(profile_name='{}').client('sts').get_caller_identity()['Arn'])"


class Story:
    """Everything in one go: the waits for MFA codes are waited for once."""

    def __init__(self, cloud):
        self.cloud, self.place = cloud, Workplace(cloud)
        place, home = self.place, self.place.home
        self.group, self.reports, self.deploy = ground(cloud, f"{cloud.kind}-{place.number}")
        self.user = f"dana-{cloud.kind}-{place.number}"
        home.write(home.config.decode() + "\n# what comes after this line stays as it is\n[profile other]\nregion=eu-west-1   ; odd\n")
        place.warm()
        self.before = place.everything()
        self.onboard = ["user", self.user, "--path", "/people/", "--tag", "team=payments", "--group", self.group, "--mfa", "--region", "eu-west-1"]
        self.onboard += ["--may-assume", self.reports, "--may-assume", self.deploy]
        self.planned = place.plan(*self.onboard)
        self.words = home.stagedoor("setup", *self.onboard, "--as", "admin", timeout=LONG)
        self.planning, self.after_plan = place.wire.since(0), place.everything()
        self.done = place.apply(*self.onboard)
        self.after = place.everything()
        place.learn()
        self.use()
        self.again_at = place.wire.count
        self.again = place.apply(*self.onboard)
        self.again_calls = place.wire.since(self.again_at)
        self.leaked = self.look_for_secrets()
        self.undone = place.undo(self.done.json["id"]) if self.done.out else None
        self.end = place.everything()

    def use(self):
        home, self.used = self.place.home, {}
        for profile in (self.user, self.role_profile(self.reports), self.role_profile(self.deploy)):
            ask = ("sts", "get-caller-identity", "--profile", profile, "--query", "Arn", "--output", "text")
            cli = home.run(TOOLS / "aws", *ask, timeout=LONG)
            boto = home.run(TOOLS / "python", "-c", ASK_BOTO3.format(profile), timeout=LONG)
            self.used[profile] = cli, boto

    def role_profile(self, arn):
        return f"{self.user}-{arn.rpartition('/')[2]}"

    def look_for_secrets(self):
        try:
            self.place.home.assert_nothing_leaked()
        except AssertionError as found:
            return str(found)
        return ""


@pytest.fixture(scope="module")
def story(cloud):
    story = Story(cloud)
    yield story
    story.place.close()


def test_a_plan_reads_and_shows_everything_and_sends_nothing(story):
    view = story.planned.ok().json
    assert (view["kind"], view["state"], view["missing"]) == ("user", "planned", [])
    assert {"id", "action", "title", "state", "request"} <= set(view["steps"][0])
    # The trust policies of the two roles are as they should be.
    there = [step["action"] for step in view["steps"] if step["state"] == "exists"]
    assert set(there) <= {"UpdateAssumeRolePolicy"} and {step["state"] for step in view["steps"]} <= {"pending", "exists"}, there
    assert {step["standing"] for step in view["steps"]} <= {"new", "change", "exists"}
    actions = [step["action"] for step in view["steps"]]
    assert {"CreateUser", "AddUserToGroup", "CreateAccessKey", "CreateVirtualMFADevice", "EnableMFADevice"} <= set(actions), actions
    assert actions.index("CreateUser") < min(actions.index(later) for later in ("AddUserToGroup", "CreateAccessKey", "EnableMFADevice"))
    create = next(step for step in view["steps"] if step["action"] == "CreateUser")
    assert create["request"]["UserName"] == story.user and create["request"]["Path"] == "/people/"
    assert any(permission.startswith("iam:CreateUser on arn:aws:iam::") for permission in create["permissions"])
    assert {proof["expected"] for proof in view["verification"]} == {"allowed", "denied"}
    assert not [call for call in story.planning if call.writes], story.planning
    assert_same(story.before, story.after_plan, "a plan changes nothing")
    assert story.user in story.words.ok().out


def test_the_account_has_exactly_what_was_asked_for(story):
    view = applied(story.cloud, story.done)
    assert {step["state"] for step in view["steps"]} <= {"done", "exists"}, story.done
    # What stood there before is as it was; the group lists its new member.
    account, user = story.after["account"], story.after["account"]["users"][story.user]
    assert user["itself"]["Path"] == "/people/" and user["tags"] == [{"Key": "team", "Value": "payments"}]
    assert user["groups"] == [story.group] and [key["Status"] for key in user["keys"]] == ["Active"]
    assert len(user["devices"]) == 1 and user["password"] is None
    changed = {line.partition(":")[0] for line in differences(story.before["account"], account)}
    known = (f"users.{story.user}", f"groups.{story.group}.members", "devices", f"policies.{story.user}", "roles.")
    assert all(name.startswith(known) for name in changed), changed


def test_the_policy_names_exactly_the_roles(story):
    applied(story.cloud, story.done)
    text = json.dumps(story.after["account"]["users"][story.user])
    documents = list(story.after["account"]["users"][story.user]["inline"].values())
    assert documents, "an inline policy, where nothing else was asked for"
    statements = [one for document in documents for one in listed(document["Statement"])]
    assume = [one for one in statements if "sts:AssumeRole" in listed(one["Action"]) and one["Effect"] == "Allow"]
    assert {resource for one in assume for resource in listed(one["Resource"])} == {story.reports, story.deploy}
    assert all(listed(one["Action"]) == ["sts:AssumeRole"] for one in assume), "nothing else comes with it"
    assert '"Action": "*"' not in text and "sts:*" not in text


def test_the_profiles_are_written_and_the_rest_of_the_file_stays(story):
    applied(story.cloud, story.done)
    config, before = story.after["files"]["config"], story.before["files"]["config"]
    assert config.startswith(before), "what stood there is in its place"
    for profile in (story.user, story.role_profile(story.reports), story.role_profile(story.deploy)):
        assert f"[profile {profile}]" in config[len(before):]
    assert config.count("credential-process") >= 2, "the roles are handed out through Stagedoor"
    profiles = {one["name"]: one for one in story.place.home.stagedoor("profiles", "--json").ok().json}
    assert set(profiles) == {"admin", "other"}, "after the undo they are gone"


def test_the_real_tools_work_with_the_profiles(story):
    applied(story.cloud, story.done)
    for profile, (cli, boto) in story.used.items():
        expected = f":user/people/{story.user}" if profile == story.user else f":assumed-role/{profile.removeprefix(story.user + '-')}/"
        # Moto does not remember whose session it gave out.
        if story.cloud.enforces or profile != story.user:
            assert expected in cli.ok().out and expected in boto.ok().out, (cli, boto)
        else:
            assert cli.ok().out and boto.ok().out


def test_applied_again_it_does_nothing_and_says_so(story):
    applied(story.cloud, story.done)
    view = story.again.ok().json
    assert view["state"] == "nothing" and {step["state"] for step in view["steps"]} == {"exists"}, story.again
    assert [call for call in story.again_calls if call.writes] == []


def test_undone_everything_is_as_before(story):
    assert story.undone and story.undone.ok().json["state"] == "undone", story.undone
    assert_same(story.before, story.end, "as it was before")


def test_the_secrets_are_in_the_keychain_and_nowhere_else(story):
    applied(story.cloud, story.done)
    assert {name.partition(" of call")[0] for name in story.place.home.secrets} >= {"SecretAccessKey", "Base32StringSeed"}
    assert story.leaked == ""
    new = set(story.after["keychain"]) - set(story.before["keychain"])
    assert any(name.startswith("access key AKIA") for name in new) and len(new) == 2, new


@pytest.mark.skipif(os.geteuid() != 0, reason="the agent lets nobody but root read its memory")
def test_the_agents_memory_is_without_them(story):
    applied(story.cloud, story.done)
    [agent] = story.place.home.agents()
    # A connection ends a moment after it was given up.
    wait(lambda: not any(copies(agent, secret) for secret in story.place.home.secrets.values()), "memory without a secret")


def test_a_role_that_trusts_somebody_else_becomes_assumable(cloud):
    """The policy that lets the user assume it is half of it; the trust policy is the other."""
    place = Workplace(cloud)
    try:
        somebody = cloud.person(f"trusted-{place.number}")
        role, user = cloud.role(f"narrow-{place.number}", somebody.arn), f"erin-{place.number}"
        place.warm()
        before = place.everything()
        view = applied(cloud, place.apply("user", user, "--may-assume", role))
        assert assumable(cloud, user) == {role}
        trust = listing(cloud)["roles"][f"narrow-{place.number}"]["itself"]["AssumeRolePolicyDocument"]
        named = {arn for one in listed(trust["Statement"]) for arn in listed(one["Principal"]["AWS"])}
        assert named == {somebody.arn, f"arn:aws:iam::{cloud.account}:user/{user}"}, "who was trusted still is"
        assert place.undo(view["id"]).ok().json["state"] == "undone"
        place.assert_as_before(before, "the trust policy too")
    finally:
        place.close()
