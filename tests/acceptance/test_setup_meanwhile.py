"""Somebody else changes the account at the same time, and IAM takes its time: seen, said, and nothing of theirs is overwritten."""

import json
import threading

import boto3
import pytest

from account import assert_same, differences, listing
from cloud import allow, policy
from home import TOOLS, wait
from setups import LONG, Workplace, applied, ground, practice_of_its_own

ELSE = policy({"Sid": "TheirsNotOurs", **allow("s3:PutObject")})


@pytest.fixture
def place(cloud):
    place = Workplace(cloud)
    place.warm()
    yield place
    place.close()


def reads_of(place, *arguments):
    """How many calls a plan makes. The second time, because the first may find out more."""
    for _ in range(2):
        since = place.wire.count
        place.plan(*arguments).ok()
    return place.wire.count - since


def change_after_plan(place, change, *arguments):
    """Applies a plan; somebody makes `change` once the plan was made and before its first step."""
    reads, since, done = reads_of(place, *arguments), place.wire.count, []
    place.wire.on(lambda call: call.number == since + reads, after=lambda _: done.append(change()))
    applied = place.apply(*arguments)
    assert done, f"the plan made no {reads} calls: {applied}"
    return applied, place.wire.writing(since)


def test_a_policy_that_changed_between_plan_and_apply(place, tmp_path):
    iam, name = place.cloud.iam, f"between-{place.number}"
    arn = iam.create_policy(PolicyName=name, PolicyDocument=policy(allow("s3:GetObject")))["Policy"]["Arn"]
    file = tmp_path / "new.json"
    file.write_text(policy(allow("s3:ListBucket")))
    change = lambda: iam.create_policy_version(PolicyArn=arn, PolicyDocument=ELSE, SetAsDefault=True)
    done, wrote = change_after_plan(place, change, "change", "edit-policy", arn, file)
    assert done.code == 1 and "changed" in done.err and wrote == [], done
    after = listing(place.cloud)["policies"][name]
    assert after["default"] == ["v2"] and sorted(after["versions"]) == ["v1", "v2"]


def test_a_trust_policy_that_changed_between_plan_and_apply(place):
    cloud, name = place.cloud, f"trusting-{place.number}"
    bob, eve = cloud.person(f"bob-{place.number}"), cloud.person(f"eve-{place.number}")
    cloud.role(name, bob.arn)
    theirs = policy({"Sid": "TheirsNotOurs", "Effect": "Allow", "Principal": {"AWS": cloud.account}, "Action": "sts:AssumeRole"})
    change = lambda: cloud.iam.update_assume_role_policy(RoleName=name, PolicyDocument=theirs)
    done, wrote = change_after_plan(place, change, "change", "trust-add", name, "--trust", f"user:{eve.name}")
    assert done.code == 1 and "changed" in done.err and wrote == [], done
    assert "TheirsNotOurs" in json.dumps(listing(cloud)["roles"][name])


def test_a_user_that_somebody_else_made_meanwhile(place):
    name = f"raced-{place.number}"
    done, wrote = change_after_plan(place, lambda: place.cloud.iam.create_user(UserName=name, Path="/theirs/"), "user", name)
    assert done.code == 1 and name in done.err, done
    assert [call.status for call in wrote if call.action == "CreateUser"] in ([], [409]), wrote
    line = place.line()
    if line and line["undoable"]:
        place.undo(line["id"])
    user = listing(place.cloud)["users"][name]
    assert user["itself"]["Path"] == "/theirs/" and user["keys"] == [], "theirs stays, with nothing of ours on it"


def test_undo_leaves_what_somebody_changed_since(place):
    cloud, name = place.cloud, f"since-{place.number}"
    _, _, deploy = ground(cloud, name)
    view = applied(cloud, place.apply("user", name, "--may-assume", deploy))
    [inline] = listing(cloud)["users"][name]["inline"]
    cloud.iam.put_user_policy(UserName=name, PolicyName=inline, PolicyDocument=ELSE)
    before, since = place.everything(), place.wire.count
    done = place.undo(view["id"])
    assert done.code == 1 and "changed" in done.err and (inline in done.err or name in done.err), f"what changed is said: {done}"
    after = listing(cloud)["users"][name]
    assert "TheirsNotOurs" in json.dumps(after["inline"]), "what they wrote is not lost"
    if not place.wire.writing(since):
        place.assert_as_before(before, "refused, it does nothing")
    # As it was made, it can be undone again.
    cloud.iam.delete_user_policy(UserName=name, PolicyName=inline)
    again = place.undo(view["id"])
    assert again.code == 0 or "hint:" in again.err, again


