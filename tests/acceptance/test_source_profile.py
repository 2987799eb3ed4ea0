"""A connected profile that others name as their `source_profile`: to the tools outside nothing changes, byte for byte in the end."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import cloud as clouds

PROFILES = ("key", "role", "chain", "on-key", "on-role", "on-chain")
BOTO3 = """import boto3, sys
for profile in sys.argv[1:]:
    print(boto3.Session(profile_name=profile).client('sts').get_caller_identity()['Arn'])"""


def identities(home):
    """Who the AWS CLI and boto3 are under each profile; they read the files by themselves."""
    boto3 = dict(zip(PROFILES, home.run("python", "-c", BOTO3, *PROFILES).ok().out.split()))
    who = ("aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text", "--profile")
    with ThreadPoolExecutor(3) as pool:
        cli = dict(zip(PROFILES, pool.map(lambda profile: home.run(*who, profile).ok().out.strip(), PROFILES)))
    assert cli == boto3
    return cli


@pytest.fixture(scope="module")
def account(practice):
    """A person, and three roles that her account may assume."""
    person = practice.person("source")
    person.may(clouds.allow("sts:AssumeRole"))
    trusted = f"arn:aws:iam::{practice.account}:root"
    return person, [practice.role(f"Source{name}", trusted, clouds.allow("sts:AssumeRole")) for name in ("One", "Two", "Three")]


@pytest.fixture
def chained(home, account):
    """`role` on `key`, `chain` on `role`, and on each of the three a profile of somebody's that is never connected."""
    person, roles = account

    def profile(name, role, source):
        return f"[profile {name}]\nrole_arn = {role}\n# of {name}\nsource_profile = {source}\nrole_session_name = {name}\n\n"

    config = "# mine\n[profile key]\r\nregion = eu-west-1\n\n" + profile("role", roles[0], "key") + profile("chain", roles[1], "role")
    config += profile("on-key", roles[0], "key") + profile("on-role", roles[1], "role") + profile("on-chain", roles[2], "chain")
    home.write(config.rstrip("\n"), person.credentials_file().replace(f"[{person.name}]", "[key]"))
    return home


@pytest.mark.parametrize("connected", [("key",), ("role",), ("key", "role", "chain")], ids="-".join)
def test_tools_outside_are_who_they_were(chained, connected):
    home, files = chained, (chained.config, chained.credentials)
    before = identities(home)
    home.stagedoor("connect", *connected).ok()
    for profile in connected:
        assert f"credential-process {profile}".encode() in home.config
    assert identities(home) == before
    done = home.stagedoor("disconnect", *connected).ok()
    assert "no longer handed out through Stagedoor" in done.err, done
    assert (home.config, home.credentials) == files, "byte for byte"


def test_a_key_in_the_keychain_is_a_source_as_it_was_in_the_file(chained):
    home, files = chained, (chained.config, chained.credentials)
    before = identities(home)
    home.stagedoor("import", "key").ok()
    home.stagedoor("connect", "key").ok()
    assert identities(home) == before
    home.stagedoor("disconnect", "key").ok()
    home.stagedoor("import", "--undo", "key").ok()
    assert (home.config, home.credentials) == files
    assert identities(home) == before


def test_what_was_kept_by_hand_is_not_called_as_before(chained):
    home = chained
    home.stagedoor("connect", "role").ok()
    home.write(home.config.replace(b"stagedoor_role_arn", b"# stagedoor_role_arn"))
    done = home.stagedoor("disconnect", "role").ok()
    assert "no longer handed out through Stagedoor" in done.err and "as it was before" not in done.err, done
    assert b"# stagedoor_role_arn" in home.config
