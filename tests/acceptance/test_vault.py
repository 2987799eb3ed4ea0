"""Without a keychain: the passphrase vault, from making it to opening it with another program, and what a lock is worth."""

import json
import pathlib

import pyrage
import pytest

from cloud import NUMBERS, allow

PASSPHRASE = "correct horse battery staple of tests"
ROLE = "[profile job]\nrole_arn = {role}\nsource_profile = {source}\nexternal_id = job-1\nregion = eu-west-1\n"


@pytest.fixture
def alone(home, practice):
    """A home whose session has no keychain, with a person whose key lies in a plain file."""
    number = next(NUMBERS)
    person = practice.person(f"vaulted-{number}")
    role = practice.role(f"vault-job-{number}", person.arn, allow("iam:ListRoles"), external_id="job-1")
    person.may(allow("sts:AssumeRole", role))
    home.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={home.path}/no-bus"
    home.write(f"[profile {person.name}]\nregion = eu-west-1\n\n" + ROLE.format(role=role, source=person.name), person.credentials_file())
    home.keep_secret("the secret access key", person.secret)
    home.keep_secret("the passphrase", PASSPHRASE)
    return home, person


def vault(home):
    return home.path / "stagedoor" / "data" / "vault.age"


def memory(home, what):
    (agent,) = home.agents()
    lines = pathlib.Path(f"/proc/{agent}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(what))


def test_a_vault_takes_the_place_of_a_keychain_that_is_not_there(alone):
    home, person = alone
    home.stagedoor("import", person.name).refused(1, "no keychain", "stagedoor vault create")
    home.stagedoor("vault", "create", stdin="short\n").refused(1, "too short")
    assert not vault(home).exists()
    made = home.stagedoor("vault", "create", stdin=PASSPHRASE + "\n").ok()
    assert "keeps its secrets there" in made.err
    home.stagedoor("import", person.name).ok()
    before = home.credential_process("job")

    home.stagedoor("lock").ok()
    for command in (["credential-process", "job"], ["start", "job"], ["exec", "job", "--", "true"], ["whoami", "job"]):
        home.stagedoor(*command).refused(3, "locked", "stagedoor unlock")
    assert home.stagedoor("resolve", "job", "--json").ok().json["needs"] == ["unlock"]
    home.stagedoor("unlock").refused(3, "passphrase")
    home.stagedoor("unlock", stdin="something else entirely\n").refused(3, "does not open the vault")
    home.stagedoor("credential-process", "job").refused(3, "locked")
    home.stagedoor("unlock", stdin=PASSPHRASE + "\n").ok()
    assert home.credential_process("job")["AccessKeyId"] == before["AccessKeyId"], "the sealed session goes on"

    # A restart locks; the session is there again after the passphrase.
    assert home.stagedoor("resolve", "job", "--json").ok().json["needs"] == []
    home.end_agent()
    assert home.stagedoor("resolve", "job", "--json").ok().json["needs"] == ["unlock"] and not home.agents()
    home.stagedoor("credential-process", "job").refused(3, "locked", "stagedoor unlock")
    home.stagedoor("unlock", stdin=PASSPHRASE + "\n").ok()
    assert home.credential_process("job")["AccessKeyId"] == before["AccessKeyId"]
    assert vault(home).stat().st_mode & 0o777 == 0o600
    home.assert_nothing_leaked()


def test_another_program_opens_the_vault_and_writes_one_that_stagedoor_opens(alone):
    home, person = alone
    home.stagedoor("vault", "create", stdin=PASSPHRASE + "\n").ok()
    home.stagedoor("import", person.name).ok()
    text = json.loads(pyrage.passphrase.decrypt(vault(home).read_bytes(), PASSPHRASE))
    assert text["stagedoor_vault"] == 1
    keys = [item for item in text["items"] if item["type"] == "access_key"]
    assert [key["secret_access_key"] for key in keys] == [person.secret]
    with pytest.raises(pyrage.DecryptError):
        pyrage.passphrase.decrypt(vault(home).read_bytes(), "something else entirely")

    serial = "arn:aws:iam::111122223333:mfa/of-another-program"
    text["items"].append({"type": "mfa_seed", "serial": serial, "seed": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"})
    vault(home).write_bytes(pyrage.passphrase.encrypt(json.dumps(text).encode(), PASSPHRASE))
    home.stagedoor("lock").ok()
    home.stagedoor("unlock", stdin=PASSPHRASE + "\n").ok()
    home.stagedoor("mfa", "code", serial, delivers=True).ok()
    home.credential_process("job")

    new = "another passphrase of these tests"
    home.keep_secret("the other passphrase", new)
    home.stagedoor("vault", "passphrase", stdin=f"{PASSPHRASE}\n{new}\n").ok()
    again = json.loads(pyrage.passphrase.decrypt(vault(home).read_bytes(), new))
    assert all(item in again["items"] for item in text["items"])
    home.assert_nothing_leaked()


def test_secrets_move_from_a_real_keychain_to_the_vault_and_back(home, practice):
    person = practice.person("mover")
    role = practice.role("mover-job", person.arn, allow("iam:ListRoles"), external_id="job-1")
    person.may(allow("sts:AssumeRole", role))
    home.write(f"[profile {person.name}]\nregion = eu-west-1\n\n" + ROLE.format(role=role, source=person.name), person.credentials_file())
    home.keep_secret("the secret access key", person.secret)
    home.stagedoor("import", person.name).ok()
    before = home.credential_process("job")
    assert "stagedoor vault migrate" in home.stagedoor("vault", "create", stdin=PASSPHRASE + "\n").ok().err
    would = home.stagedoor("vault", "migrate", "--to", "vault", "--dry-run").ok()
    assert len(would.out.splitlines()) == 2 and "Nothing was changed" in would.err
    assert home.stagedoor("vault", "migrate", "--to", "vault").ok().out == would.out
    home.end_agent()
    home.stagedoor("unlock", stdin=PASSPHRASE + "\n").ok()
    assert home.credential_process("job")["AccessKeyId"] == before["AccessKeyId"]
    home.stagedoor("vault", "migrate", "--to", "keychain").ok()
    assert not vault(home).exists() and not vault(home).with_name("vault.age.bak").exists()
    home.end_agent()
    assert home.credential_process("job")["AccessKeyId"] == before["AccessKeyId"]
    home.assert_nothing_leaked()


def test_the_memory_that_a_passphrase_costs_is_given_back(alone, capsys):
    home, _ = alone
    home.stagedoor("status").ok()
    before = memory(home, "VmRSS")
    made = home.stagedoor("vault", "create", stdin=PASSPHRASE + "\n").ok()
    after, most = memory(home, "VmRSS"), memory(home, "VmHWM")
    with capsys.disabled():
        print(f"\nmaking a vault: {made.seconds:.2f} s; memory {before} MiB before, {most} MiB at most, {after} MiB after")
    assert most > 256, "the passphrase is made slow to guess"
    assert after < before + 32
    assert b" 18\n" in vault(home).read_bytes()[:100]
