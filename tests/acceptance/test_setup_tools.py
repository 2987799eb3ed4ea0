"""What the tests of setups look through: the listing of an account, the wire, the keychain's hashes, the parser of Terraform."""

import threading

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

import hcl
from account import LACKS, Reader, differences, listing, shape
from cloud import Device, allow, policy
from home import wait
from setups import Workplace, ground, practice_of_its_own
from wire import CUT, Wire


@pytest.fixture
def wire(practice):
    wire = Wire(practice.endpoint)
    yield wire
    wire.close()


# Moto answers these with HTTP 500.
NOT_IN_MOTO = {"boundary gone"}


def through(wire, cloud):
    keys = dict(zip(("aws_access_key_id", "aws_secret_access_key"), cloud.root))
    return boto3.client("iam", endpoint_url=wire.endpoint, region_name="eu-west-1", config=Config(retries={"max_attempts": 0}), **keys)


def rich(cloud, number):
    """Something of everything that a setup can make, with a change of each that must be seen."""
    iam = cloud.iam
    group, reports, _ = ground(cloud, number)
    user = f"listed-{number}"
    document = policy(allow("s3:GetObject", "arn:aws:s3:::a/*"))
    boundary = iam.create_policy(PolicyName=f"edge-{number}", PolicyDocument=document)["Policy"]["Arn"]
    iam.create_user(UserName=user, Path="/people/", Tags=[{"Key": "team", "Value": "payments"}], PermissionsBoundary=boundary)
    key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    role, profile = reports.rpartition("/")[2], f"profile-{number}"
    changes = {
        "key off": lambda: iam.update_access_key(UserName=user, AccessKeyId=key, Status="Inactive"),
        "second key": lambda: iam.create_access_key(UserName=user),
        "device": lambda: Device(iam, user, cloud.enforces),
        "device of nobody": lambda: iam.create_virtual_mfa_device(VirtualMFADeviceName=f"spare-{number}"),
        "tag": lambda: iam.tag_user(UserName=user, Tags=[{"Key": "team", "Value": "risk"}]),
        "member": lambda: iam.add_user_to_group(GroupName=group, UserName=user),
        "inline": lambda: iam.put_user_policy(UserName=user, PolicyName="one", PolicyDocument=document),
        "inline changed": lambda: iam.put_user_policy(UserName=user, PolicyName="one", PolicyDocument=policy(allow("s3:PutObject"))),
        "attached": lambda: iam.attach_user_policy(UserName=user, PolicyArn=boundary),
        "boundary gone": lambda: iam.delete_user_permissions_boundary(UserName=user),
        "version": lambda: iam.create_policy_version(PolicyArn=boundary, PolicyDocument=policy(allow("s3:Get*"))),
        "default": lambda: iam.set_default_policy_version(PolicyArn=boundary, VersionId="v2"),
        "group policy": lambda: iam.put_group_policy(GroupName=group, PolicyName="two", PolicyDocument=document),
        "group attached": lambda: iam.attach_group_policy(GroupName=group, PolicyArn=boundary),
        "trust": lambda: iam.update_assume_role_policy(RoleName=role, PolicyDocument=policy({"Effect": "Allow", "Principal": {"AWS": cloud.account}, "Action": "sts:AssumeRole"})),
        "session": lambda: iam.update_role(RoleName=role, MaxSessionDuration=7200),
        "description": lambda: iam.update_role(RoleName=role, MaxSessionDuration=7200, Description="reads reports"),
        "role tag": lambda: iam.tag_role(RoleName=role, Tags=[{"Key": "team", "Value": "risk"}]),
        "role policy": lambda: iam.put_role_policy(RoleName=role, PolicyName="two", PolicyDocument=document),
        "role attached": lambda: iam.attach_role_policy(RoleName=role, PolicyArn=boundary),
        "role boundary": lambda: iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=boundary),
        "instance profile": lambda: iam.create_instance_profile(InstanceProfileName=profile),
        "in the profile": lambda: iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role),
        "oidc": lambda: iam.create_open_id_connect_provider(Url=f"https://idp-{number}.example", ClientIDList=["app"], ThumbprintList=["0" * 40]),
        "alias": lambda: iam.create_account_alias(AccountAlias=f"listed-{number}"),
    }
    return changes


def test_every_change_of_an_account_shows_in_its_listing(cloud):
    before = listing(cloud)
    assert listing(cloud) == before, "looking changes nothing"
    for name, change in rich(cloud, f"seen-{cloud.kind}").items():
        if cloud.kind == "moto" and name in NOT_IN_MOTO:
            continue
        change()
        after = listing(cloud)
        assert differences(before, after), f"{name} is not seen"
        before = after


