"""Fixtures: the two clouds, once for all tests; a home for each test, with everything in it ended afterwards."""

import contextlib

import pytest

import cloud as clouds
from home import PROGRAM, Home


def pytest_sessionstart():
    if not PROGRAM.exists():
        pytest.exit(f"{PROGRAM} is missing. hint: cargo build --bins", returncode=1)


@pytest.fixture(scope="session")
def practice():
    home, cloud = clouds.start_practice()
    yield cloud
    home.close()


# Anew for each module: moto's answers take longer the more it holds.
@pytest.fixture(scope="module")
def moto():
    server, cloud = clouds.start_moto()
    yield cloud
    server.kill()
    server.wait()


@pytest.fixture(scope="module", params=["practice", "moto"])
def cloud(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def homes():
    """Makes homes; ends them with the test, whatever happened."""
    with contextlib.ExitStack() as stack:

        def make(endpoint=None, signin=None):
            home = Home(endpoint, signin)
            stack.callback(home.close)
            return home

        yield make


@pytest.fixture
def home(homes, practice):
    return homes(practice.endpoint, practice.signin)
