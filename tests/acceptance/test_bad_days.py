"""What goes wrong, and what a person is told: a sentence and a hint, in time, and nothing lost."""

import os
import signal
import socket

import pytest

from cloud import NUMBERS, Counter, allow
from home import TOOLS, wait

ROLE = "[profile {name}]\nrole_arn = {role}\nsource_profile = {source}\nexternal_id = {name}-1\nregion = eu-west-1\n"


@pytest.fixture
def worker(practice):
    """A person and a role without MFA, of their own for each test."""
    number = next(NUMBERS)
    person = practice.person(f"worker-{number}")
    role = practice.role(f"job-{number}", person.arn, allow("iam:ListRoles"), external_id="job-1")
    person.may(allow("sts:AssumeRole", role))
    person.config = f"[profile {person.name}]\nregion = eu-west-1\n\n" + ROLE.format(name="job", role=role, source=person.name)
    return person


def sealed_file(home):
    return home.path / "stagedoor" / "data" / "sessions.sealed"


def imported(home, worker):
    home.write(worker.config, worker.credentials_file())
    home.stagedoor("import", worker.name).ok()
    home.keep_secret("the secret access key", worker.secret)


def test_a_revoked_key(home, worker):
    imported(home, worker)
    worker.deactivate_key()
    home.stagedoor("start", "job").refused(1, "key")
    home.stagedoor("credential-process", "job").refused(1, "key")
    home.assert_nothing_leaked()


def test_a_plaintext_key_that_aws_refuses_stays_in_its_file(home, worker):
    home.write(worker.config, worker.credentials_file())
    worker.deactivate_key()
    before = home.credentials
    home.stagedoor("import", worker.name).refused(1)
    assert home.credentials == before


def test_a_wrong_external_id(home, worker):
    home.write(worker.config.replace("job-1", "another"), worker.credentials_file())
    home.stagedoor("start", "job").refused(1)


def test_a_code_is_needed_and_nobody_can_be_asked(home, practice):
    person = practice.person_with_device("carol")
    role = practice.role("careful", person.arn, mfa=True)
    person.may(allow("sts:AssumeRole", role))
    home.write(f"[profile careful]\nrole_arn = {role}\nsource_profile = carol\nmfa_serial = {person.device.serial}\n", person.credentials_file())
    home.stagedoor("import", "carol").ok()
    home.stagedoor("connect", "careful").ok()
    home.stagedoor("credential-process", "careful").refused(3, "MFA")
    home.stagedoor("exec", "careful", "--", "true").refused(3, "MFA")
    told = home.run(TOOLS / "aws", "sts", "get-caller-identity", "--profile", "careful")
    assert told.code != 0 and "MFA" in told.err, f"the AWS CLI passes on what it was told: {told}"
    home.stagedoor("start", "careful", "--mfa-code", "12345").refused(2)
    home.stagedoor("console", "careful", "--duration", "13h").refused(2)
    home.stagedoor("mfa", "add", "no serial").refused(2)
    home.stagedoor("start", "careful", "--mfa-code", person.device.stale_code()).refused(1, "code")


def test_a_stored_seed_answers_by_itself(home, practice):
    person = practice.person_with_device("sybil")
    role = practice.role("seeded", person.arn, mfa=True)
    person.may(allow("sts:AssumeRole", role))
    home.write(f"[profile seeded]\nrole_arn = {role}\nsource_profile = sybil\nmfa_serial = {person.device.serial}\n")
    home.stagedoor("keys", "add", "sybil", stdin=f"{person.key_id}\n{person.secret}\n").ok()
    home.stagedoor("mfa", "add", person.device.serial, stdin=person.device.seed + "\n").ok()
    home.keep_secret("the secret access key", person.secret)
    home.keep_secret("the seed", person.device.seed)
    person.device.wait_for_fresh()
    home.credential_process("seeded")
    home.assert_nothing_leaked()


def test_an_endpoint_that_hangs(homes, worker):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        home = homes(f"http://127.0.0.1:{listener.getsockname()[1]}")
        home.write(worker.config)
        home.stagedoor("keys", "add", worker.name, stdin=f"{worker.key_id}\n{worker.secret}\n").ok()
        done = home.stagedoor("credential-process", "job", timeout=58).refused(1)
        assert done.seconds < 55, done


