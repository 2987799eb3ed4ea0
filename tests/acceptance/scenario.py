"""Runs a scenario of `tests/scenarios` (its README explains the format) with boto3 or with the AWS CLI.

What differs between the two is only how a call is made and how its refusal is read; who calls, references, MFA codes and
comparing are the same.
"""

import base64
import contextlib
import datetime
import fnmatch
import io
import json
import os
import pathlib
import re
import tempfile
import time
from unittest import mock

import awscli.clidriver
import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError

from cloud import STEP, totp
from home import ROOT, wait

FOLDER = ROOT / "tests/scenarios"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
VECTORS = ROOT / "tests/vectors"
REGION = "eu-west-1"
# Who is root of which account.
ROOTS = {"Practice": "root", "Practice sandbox": "sandbox", "Third party": "partner"}
SESSION = boto3.Session()
# The operations whose answers the AWS CLI would put together by itself.
PAGED = {service: set(SESSION._session.get_component("data_loader").load_service_model(service, "paginators-1")["pagination"]) for service in ("iam", "sts")}


def read(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


class Refused(Exception):
    """An error of AWS; the AWS CLI does not show the status."""

    def __init__(self, code, message, status=None):
        super().__init__(f"{code} ({status}): {message}")
        self.code, self.message, self.status = code, message, status


class Boto3:
    def __init__(self, endpoint):
        self._endpoint, self._clients = endpoint, {}

    def _client(self, credentials, service):
        if (credentials, service) not in self._clients:
            # One session for all: it holds the models of the services, which take long to read.
            keys = dict(zip(("aws_access_key_id", "aws_secret_access_key", "aws_session_token"), credentials))
            options = {"endpoint_url": self._endpoint, "region_name": REGION, "config": Config(retries={"max_attempts": 0})}
            self._clients[credentials, service] = SESSION.client(service, **keys, **options)
        return self._clients[credentials, service]

    def call(self, credentials, service, operation, parameters):
        client = self._client(credentials, service)
        method = next(method for method, name in client.meta.method_to_api_mapping.items() if name == operation)
        try:
            return getattr(client, method)(**parameters)
        except ClientError as error:
            told = error.response
            raise Refused(told["Error"]["Code"], told["Error"]["Message"], told["ResponseMetadata"]["HTTPStatusCode"]) from None


class AwsCli:
    """The AWS CLI's own `main`, in this process: its interpreter would take longer to start than all calls together."""

    # What the first call has read of AWS's models serves all others: most of a call's time is reading them.
    _models = None

    def __init__(self, endpoint):
        self._endpoint = endpoint

    def call(self, credentials, service, operation, parameters):
        names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
        env = {name: value for name, value in zip(names, credentials) if value}
        # Where the AWS CLI finds its own models is in the environment too.
        env |= {name: value for name, value in os.environ.items() if name in ("AWS_DATA_PATH", "PATH")}
        env |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_MAX_ATTEMPTS": "1", "HOME": "/nonexistent"}
        out, err = io.StringIO(), io.StringIO()
        with tempfile.TemporaryDirectory() as folder:
            command = [service, botocore.xform_name(operation, "-")]
            command += ["--endpoint-url", self._endpoint, "--region", REGION, "--output", "json"]
            seed = pathlib.Path(folder, "seed")
            if operation == "CreateVirtualMFADevice":
                # Here the AWS CLI writes the seed to a file, and takes no JSON.
                command += ["--outfile", str(seed), "--bootstrap-method", "Base32StringSeed"]
                command += ["--virtual-mfa-device-name", parameters["VirtualMFADeviceName"]]
            else:
                command += ["--cli-input-json", json.dumps(parameters)]
            if operation in PAGED[service]:
                command.append("--no-paginate")
            with mock.patch.dict(os.environ, env, clear=True), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                driver = awscli.clidriver.create_clidriver()
                AwsCli._models = AwsCli._models or driver.session.get_component("data_loader")
                driver.session.register_component("data_loader", AwsCli._models)
                code = driver.main(command)
            if code:
                told = re.search(r"An error occurred \((\S+)\) when calling the \w+ operation(?: \([^)]*\))?: ?(.*)", err.getvalue(), re.DOTALL)
                assert told, f"aws {' '.join(command)}: {err.getvalue()}{out.getvalue()}"
                raise Refused(told[1], told[2].strip())
            answer = json.loads(out.getvalue() or "{}")
            if seed.exists():
                answer["VirtualMFADevice"]["Base32StringSeed"] = seed.read_text().strip()
            return answer


class Device:
    """Shows the codes of one virtual MFA device, each once; the first two are of the last half minute and of this one."""

    def __init__(self, seed):
        self.seed = seed
        self._last = int(time.time()) // STEP - 2

    def fresh(self):
        # AWS takes the code of the next half minute too.
        wait(lambda: self._last <= int(time.time()) // STEP, "the next MFA code", seconds=2 * STEP)
        self._last += 1
        return totp(self.seed, self._last)

    def again(self):
        return totp(self.seed, self._last)

    def wrong(self):
        near = {totp(self.seed, self._last + step) for step in range(-6, 7)}
        return next(code for code in (f"{number:06}" for number in range(20)) if code not in near)


class Scenario:
    def __init__(self, name, client, told, moto=False):
        self.name, self.client, self.moto = name, client, moto
        self.kept, self.callers = {}, {}
        for account in [{**told, "name": "Practice"}, *told.get("accounts", [])]:
            name = ROOTS[account["name"]]
            self.kept[name] = account["account_id"]
            self.callers[name] = (account["access_key_id"], account["secret_access_key"], None)
        self.devices = {}

    def run(self):
        for number, step in enumerate(read(self.name)["steps"], 1):
            if self.moto and "moto" in step:
                continue
            try:
                self.step(step)
            except AssertionError as error:
                raise AssertionError(f"{self.name}, step {number}, {step['call']}: {step.get('says', '')}\n{error}") from None

    def step(self, step):
        service, operation = step["call"].split(".")
        parameters = {name: self.parameter(name, value) for name, value in step.get("with", {}).items()}
        asked = time.time()
        try:
            answer = self.client.call(self.callers[step["as"]], service, operation, parameters)
        except Refused as refused:
            return self.refused(step, refused)
        assert "refused" not in step, f"expected {step['refused']}, and it was done: {answer}"
        for path, value in step.get("expect", {}).items():
            self.compare(path, at(answer, path), value)
        if "lasts" in step:
            ends = answer["Credentials"]["Expiration"]
            ends = ends if isinstance(ends, datetime.datetime) else datetime.datetime.fromisoformat(ends)
            assert abs(ends.timestamp() - asked - step["lasts"]) < 10, f"lasts {ends.timestamp() - asked} seconds, not {step['lasts']}"
        if "keep" in step:
            self.keep(step["keep"], answer)

    def refused(self, step, refused):
        expected = step.get("refused")
        assert expected, f"refused: {refused}"
        assert refused.code == expected["code"], f"expected {expected}, not {refused}"
        assert refused.status in (None, expected["status"]), f"expected {expected}, not {refused}"
        if "keep" in step:
            self.kept[step["keep"]] = {"Message": refused.message, "Encoded": refused.message.rpartition(" ")[2]}
        if not self.moto:
            assert self.fill(expected["message"]) in refused.message, f"expected {self.fill(expected['message'])!r}, not {refused}"

    def keep(self, name, answer):
        self.kept[name] = answer
        given = answer.get("Credentials") or answer.get("AccessKey")
        if given:
            self.callers[name] = (given["AccessKeyId"], given["SecretAccessKey"], given.get("SessionToken"))
        if "VirtualMFADevice" in answer:
            seed = answer["VirtualMFADevice"]["Base32StringSeed"]
            self.devices[name] = Device(seed if isinstance(seed, str) else seed.decode())

    def parameter(self, name, value):
        if isinstance(value, dict) and name.endswith(("Policy", "Document", "PolicyInputList")):
            value = json.dumps(value, separators=(",", ":"))
        if isinstance(value, list):
            return [self.parameter(name, one) for one in value]
        if isinstance(value, dict):
            return {self.fill(key): self.parameter("", one) for key, one in value.items()}
        return self.fill(value) if isinstance(value, str) else value

    def fill(self, text):
        return re.sub(r"\$\{([\w.:/-]+)\}", lambda found: self.reference(found[1]), text)

    def reference(self, name):
        word, *rest = name.split(":")
        if word == "repeat":
            return rest[0] * int(rest[1])
        if word == "file":
            return (VECTORS / rest[0]).read_text()
        if word in ("fresh", "again", "wrong"):
            return getattr(self.devices[rest[0]], word)()
        return str(at(self.kept, name))

    def compare(self, path, found, expected):
        if isinstance(expected, str):
            pattern = fnmatch.translate(self.fill(expected).replace("[", "[[]"))
            assert found is not None and re.match(pattern, str(found)), f"{path} is {found!r}, not {expected!r}"
        else:
            assert found == expected, f"{path} is {found!r}, not {expected!r}"


def at(answer, path):
    """`Users.0.UserName`, `Users.#`; None where there is nothing."""
    for part in path.split("."):
        if part == "#":
            answer = len(answer or [])
        elif isinstance(answer, list):
            answer = answer[int(part)] if int(part) < len(answer) else None
        else:
            answer = (answer or {}).get(part)
    return base64.b64encode(answer).decode() if isinstance(answer, bytes) else answer
