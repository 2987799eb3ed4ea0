"""What is said of a vault and of a lock: to a script, at a terminal, and where the vault's file is gone."""

import json
import os
import pty
import select
import time

import pytest

from cloud import allow
from home import PROGRAM

PASSPHRASE = "correct horse battery staple of tests"
OTHER = "something else entirely"


def vault(home):
    return home.path / "stagedoor" / "data" / "vault.age"


@pytest.fixture
def kept(home, practice):
    """A home with a keychain, and a key in it."""
    person = practice.person(f"kept-{os.getpid()}-{time.monotonic_ns()}")
    person.may(allow("iam:ListRoles"))
    home.write(f"[profile {person.name}]\nregion = eu-west-1\n", person.credentials_file())
    home.stagedoor("import", person.name).ok()
    return home, person


def at_terminal(home, *arguments, answers):
    """Runs stagedoor at a terminal, types an answer at each question, and gives its exit code and what was shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(PROGRAM, [str(PROGRAM), *arguments], {**home.env, "TERM": "dumb"})
    shown, answers, end = "", list(answers), time.monotonic() + 60
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 1)
        try:
            more = os.read(terminal, 4096).decode() if ready else None
        except OSError:
            break
        if more == "":
            break
        shown += more or ""
        if answers and shown.rstrip().endswith("(not shown):"):
            os.write(terminal, (answers.pop(0) + "\n").encode())
            shown += "\n"
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown


def test_a_script_learns_that_the_passphrase_is_piped_in(kept):
    home, _ = kept
    assert "not locked" in home.stagedoor("unlock", stdin=PASSPHRASE + "\n").ok().err
    home.stagedoor("vault", "create", stdin="aaaaaaaaaaaa\n").refused(1, "same few characters")
    home.stagedoor("vault", "create", stdin=PASSPHRASE + "\n").ok()
    home.end_agent()
    refused = home.stagedoor("vault", "migrate", "--to", "vault").refused(3, "passphrase of the vault", "standard input")
    assert "stagedoor unlock" not in refused.err
    assert "standard input" in home.stagedoor("vault", "migrate", "--help").ok().out
    home.stagedoor("vault", "migrate", "--to", "vault", stdin=PASSPHRASE + "\n").ok()
    assert "  vault" in home.stagedoor("keys", "list").ok().out
    assert [key["place"] for key in home.stagedoor("keys", "list", "--json").ok().json] == ["keychain"], "what programs read stays"


def test_locked_it_says_so_and_moving_unlocks_first_at_a_terminal(kept):
    home, _ = kept
    home.stagedoor("vault", "create", stdin=PASSPHRASE + "\n").ok()
    home.stagedoor("vault", "migrate", "--to", "vault", stdin=PASSPHRASE + "\n").ok()
    home.stagedoor("lock").ok()
    for command in (["status"], ["lease", "list"]):
        said = home.stagedoor(*command).ok()
        assert "Stagedoor is locked" in said.err and "stagedoor unlock" in said.err and "No " not in said.err, said
        as_json = home.stagedoor(*command, "--json").ok()
        assert json.loads(as_json.out) == [] and "Stagedoor is locked" in as_json.err
    assert "they are not handed out again" in home.stagedoor("lease", "stop", "--all").ok().err
    home.stagedoor("vault", "migrate", "--to", "keychain", stdin=PASSPHRASE + "\n").refused(3, "Stagedoor is locked", "stagedoor unlock")
    code, shown = at_terminal(home, "vault", "migrate", "--to", "keychain", answers=[OTHER, PASSPHRASE])
    assert code == 0 and "does not open" in shown and "moved to the keychain" in shown, shown
    assert "No lease ran" in home.stagedoor("lease", "stop", "--all").ok().err


@pytest.mark.parametrize("to", ["vault", "keychain"])
def test_a_lost_vault_is_no_dead_end(kept, to):
    home, person = kept
    home.stagedoor("vault", "create", stdin=PASSPHRASE + "\n").ok()
    home.stagedoor("vault", "migrate", "--to", "vault", stdin=PASSPHRASE + "\n").ok()
    home.end_agent()
    for file in (vault(home), vault(home).with_name("vault.age.bak")):
        file.unlink()
    for command in (["unlock"], ["vault", "create"], ["vault", "migrate", "--to", "keychain"]):
        said = home.stagedoor(*command, stdin=PASSPHRASE + "\n")
        assert said.code != 0 and "vault" in said.err, said
    home.stagedoor("unlock", stdin=PASSPHRASE + "\n").refused(1, "The vault is missing", "stagedoor vault create --lost")
    found = home.stagedoor("doctor", "--json").json["findings"]
    assert "vault_missing" in [finding["id"] for finding in found] and not [one for one in found if one["id"].startswith("keychain")]
    if to == "vault":
        home.stagedoor("vault", "create", "--lost", stdin=PASSPHRASE + "\n").ok()
    else:
        home.stagedoor("vault", "migrate", "--to", "keychain", "--lost").ok()
    home.stagedoor("keys", "add", person.name, stdin=f"{person.key_id}\n{person.secret}\n").ok()
    home.stagedoor("whoami", person.name).ok()