def test_an_endpoint_that_is_not_there(homes, worker):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        home = homes(f"http://127.0.0.1:{closed.getsockname()[1]}")
        home.write(worker.config, worker.credentials_file())
        before = home.credentials
        home.stagedoor("import", worker.name, timeout=58).refused(1)
        assert home.credentials == before, "not proven, not moved"


def test_a_locked_keychain(home, worker):
    imported(home, worker)
    home.end_agent()
    home.lock_keychain()
    home.stagedoor("credential-process", "job").refused(3, "lock")
    home.stagedoor("start", "job").refused(3, "lock")


def test_no_keychain_at_all(home, worker):
    home.write(worker.config, worker.credentials_file())
    before = home.credentials
    nowhere = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={home.path}/nobody"}
    home.stagedoor("import", worker.name, env=nowhere).refused(1, "keychain")
    assert home.credentials == before


def test_an_agent_that_was_killed_is_started_again_and_keeps_its_sessions(homes, practice, worker):
    counter = Counter(practice.endpoint)
    try:
        home = homes(counter.endpoint)
        imported(home, worker)
        first = home.credential_process("job")
        wait(sealed_file(home).exists, "the sealed sessions")
        home.end_agent(signal.SIGKILL)
        assert home.credential_process("job") == first and counter.count("AssumeRole") == 1
        home.assert_nothing_leaked()
    finally:
        counter.close()


def test_an_agent_that_is_ended_seals_first(homes, practice, worker):
    counter = Counter(practice.endpoint)
    try:
        home = homes(counter.endpoint)
        imported(home, worker)
        first = home.credential_process("job")
        home.end_agent()
        assert home.credential_process("job") == first and counter.count("AssumeRole") == 1
    finally:
        counter.close()


def test_a_damaged_sealed_session_is_set_aside(home, worker):
    imported(home, worker)
    home.credential_process("job")
    home.end_agent()
    sealed = sealed_file(home)
    for damaged in (sealed.read_bytes()[:40], b"", b"not ours at all " * 8):
        sealed.write_bytes(damaged)
        home.credential_process("job")
        home.end_agent()
        assert sealed.read_bytes() != damaged


@pytest.mark.parametrize("as_written", [lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")], ids=["bom", "crlf"])
def test_files_from_other_editors(home, worker, as_written):
    home.write(as_written(worker.config).encode(), as_written(worker.credentials_file()).encode())
    before = home.config, home.credentials
    home.stagedoor("import", worker.name).ok()
    home.stagedoor("connect", "job").ok()
    home.credential_process("job")  # not through the AWS CLI: it reads no file with a byte order mark
    home.stagedoor("disconnect", "job").ok()
    home.stagedoor("import", "--undo", worker.name).ok()
    assert (home.config, home.credentials) == before


def test_a_broken_line_is_told_and_nothing_is_lost(home, worker):
    home.write(worker.config + "\n[profile half\nregion = eu-west-1\nthis is no setting\n", worker.credentials_file())
    before = home.config, home.credentials
    doctor = home.stagedoor("profiles", "--json")
    assert doctor.code == 0 or "hint:" in doctor.err, doctor
    home.stagedoor("connect", "half").refused(1)
    assert (home.config, home.credentials) == before


@pytest.mark.parametrize("name", ["no such profile", "a]b", "[x]", "two\nlines", ""], ids=["spaces", "bracket", "brackets", "two-lines", "empty"])
def test_names_that_are_no_profile(home, worker, name):
    home.write(worker.config, worker.credentials_file())
    before = home.config, home.credentials
    for command in ("start", "credential-process", "connect", "resolve"):
        done = home.stagedoor(command, name)
        assert done.code in (1, 2) and done.err.strip() and "panicked" not in done.err, done
    assert (home.config, home.credentials) == before


def test_another_users_folder_is_refused(home, worker):
    """The socket lies in a folder that nobody else may enter."""
    imported(home, worker)
    run = home.path / "stagedoor" / "run"
    assert run.stat().st_mode & 0o777 == 0o700
    sockets = [path for path in run.iterdir() if path.is_socket()]
    assert [path.stat().st_mode & 0o777 for path in sockets] == [0o600]
    assert os.getuid() == run.stat().st_uid
    wait(lambda: len(home.agents()) == 1, "one agent")
