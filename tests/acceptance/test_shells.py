"""`env` in the shells that people have, however strict they set them, and `exec` as if the command had been called itself."""

import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from cloud import NUMBERS, allow
from home import PROGRAM, TOOLS

AWS = TOOLS / "aws"
STALE = {"AWS_SESSION_TOKEN": "stale", "AWS_PROFILE": "nobody", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/", "AWS_ROLE_ARN": "stale"}
# How each is called without a person's own start files, and how it takes lines in.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile"], 'eval "$(stagedoor env job --shell bash{0})"'),
    "bash, unquoted": (["bash", "--norc", "--noprofile"], "eval $(stagedoor env job --shell bash{0})"),
    "bash, strict": (["bash", "--norc", "--noprofile", "-euo", "pipefail", "-o", "noclobber", "-o", "noglob"], 'eval "$(stagedoor env job --shell bash{0})"'),
    "sh": (["sh", "-eu"], 'eval "$(stagedoor env job --shell bash{0})"'),
    "zsh": (["zsh", "-f"], 'eval "$(stagedoor env job --shell zsh{0})"'),
    "zsh, strict": (["zsh", "-f", "-euC", "-o", "rcquotes", "-o", "shwordsplit"], "eval $(stagedoor env job --shell zsh{0})"),
    "fish": (["fish", "--no-config"], "stagedoor env job --shell fish{0} | source"),
    "fish, eval": (["fish", "--no-config"], "eval (stagedoor env job --shell fish{0})"),
}


@pytest.fixture
def worker(home, practice):
    number = next(NUMBERS)
    person = practice.person(f"shell-{number}")
    role = practice.role(f"shell-job-{number}", person.arn)
    person.may(allow("sts:AssumeRole", role))
    home.write(f"[profile job]\nrole_arn = {role}\nsource_profile = {person.name}\nregion = eu-central-1\n", person.credentials_file())
    home.stagedoor("import", person.name).ok()
    home.arn = f":assumed-role/shell-job-{number}/"
    home.env["PATH"] = f"{PROGRAM.parent}:{home.env['PATH']}"
    return home


@pytest.fixture(autouse=True)
def nothing_is_ignored():
    """Who starts the tests in the background lets them ignore Ctrl+C, and a command inherits that, with Stagedoor or without."""
    kept = {one: signal.signal(one, lambda *_: None) for one in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT) if signal.getsignal(one) == signal.SIG_IGN}
    yield
    for one, handler in kept.items():
        signal.signal(one, handler)


def variables(text):
    return dict(entry.split("=", 1) for entry in text.split("\0") if entry.startswith("AWS_"))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_takes_the_lines_and_gives_them_back(worker, shell):
    program, takes = SHELLS[shell]
    before = variables(worker.run("env", "-0").ok().out)
    script = "\n".join([
        takes.format(""), "env -0", f"'{AWS}' sts get-caller-identity --query Arn --output text", "printf '\\0'", takes.format(" --unset"), "env -0",
    ])
    done = worker.run(*program, stdin=script + "\n", env=STALE, delivers=True).ok()
    assert not done.err, done
    first, arn, second = re.fullmatch(r"(.*?\0)(arn:[^\0]*)\n\0(.*)", done.out, re.S).groups()
    taken, given_back = variables(first), variables(second)
    assert worker.arn in arn
    assert taken["AWS_REGION"] == taken["AWS_DEFAULT_REGION"] == "eu-central-1" and taken["AWS_CREDENTIAL_EXPIRATION"].endswith("Z")
    assert not set(STALE) & set(taken) - {"AWS_SESSION_TOKEN"} and taken["AWS_SESSION_TOKEN"] != "stale"
    # The Region that this shell had before is the profile's now, and is gone with it: `env` keeps nothing.
    assert given_back == {name: value for name, value in before.items() if not name.endswith("_REGION")}


def test_a_universal_variable_of_fish_is_told_and_left(worker):
    script = "set -Ux AWS_PROFILE mine\nstagedoor env job --shell fish | source\nstagedoor env job --unset --shell fish | source\nset -qU AWS_PROFILE; and echo still $AWS_PROFILE\n"
    done = worker.run("fish", stdin=script, delivers=True).ok()
    assert "still mine" in done.out, "it is a person's choice for all shells"
    assert "set -eU AWS_PROFILE" in done.err, "and in the way"


def test_exec_sets_what_env_sets_and_clears_what_is_stale(worker):
    seen = variables(worker.stagedoor("exec", "job", "--", "env", "-0", env=STALE, delivers=True).ok().out)
    assert seen["AWS_REGION"] == seen["AWS_DEFAULT_REGION"] == "eu-central-1" and seen["AWS_CREDENTIAL_EXPIRATION"].endswith("Z")
    assert "stale" not in seen.values() and "AWS_PROFILE" not in seen


@pytest.mark.parametrize("options", [(), ("--endpoint",)])
def test_exit_codes_are_those_of_the_command(worker, options):
    def code(*command):
        return worker.stagedoor("exec", "job", *options, "--", *command)

    for number in (0, 1, 2, 3, 42, 255):
        assert code("sh", "-c", f"exit {number}").code == number
    for name in ("SIGTERM", "SIGINT", "SIGKILL", "SIGPIPE", "SIGHUP"):
        assert code("sh", "-c", f"kill -{name[3:]} $$").code == -getattr(signal, name), f"it dies of {name} itself"
    (worker.path / "no-program").write_text("x")
    code("there-is-no-such-program").refused(127, "PATH")
    code(worker.path / "no-program").refused(126, "chmod")
    assert code("sh", "-c", "yes | head -n 1").out == "y\n", "nothing ignores a closed pipe"


def test_signals_reach_the_command_because_it_is_the_process(worker):
    process = worker.start(PROGRAM, "exec", "job", "--", "sh", "-c", "trap 'echo got it; exit 9' TERM; echo ready; while :; do sleep 0.02; done", stdout=subprocess.PIPE)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "got it\n" and process.wait(timeout=20) == 9


def read(terminal, until):
    """What the terminal shows, up to a word."""
    text, end = "", time.monotonic() + 20
    while until not in text:
        assert time.monotonic() < end, text
        if select.select([terminal], [], [], 0.1)[0]:
            text += os.read(terminal, 4096).decode()
    return text


@pytest.mark.parametrize("options", [(), ("--endpoint",)])
def test_the_terminal_is_the_commands_own(worker, options):
    worker.stagedoor("start", "job").ok()
    # The signal is waited for, because one that comes just before a read would be noticed after it.
    ask = (
        "import os, signal; signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT});"
        "print(all(map(os.isatty, (0, 1, 2))), os.tcgetpgrp(0) == os.getpgrp(), os.getsid(0) == os.getpgrp()); print('typed', input(), flush=True);"
        "signal.sigwait({signal.SIGINT}); print('interrupted', flush=True); signal.signal(signal.SIGINT, signal.SIG_DFL);"
        "signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT}); os.kill(os.getpid(), signal.SIGINT)"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(worker.path)
        os.execve(PROGRAM, [str(PROGRAM), "exec", "job", *options, "--", str(TOOLS / "python"), "-c", ask], worker.env)
    try:
        assert "True True True" in read(terminal, "\n")
        os.write(terminal, b"hello\n")
        read(terminal, "typed hello")
        # Ctrl+C at the terminal.
        os.write(terminal, b"\x03")
        read(terminal, "interrupted")
        _, status = os.waitpid(pid, 0)
        pid = 0
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(terminal)