def test_undo_does_not_delete_a_user_with_things_of_somebody_else(place):
    name = f"grown-{place.number}"
    view = applied(place.cloud, place.apply("user", name))
    place.cloud.iam.put_user_policy(UserName=name, PolicyName="theirs", PolicyDocument=ELSE)
    done = place.undo(view["id"])
    assert done.code == 1 and "theirs" in done.err, done
    assert "TheirsNotOurs" in json.dumps(listing(place.cloud)["users"][name])


def test_two_plans_at_once_on_one_account(cloud):
    """Two administrators, two machines, one name: one of them has it, the other is told, and takes back only what is theirs."""
    one, other = Workplace(cloud), Workplace(cloud)
    try:
        one.warm(), other.warm()
        name = f"wanted-{one.number}"
        reached, go_on, ended = threading.Event(), threading.Event(), []
        one.wire.on(lambda call: call.writes, before=lambda _: (reached.set(), go_on.wait(LONG)))
        slow = threading.Thread(target=lambda: ended.append(one.apply("user", name, "--tag", "of=one")))
        slow.start()
        assert reached.wait(60)
        applied(cloud, other.apply("user", name, "--tag", "of=other"))
        made = listing(cloud)["users"][name]
        go_on.set()
        slow.join()
        [done] = ended
        assert done.code == 1 and name in done.err, done
        assert_same(made, listing(cloud)["users"][name], "who was first has it as it was made")
        line = one.line()
        if line and line["undoable"]:
            one.undo(line["id"])
        assert_same(made, listing(cloud)["users"][name], "undone by the one who was late")
        assert f"[profile {name}]" not in one.home.config.decode()
    finally:
        one.close(), other.close()


def test_two_at_once_on_one_machine(place):
    """One agent: both are done, one after the other, or one is told to wait."""
    names = [f"pair-{letter}-{place.number}" for letter in "ab"]
    done = []
    both = [threading.Thread(target=lambda name=name: done.append(place.apply("user", name))) for name in names]
    [thread.start() for thread in both]
    [thread.join() for thread in both]
    users = listing(place.cloud)["users"]
    for one in done:
        if one.out:
            applied(place.cloud, one)
        else:
            one.refused(1)
    assert any(one.out for one in done) and sum(name in users for name in names) == sum(bool(one.out) for one in done), done


def test_iams_delay_is_waited_for():
    with practice_of_its_own("--eventual", "5s") as cloud:
        place = Workplace(cloud)
        try:
            group, reports, deploy = ground(cloud, "late")
            wait_for_admin(place)
            before = place.everything()
            wanted = ["user", "dana", "--group", group, "--mfa", "--may-assume", reports, "--may-assume", deploy]
            done = place.apply(*wanted)
            view = applied(cloud, done)
            assert [proof for proof in view["verification"] if proof["expected"] == "denied"], "refusals are proven too"
            arn = place.home.run(TOOLS / "aws", "sts", "get-caller-identity", "--profile", "dana-reports-late", "--query", "Arn", "--output", "text", timeout=LONG)
            assert ":assumed-role/reports-late/" in arn.ok().out
            assert place.undo(view["id"]).ok().json["state"] == "undone"
            assert differences(before["account"], listing(cloud)) == []
        finally:
            place.close()


def wait_for_admin(place):
    """The administrator's own key is late too."""
    iam = boto3.client("iam", endpoint_url=place.cloud.endpoint, region_name="eu-west-1", aws_access_key_id=place.person.key_id, aws_secret_access_key=place.person.secret)

    def answers():
        try:
            return iam.list_users() and iam.list_groups()
        except iam.exceptions.ClientError:
            return False

    wait(answers, "the administrator's key", seconds=30)
    place.warm()
