"""The agent is killed before and after every single call of a plan. Then `resume` completes it, or `undo` leaves nothing of it.

Every case has an account and a home of its own and runs beside others: most of its time it waits for an MFA code.
"""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from account import assert_same, shape
from cloud import allow, policy
from setups import LONG, Workplace, applied, ground, practice_of_its_own

WORKERS = 24
# Every call of every kind of plan is killed in tests/it/setup_crash.rs; here it is the real program, whose agent is really gone.
MODES = [("user", "before", "undo"), ("user", "after", "resume"), ("rotate", "after", "undo"), ("revoke", "after", "resume")]


def user(place, mfa=()):
    group, reports, deploy = ground(place.cloud, "k")
    return ["setup", "user", "dana", "--group", group, *mfa, "--tag", "team=payments", "--may-assume", deploy, *(["--may-assume", reports] if mfa else [])]


def with_mfa(place):
    return user(place, ["--mfa"])


def local(place, name):
    """A user of the account whose key is in this keychain."""
    person = place.cloud.person(name)
    place.home.stagedoor("keys", "add", name, stdin=f"{person.key_id}\n{person.secret}\n").ok()
    return person


def role(place):
    bob = local(place, "bob")
    bob.may(allow("sts:AssumeRole"))
    wanted = ["--trust", "user:bob", "--max-session", "4h", "--bucket", "reports", "--tag", "a=b"]
    return ["setup", "role", "reader", *wanted, "--policy", "arn:aws:iam::aws:policy/ReadOnlyAccess", "--profile", "reading", "--source-profile", "bob"]


def group(place):
    _, _, deploy = ground(place.cloud, "k")
    local(place, "bob")
    return ["setup", "group", "movers", "--may-assume", deploy, "--member", "bob"]


def edit(place):
    arn = place.cloud.iam.create_policy(PolicyName="edited", PolicyDocument=policy(allow("s3:GetObject")))["Policy"]["Arn"]
    file = place.home.path / "new.json"
    file.write_text(policy(allow("s3:ListBucket")))
    return ["setup", "change", "edit-policy", arn, str(file)]


def rotate(place):
    bob = local(place, "bob")
    bob.may(allow("iam:GetUser"))
    return ["keys", "rotate", "bob", "--wait", "1h"]


def revoke(place):
    ground(place.cloud, "k")
    return ["revoke", "deploy-k"]


PLANS = {"user": user, "user-mfa": with_mfa, "role": role, "group": group, "edit": edit, "rotate": rotate, "revoke": revoke}


class Case:
    """A plan in a world of its own."""

    def __init__(self, plan, cloud):
        self.place = Workplace(cloud, watched=False)
        self.arguments = PLANS[plan](self.place)
        self.place.warm()
        self.before = self.place.everything()

    def apply(self):
        return self.place.home.stagedoor(*self.arguments, "--as", "admin", "--apply", "--json", timeout=LONG)

    def nth(self, number, when, do):
        """`do` before or after the call of that number, from the first that writes on."""
        begun = []

        def fits(call):
            if begun or call.writes:
                begun.append(call)
            return len(begun) == number

        self.place.wire.on(fits, **{when: do})

    def result(self):
        """What is there, without what differs between two worlds."""
        account, places = self.place.cloud.account, [self.place.files(), sorted(self.place.keychain())]
        plain = lambda text: re.sub(r"AKIA\w{16}", "KEY", text.replace(account, "ACCOUNT"))
        found = shape(self.place.cloud)
        # A revocation says when; the administrator is called otherwise in each world.
        return {"account": json.loads(re.sub(r"20\d\d-\d\d-\d\dT[\d:.]+Z", "THEN", json.dumps(found)).replace(f'{self.place.person.name}"', 'ADMIN"')), "files": json.loads(plain(json.dumps(places)))}


@pytest.fixture(scope="module")
def whole():
    """Each plan, run through without a mishap: how many calls from the first that writes on, and what is there then."""
    known, lock = {}, threading.Lock()

    def run(plan):
        with lock:
            if plan not in known:
                with practice_of_its_own() as cloud:
                    case = Case(plan, cloud)
                    try:
                        since = case.place.wire.count
                        applied(cloud, case.apply())
                        calls = case.place.wire.since(since)
                        first = next(index for index, call in enumerate(calls) if call.writes)
                        known[plan] = [call.action for call in calls[first:]], case.result()
                    finally:
                        case.place.close()
            return known[plan]

    return run


def run_killed(plan, when, then, number, action, result):
    """One mishap and its mend. Gives what was wrong, or nothing."""
    with practice_of_its_own() as cloud:
        case = Case(plan, cloud)
        place, killed = case.place, []
        try:
            case.nth(number, when, lambda call: (killed.append(call), place.kill_agent())[1])
            done = case.apply()
            assert killed, f"there was no such call: {done}"
            assert "panicked" not in done.err, done
            line = place.line()
            assert line, f"there is nothing to go on with: {done}"
            if then == "resume":
                if line["state"] not in ("done", "waiting"):
                    applied(cloud, place.resume(line["id"]))
                assert_same(result, case.result(), "not what an apply without a mishap makes")
            else:
                assert place.undo(line["id"]).ok().json["state"] == "undone"
                place.assert_as_before(case.before, "not as before")
        except AssertionError as wrong:
            return f"killed {when} call {number}, {killed[0].action if killed else action}: {wrong}"
        finally:
            place.close()
    return None


@pytest.mark.parametrize(("plan", "when", "then"), MODES, ids=["-".join(mode) for mode in MODES])
def test_killed_at_every_call(whole, plan, when, then):
    actions, result = whole(plan)
    assert len(actions) >= 1, actions
    with ThreadPoolExecutor(WORKERS) as pool:
        cases = [pool.submit(run_killed, plan, when, then, number, action, result) for number, action in enumerate(actions, 1)]
        wrong = [found for found in (case.result() for case in cases) if found]
    assert not wrong, f"{len(wrong)} of {len(actions)}\n" + "\n".join(wrong)


def test_killed_while_a_plan_is_made_nothing_is_left(practice):
    place = Workplace(practice)
    try:
        place.warm()
        before, since = place.everything(), place.wire.count
        place.wire.on(lambda call: call.of == "iam", before=place.kill_agent)
        done = place.home.stagedoor("setup", "user", f"early-{place.number}", "--as", "admin", "--apply", timeout=LONG)
        assert place.wire.writing(since) == [] or done.code == 0, "asked again by itself it may go on, but nothing is half done"
        if done.code:
            done.refused(1)
            assert place.line() is None
            place.assert_as_before(before, "nothing was begun")
    finally:
        place.close()


def test_a_lost_answer_is_no_lost_key(practice):
    """AWS made the key and the answer never came: its secret is nowhere, so the key must not stay."""
    place = Workplace(practice)
    try:
        place.warm()
        before, user = place.everything(), f"lost-{place.number}"
        place.wire.on(lambda call: call.action == "CreateAccessKey", after=place.kill_agent)
        place.apply("user", user)
        assert len(practice.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]) == 1
        applied(practice, place.resume(place.line()["id"]))
        [key] = practice.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
        assert f"access key {key['AccessKeyId']}" in place.keychain()
        place.learn()
        place.home.credential_process(user)
        place.home.assert_nothing_leaked()
        assert place.undo(place.line()["id"]).ok().json["state"] == "undone"
        place.assert_as_before(before, "with both keys gone")
    finally:
        place.close()