def test_two_accounts_in_which_the_same_was_done_have_one_shape():
    with practice_of_its_own() as one, practice_of_its_own() as other:
        for cloud in (one, other):
            for change in rich(cloud, "same").values():
                change()
        assert listing(one) != listing(other)
        assert differences(shape(one), shape(other)) == []
        other.iam.tag_role(RoleName="reports-same", Tags=[{"Key": "more", "Value": ""}])
        found = differences(shape(one), shape(other))
        assert found and all(line.startswith("roles.reports-same.") for line in found), found


def test_what_is_not_asked_is_really_not_there(cloud):
    name = f"asked-{cloud.kind}"
    cloud.iam.create_user(UserName=name)
    cloud.iam.create_instance_profile(InstanceProfileName=name)
    for operation in LACKS[cloud.kind]:
        of = {"InstanceProfileName": name} if "InstanceProfile" in operation else {"UserName": name}
        with pytest.raises((ClientError, ResponseParserError)):
            getattr(cloud.iam, Reader(cloud)._operations[operation])(**of)


def test_the_wire_tells_what_passed(wire, practice):
    iam = through(wire, practice)
    iam.create_user(UserName="passed-by")
    iam.list_users()
    key = iam.create_access_key(UserName="passed-by")["AccessKey"]
    assert [(call.action, call.of, call.status, call.writes) for call in wire.since(0)] == [
        ("CreateUser", "iam", 200, True), ("ListUsers", "iam", 200, False), ("CreateAccessKey", "iam", 200, True),
    ]
    assert wire.first("CreateAccessKey").told("SecretAccessKey") == key["SecretAccessKey"]
    assert wire.first("CreateUser").parameters["UserName"] == "passed-by"


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_wire_cuts_a_call_before_or_after_it_was_done(wire, practice, when):
    iam, name = through(wire, practice), f"cut-{when}"
    wire.on(lambda call: call.action == "CreateUser", **{when: lambda _: CUT})
    with pytest.raises(BotoCoreError):
        iam.create_user(UserName=name)
    assert (name in [user["UserName"] for user in practice.iam.list_users()["Users"]]) == (when == "after")
    iam.get_user(UserName="alice")


def test_the_wire_holds_a_call_while_something_else_happens(wire, practice):
    reached, go_on = threading.Event(), threading.Event()
    wire.on(lambda call: call.action == "CreateUser", before=lambda _: (reached.set(), go_on.wait(30)))
    asked = threading.Thread(target=lambda: through(wire, practice).create_user(UserName="held"))
    asked.start()
    assert reached.wait(30)
    assert "held" not in listing(practice)["users"]
    go_on.set()
    asked.join()
    assert "held" in listing(practice)["users"]


def test_a_workplace_sees_its_files_its_keychain_and_a_killed_agent(practice):
    place = Workplace(practice)
    try:
        place.warm()
        before = place.everything()
        assert len(before["keychain"]) >= 2 and all(len(seal) == 64 for seal in before["keychain"].values())
        assert before["files"]["config"].startswith("[profile admin]")
        place.assert_as_before(before, "looking changes nothing")
        place.home.stagedoor("keys", "add", "another", stdin="AKIAIOSFODNN7EXAMPLE\nwJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n").ok()
        changed = differences(before, place.everything())
        assert [line.partition(":")[0] for line in changed] == ["files.config", "keychain.access key AKIAIOSFODNN7EXAMPLE"], changed
        [agent] = place.home.agents()
        place.kill_agent()
        place.warm()
        wait(lambda: len(place.home.agents()) == 1, "another agent")
        assert place.home.agents() != [agent]
        assert {call.of for call in place.wire.since(0)} == {"sts"} and not place.wire.writing()
        place.home.assert_nothing_leaked()
    finally:
        place.close()


TERRAFORM = '''
resource "aws_iam_user" "dana" {
  name = "dana"
  tags = { team = "payments" }
}

resource "aws_iam_user_policy" "own" {
  user   = aws_iam_user.dana.name
  policy = <<-EOT
{"Resource": "arn:aws:iam::111122223333:user/$${aws:username}"}
EOT
}
'''


def test_terraform_is_read_as_terraform_reads_it():
    found = hcl.resources(TERRAFORM)
    assert list(found) == ["aws_iam_user.dana", "aws_iam_user_policy.own"]
    assert hcl.text(found["aws_iam_user.dana"]["name"]) == "dana"
    own = found["aws_iam_user_policy.own"]
    assert hcl.document(own["policy"]) == {"Resource": "arn:aws:iam::111122223333:user/${aws:username}"}
    assert hcl.templates(own["policy"]) == [] and hcl.templates(own["user"]) == ["aws_iam_user.dana.name"]
    assert hcl.templates('"user/${aws:username}"') == ["aws:username"], "one that was not escaped is found"
    with pytest.raises(Exception, match="(?i)unexpected"):
        hcl.resources(TERRAFORM.replace("}\n\n", "\n\n", 1))
