"""An AWS account with people and roles in it, made with boto3 through IAM's own calls.

The account is Stagedoor's practice account, which enforces what AWS enforces, or moto's server, which nobody here wrote
and which checks neither trust policies nor MFA codes.
"""

import base64
import hashlib
import hmac
import itertools
import json
import os
import socket
import struct
import subprocess
import threading
import time
import urllib.request
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import boto3

from home import PROGRAM, TOOLS, Home, wait

STEP = 30

# One count for the names of all files: they share the accounts of the process that runs them.
NUMBERS = itertools.count(1)


def totp(seed, step):
    """RFC 6238 with SHA-1 and six digits: what every authenticator app does."""
    mac = hmac.new(base64.b32decode(seed + "=" * (-len(seed) % 8)), struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class Device:
    """A virtual MFA device. Never shows the same code twice."""

    def __init__(self, iam, user, enforced):
        device = iam.create_virtual_mfa_device(VirtualMFADeviceName=user)["VirtualMFADevice"]
        self.serial = device["SerialNumber"]
        self.seed = device["Base32StringSeed"].decode()
        now = int(time.time()) // STEP
        self._last = now if enforced else now - 1
        iam.enable_mfa_device(UserName=user, SerialNumber=self.serial, AuthenticationCode1=totp(self.seed, now - 1), AuthenticationCode2=totp(self.seed, now))

    def wait_for_fresh(self):
        """Enabling it took the code of that moment: waits until it shows another."""
        wait(lambda: int(time.time()) // STEP > self._last, "the next MFA code", seconds=STEP + 1)

    def code(self):
        """The next code that was not used; waits for it where it must."""
        self.wait_for_fresh()
        self._last = int(time.time()) // STEP
        return totp(self.seed, self._last)

    def stale_code(self):
        """A code of an hour ago, and not by chance one of now."""
        now = int(time.time()) // STEP
        codes = {totp(self.seed, now + near) for near in range(-3, 4)}
        return next(code for code in (totp(self.seed, now - 120 - back) for back in range(20)) if code not in codes)


class Person:
    """An IAM user with an access key, and an MFA device if asked for."""

    def __init__(self, cloud, name, mfa):
        self.name, self._iam = name, cloud.iam
        self.arn = cloud.iam.create_user(UserName=name)["User"]["Arn"]
        key = cloud.iam.create_access_key(UserName=name)["AccessKey"]
        self.key_id, self.secret = key["AccessKeyId"], key["SecretAccessKey"]
        self.device = Device(cloud.iam, name, cloud.enforces) if mfa else None

    def may(self, *statements):
        put = {"UserName": self.name, "PolicyName": "what-it-may", "PolicyDocument": policy(*statements)}
        self._iam.put_user_policy(**put)

    def deactivate_key(self):
        self._iam.update_access_key(UserName=self.name, AccessKeyId=self.key_id, Status="Inactive")

    def credentials_file(self):
        return f"[{self.name}]\naws_access_key_id = {self.key_id}\naws_secret_access_key = {self.secret}\n"


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions, resource="*"):
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


class Cloud:
    """One account: `iam` is its root's view of it."""

    def __init__(self, kind, endpoint, signin, key_id, secret, people=("alice", "carol", "edith", "rita", "sybil")):
        self.kind, self.endpoint, self.signin = kind, endpoint, signin
        self.root = (key_id, secret)
        self.enforces = kind == "practice"
        session = boto3.Session(aws_access_key_id=key_id, aws_secret_access_key=secret, region_name="eu-west-1")
        self.iam = session.client("iam", endpoint_url=endpoint)
        self.account = session.client("sts", endpoint_url=endpoint).get_caller_identity()["Account"]
        # Made first of all, so that the codes that enabled their devices are over when a test needs the next one.
        self._with_device = {name: Person(self, name, mfa=True) for name in people}

    def person(self, name):
        return Person(self, name, mfa=False)

    def person_with_device(self, name):
        return self._with_device.pop(name)

    def role(self, name, principal, *statements, external_id=None, mfa=False, **options):
        """A role that `principal` may assume, and that may do `statements`."""
        condition = {}
        if external_id:
            condition["StringEquals"] = {"sts:ExternalId": external_id}
        if mfa:
            condition["Bool"] = {"aws:MultiFactorAuthPresent": "true"}
        trust = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
        if condition:
            trust["Condition"] = condition
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust), **options)["Role"]["Arn"]
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName="what-it-may", PolicyDocument=policy(*statements))
        return arn


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start_practice():
    """`stagedoor practice --json` in a home of its own."""
    home = Home()
    server = home.start(PROGRAM, "practice", "--json", stdout=subprocess.PIPE)
    told = json.loads(server.stdout.readline())
    cloud = Cloud("practice", told["endpoint"], told["signin_endpoint"], told["access_key_id"], told["secret_access_key"])
    cloud.accounts = [
        {"AccountId": one["account_id"], "Name": one["name"], "AccessKeyId": one["access_key_id"], "SecretAccessKey": one["secret_access_key"]}
        for one in told["accounts"]
    ]
    return home, cloud


def start_moto_server():
    """Moto's server; gives the process and its endpoint."""
    port = free_port()
    log = open(os.devnull, "w")
    server = subprocess.Popen([TOOLS / "moto_server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log)
    endpoint = f"http://127.0.0.1:{port}"

    def answers():
        try:
            return urllib.request.urlopen(endpoint + "/moto-api/", timeout=2).status == 200
        except OSError:
            return False

    wait(answers, "moto", seconds=60)
    return server, endpoint


def start_moto():
    server, endpoint = start_moto_server()
    return server, Cloud("moto", endpoint, None, "AKIAIOSFODNN7EXAMPLE", "the secret of moto's root, which it does not check")


class Counter:
    """A reverse proxy on loopback that counts the operations that pass. The request is forwarded as it is, signature and all.

    `held_back`: the answer to AssumeRole comes so many seconds later. `gate`: it comes when that event is set. `told` is called
    with the name of each operation.
    """

    def __init__(self, endpoint, held_back=0, gate=None, told=None):
        counter = self
        self.calls, self._lock = [], threading.Lock()
        behind = urlsplit(endpoint).netloc

        class Forward(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                action = parse_qs(body.decode()).get("Action", ["?"])[0]
                with counter._lock:
                    counter.calls.append(action)
                    if told:
                        told(action)
                if action == "AssumeRole":
                    time.sleep(held_back)
                    if gate:
                        gate.wait(timeout=60)
                connection = HTTPConnection(behind, timeout=30)
                connection.request("POST", self.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                try:
                    self.end_headers()
                    self.wfile.write(content)
                except BrokenPipeError:
                    pass  # who asked was killed

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Forward)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def count(self, action):
        with self._lock:
            return self.calls.count(action)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
