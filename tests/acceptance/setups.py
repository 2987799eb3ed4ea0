"""An administrator's machine in front of an account, and what stood there before a setup and stands there after it."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import tempfile

from account import assert_same, listing
from cloud import NUMBERS, Cloud, allow, policy
from home import PROGRAM, TOOLS, Home
from wire import CUT, Wire

# Proofs with MFA wait for the next code, and the next.
LONG = 300
# The profile whose key may do everything.
ADMIN = "admin"


class Workplace:
    """A home whose calls all pass a wire, with an admin profile whose key is in the keychain."""

    def __init__(self, cloud, statements=(allow("*"),), watched=True):
        self.cloud, self.number = cloud, next(NUMBERS)
        self.wire = Wire(cloud.endpoint)
        self.home = Home(self.wire.endpoint, cloud.signin)
        if not watched:
            self.home.stop_watching()
        self.person = self.admin(ADMIN, *statements)

    def admin(self, profile, *statements):
        """An IAM user that may do `statements`, as a profile with its key in the keychain."""
        person = self.cloud.person(f"{profile}-{next(NUMBERS)}")
        document = policy(*statements)
        made = self.cloud.iam.create_policy(PolicyName=person.name, PolicyDocument=document)["Policy"]["Arn"]
        self.cloud.iam.attach_user_policy(UserName=person.name, PolicyArn=made)
        self.home.stagedoor("keys", "add", profile, stdin=f"{person.key_id}\n{person.secret}\n").ok()
        self.home.keep_secret(f"the secret access key of {profile}", person.secret)
        return person

    def close(self):
        self.home.close()
        self.wire.close()

    # --- What Stagedoor is asked ---

    def setup(self, *arguments, admin=ADMIN, **options):
        """`stagedoor setup …` with `--json`. A code of an MFA device takes its time."""
        return self.home.stagedoor("setup", *arguments, *(["--as", admin] if admin else []), "--json", timeout=LONG, **options)

    def plan(self, *arguments, **options):
        return self.setup(*arguments, "--plan", **options)

    def apply(self, *arguments, **options):
        return self.setup(*arguments, "--apply", **options)

    def line(self):
        """The newest of the setups that were applied."""
        told = self.home.stagedoor("setup", "list", "--json").ok().json
        return told[0] if told else None

    def undo(self, setup):
        return self.home.stagedoor("setup", "undo", setup, "--json", timeout=LONG)

    def resume(self, setup):
        return self.home.stagedoor("setup", "resume", setup, "--json", timeout=LONG)

    # --- What is there ---

    def files(self):
        """Every file under ~/.aws but the AWS CLI's own cache, byte for byte."""
        files = (path for path in self.home.aws.rglob("*") if path.is_file() and "cli" not in path.relative_to(self.home.aws).parts)
        return {str(path.relative_to(self.home.aws)): path.read_bytes().decode() for path in files}

    def keychain(self):
        """Each entry of Stagedoor's, with a hash of its secret: an answer can be compared, and a failure shows no secret."""
        service = f"Stagedoor ({self.home.env['STAGEDOOR_HOME']})"
        search = lambda *words: subprocess.run(["secret-tool", *words], env=self.home.env, capture_output=True, timeout=20)
        told = search("search", "--all", "service", service)
        names = {line.partition(b" = ")[2].decode() for line in (told.stdout + told.stderr).splitlines() if line.startswith(b"attribute.username")}
        return {name: hashlib.sha256(search("lookup", "service", service, "username", name).stdout).hexdigest() for name in names}

    def everything(self):
        return {"account": listing(self.cloud), "files": self.files(), "keychain": self.keychain()}

    def assert_as_before(self, before, why):
        assert_same(before, self.everything(), why)

    def warm(self):
        """A session of the admin, so that what belongs to no setup is there before: the agent, its keys."""
        self.home.stagedoor("credential-process", ADMIN, delivers=True).ok()

    # --- Secrets ---

    def learn(self):
        """What AWS gave away once, out of its own answers: from now on it must not turn up anywhere."""
        for call in self.wire.since(0):
            for action, field in (("CreateAccessKey", "SecretAccessKey"), ("CreateVirtualMFADevice", "Base32StringSeed")):
                if call.action == action and call.told(field):
                    self.home.keep_secret(f"{field} of call {call.number}", call.told(field))

    # --- Bad luck ---

    def kill_agent(self, _call=None):
        self.home.end_agent(signal.SIGKILL)
        return CUT


def ground(cloud, number):
    """What a setup finds: a group, and two roles that trust the account, so that its policies decide who may assume them."""
    account = f"arn:aws:iam::{cloud.account}:root"
    group = f"people-{number}"
    cloud.iam.create_group(GroupName=group)
    cloud.iam.put_group_policy(GroupName=group, PolicyName="look", PolicyDocument=policy(allow("iam:GetUser")))
    reports = cloud.role(f"reports-{number}", account, allow("iam:ListRoles"), mfa=True)
    deploy = cloud.role(f"deploy-{number}", account, allow("iam:ListUsers"))
    return group, reports, deploy


def assumable(cloud, user):
    """The resources on which the user's own policies allow sts:AssumeRole."""
    iam, documents = cloud.iam, []
    for name in iam.list_user_policies(UserName=user)["PolicyNames"]:
        documents.append(iam.get_user_policy(UserName=user, PolicyName=name)["PolicyDocument"])
    for attached in iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
        documents.append(iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)["PolicyVersion"]["Document"])
    found = set()
    for statement in (one for document in documents for one in listed(document["Statement"])):
        if statement["Effect"] == "Allow" and "sts:AssumeRole" in listed(statement.get("Action", [])):
            found |= set(listed(statement["Resource"]))
    return found


def listed(value):
    return value if isinstance(value, list) else [value]


def applied(cloud, done):
    """It was done and proven. Moto refuses nothing, so what must be refused is a defect there, and said to be one."""
    if cloud.enforces:
        view = done.ok().json
        assert view["state"] in ("done", "nothing", "waiting"), done
        wrong = [proof for proof in view["verification"] if proof.get("outcome") != proof["expected"]]
        assert not wrong, f"{wrong}\n{done}"
        return view
    assert done.code in (0, 1), done
    view = done.json
    assert view["state"] in ("done", "defect", "nothing", "waiting"), done
    assert not [proof for proof in view["verification"] if proof["expected"] == "allowed" and proof.get("outcome") != "allowed"], done
    return view


@contextlib.contextmanager
def practice_of_its_own(*options):
    """A practice account for one test, as a process and nothing else."""
    with tempfile.TemporaryDirectory(prefix="sd-p-") as home:
        env = {"PATH": f"{TOOLS}:/usr/bin:/bin", "HOME": home, "STAGEDOOR_HOME": os.path.join(home, "stagedoor")}
        server = subprocess.Popen([PROGRAM, "practice", "--json", *options], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            told = json.loads(server.stdout.readline())
            cloud = Cloud("practice", told["endpoint"], told["signin_endpoint"], told["access_key_id"], told["secret_access_key"], people=())
            cloud.accounts = told["accounts"]
            yield cloud
        finally:
            server.kill()
            server.wait()
            server.stdout.close()
