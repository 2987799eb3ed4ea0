"""AssumeRole under load, side by side in one run: the practice account and moto's server; and the practice account's memory.

Started by `make bench` on a release build. One client for both, written in Rust, which is given its request signed; the
runs are interleaved, so that a busy moment of the machine meets both. Medians of the runs are printed.
"""

import os
import pathlib
import statistics
import subprocess
import sys
from urllib.parse import urlencode

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault("STAGEDOOR", str(ROOT / "target/release/stagedoor"))
sys.path.insert(0, str(ROOT / "tests/acceptance"))

import json  # noqa: E402

import boto3  # noqa: E402
from botocore.auth import SigV4Auth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402

from cloud import policy, start_moto_server  # noqa: E402
from home import PROGRAM  # noqa: E402

CLIENT = ROOT / "target/load"
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = os.environ.get("LOAD_SECONDS", "2")
CONNECTIONS = (1, 8)
# After these calls the memory is read; between the last two it may grow by no more than this.
CALLS = (1_000, 10_000, 100_000)
FLAT_KB = 2_048


class Contender:
    """A server with a user and a role that trusts the user."""

    def __init__(self, name, endpoint, key_id, secret):
        self.name, self.endpoint = name, endpoint
        iam = boto3.client("iam", endpoint_url=endpoint, aws_access_key_id=key_id, aws_secret_access_key=secret, region_name="us-east-1")
        arn = iam.create_user(UserName="bea")["User"]["Arn"]
        key = iam.create_access_key(UserName="bea")["AccessKey"]
        self.key = key["AccessKeyId"], key["SecretAccessKey"]
        trust = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}
        self.role = iam.create_role(RoleName="load", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
        self.rates = {connections: [] for connections in CONNECTIONS}
        self.latencies = {connections: [] for connections in CONNECTIONS}

    def request(self):
        """The bytes of one AssumeRole. A signature serves for five minutes."""
        host = self.endpoint.removeprefix("http://")
        body = urlencode({"Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": self.role, "RoleSessionName": "load"})
        headers = {"Host": host, "Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Content-Length": str(len(body))}
        request = AWSRequest("POST", self.endpoint + "/", headers, body)
        SigV4Auth(Credentials(*self.key), "sts", "us-east-1").add_auth(request)
        lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        return f"POST / HTTP/1.1\r\n{lines}\r\n{body}".encode()

    def load(self, connections, until):
        command = [CLIENT, self.endpoint.removeprefix("http://"), str(connections), until]
        rate, latency, _ = subprocess.run(command, input=self.request(), check=True, stdout=subprocess.PIPE).stdout.split()
        return float(rate), float(latency)

    def round(self):
        for connections in CONNECTIONS:
            rate, latency = self.load(connections, SECONDS)
            self.rates[connections].append(rate)
            self.latencies[connections].append(latency)


def resident(process):
    """KiB."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def memory(server, contender):
    done, sizes = 0, {}
    for calls in CALLS:
        contender.load(8, f"calls={calls - done}")
        done, sizes[calls] = calls, resident(server)
    return sizes


def start():
    server = subprocess.Popen([PROGRAM, "practice", "--json"], stdout=subprocess.PIPE)
    told = json.loads(server.stdout.readline())
    return server, Contender("the practice account", told["endpoint"], told["access_key_id"], told["secret_access_key"])


def report(practice, moto, sizes):
    print(f"\n{'AssumeRole':22}" + "".join(f"  {c} connection{'s' if c > 1 else ' '}: per second, median" for c in CONNECTIONS))
    for rival in (practice, moto):
        columns = [f"{statistics.median(rival.rates[c]):17.0f} {statistics.median(rival.latencies[c]):12.3f} ms" for c in CONNECTIONS]
        print(f"{rival.name:22}" + "     ".join(columns))
    print("\nmemory: " + ", ".join(f"{size / 1024:.1f} MiB after {calls:,} calls" for calls, size in sizes.items()) + "\n")
    promises = {
        f"at least ten times moto's rate at {c} connection(s)": statistics.median(practice.rates[c]) >= 10 * statistics.median(moto.rates[c])
        for c in CONNECTIONS
    }
    grown = sizes[CALLS[-1]] - sizes[CALLS[-2]]
    promises[f"memory is flat: it grew by {grown} KiB, of at most {FLAT_KB}, between call {CALLS[-2]:,} and {CALLS[-1]:,}"] = grown <= FLAT_KB
    for promise, held in promises.items():
        print(f"{'held' if held else 'NOT HELD'}: {promise}")
    return all(promises.values())


def main():
    subprocess.run(["rustc", "-O", "--edition", "2024", "-o", CLIENT, ROOT / "benches/load.rs"], check=True)
    server, practice = start()
    moto_server, endpoint = start_moto_server()
    try:
        moto = Contender("moto's server", endpoint, "AKIAIOSFODNN7EXAMPLE", "moto checks none")
        sizes = memory(server, practice)
        for _ in range(ROUNDS):
            practice.round()
            moto.round()
        sys.exit(0 if report(practice, moto, sizes) else 1)
    finally:
        for process in (server, moto_server):
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
