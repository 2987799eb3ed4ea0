"""The scenarios of `tests/scenarios`: one world each, asked by boto3 and by the AWS CLI; by boto3 also where the world is moto's."""

import json
import subprocess
import urllib.request

import pytest

import scenario
from cloud import start_moto_server
from home import PROGRAM
from scenario import AwsCli, Boto3, Scenario


@pytest.fixture(scope="module")
def moto_server():
    server, endpoint = start_moto_server()
    yield endpoint
    server.kill()
    server.wait()


@pytest.mark.parametrize("client", [Boto3, AwsCli])
@pytest.mark.parametrize("name", scenario.NAMES)
def test_on_the_practice_account(name, client):
    with subprocess.Popen([PROGRAM, "practice", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            told = json.loads(server.stdout.readline())
            Scenario(name, client(told["endpoint"]), told).run()
        finally:
            server.kill()


@pytest.mark.parametrize("name", [name for name in scenario.NAMES if "moto" not in scenario.read(name)])
def test_on_moto(name, moto_server):
    urllib.request.urlopen(urllib.request.Request(moto_server + "/moto-api/reset", method="POST")).close()
    told = {"account_id": "123456789012", "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "moto checks none"}
    Scenario(name, Boto3(moto_server), told, moto=True).run()


def test_every_scenario_says_its_rule_and_shows_a_refusal():
    for name in scenario.NAMES:
        script = scenario.read(name)
        assert script["rule"] and script["steps"], name
        assert any("refused" in step for step in script["steps"]), name
