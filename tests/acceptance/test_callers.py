"""What a caller brings along must neither stay with the agent nor be answered with somebody else's profile."""

import os
import subprocess

import pytest

from cloud import NUMBERS, allow
from home import PROGRAM, TOOLS, wait


@pytest.fixture
def worker(home, practice):
    """A key in the keychain, and two roles that it may assume."""
    number = next(NUMBERS)
    person = practice.person(f"caller-{number}")
    roles = [practice.role(f"caller-{name}-{number}", person.arn) for name in ("one", "other")]
    person.may(*(allow("sts:AssumeRole", role) for role in roles))
    home.roles = roles
    home.person = person.name
    home.write(profile("job", roles[0], person.name), person.credentials_file())
    home.stagedoor("import", person.name).ok()
    home.end_agent()
    return home


def profile(name, role, source):
    return f"[profile {name}]\nrole_arn = {role}\nsource_profile = {source}\nregion = eu-central-1\n"


def role_of(home, *arguments, **options):
    return home.run(*arguments, delivers=True, **options)


def test_a_profile_of_other_aws_files_is_never_answered_with_ours(worker):
    other = worker.path / "other-config"
    other.write_text(profile("job", worker.roles[1], worker.person))
    elsewhere = {"AWS_CONFIG_FILE": str(other)}
    worker.stagedoor("start", "job").ok()
    worker.stagedoor("credential-process", "job", env=elsewhere).refused(1, "other-config", "AWS_CONFIG_FILE")
    worker.stagedoor("exec", "job", "--", "true", env=elsewhere).refused(1, "other-config", "AWS_CONFIG_FILE")
    worker.stagedoor("env", "job", env=elsewhere).refused(1, "other-config")
    worker.stagedoor("start", "job", env={"AWS_CONFIG_FILE": "/nonexistent/config"}).refused(1, "/nonexistent/config")
    # The same file by another way is the same file.
    link = worker.path / "link"
    link.symlink_to(worker.aws)
    worker.stagedoor("exec", "job", "--", "true", env={"AWS_CONFIG_FILE": str(link / "config")}).ok()
    # An agent that was started there reads those, and a terminal that does not is told.
    worker.end_agent()
    answer = worker.run(PROGRAM, "exec", "job", "--", TOOLS / "aws", "sts", "get-caller-identity", delivers=True, env=elsewhere).ok()
    assert "caller-other" in answer.json["Arn"]
    worker.stagedoor("credential-process", "job").refused(1, "other-config")


def test_a_relative_file_is_the_callers_also_where_the_agent_works_elsewhere(worker):
    (worker.path / "near").write_text(profile("job", worker.roles[1], worker.person))
    answer = worker.run(PROGRAM, "exec", "job", "--", TOOLS / "aws", "sts", "get-caller-identity", delivers=True, env={"AWS_CONFIG_FILE": "near"}).ok()
    assert "caller-other" in answer.json["Arn"]


def test_the_agent_keeps_nothing_of_who_started_it(worker):
    lock = worker.path / "lock"
    script = f"exec 9>{lock}; flock 9; exec 12>{lock}.12; ulimit -S -f 1000; cd {worker.path}/folder; {PROGRAM} exec job -- true"
    (worker.path / "folder").mkdir()
    read, write = os.pipe()
    done = subprocess.run(["bash", "-c", script], env=worker.env, pass_fds=[write], capture_output=True, text=True, timeout=60)
    os.close(write)
    assert done.returncode == 0, done.stderr
    agent, = worker.agents()
    assert os.read(read, 1) == b"", "the pipe ends with the script"
    os.close(read)
    subprocess.run(["flock", "-n", str(lock), "true"], check=True)
    open_files = [os.readlink(f"/proc/{agent}/fd/{fd}") for fd in os.listdir(f"/proc/{agent}/fd")]
    assert not any(str(lock) in file for file in open_files), open_files
    assert os.readlink(f"/proc/{agent}/cwd") == "/"
    with open(f"/proc/{agent}/limits") as limits:
        assert next(line for line in limits if line.startswith("Max file size")).split()[3] == "unlimited"
    assert os.getsid(agent) == agent, "a terminal that closes does not end it"


def test_exec_gives_the_command_all_that_it_was_given(worker):
    read, write = os.pipe()
    script = f"{PROGRAM} exec job -- bash -c 'echo through >&{write}; pwd'"
    done = subprocess.run(["bash", "-c", script], env=worker.env, cwd=worker.path, pass_fds=[write], capture_output=True, text=True, timeout=60)
    os.close(write)
    assert (os.read(read, 20), done.stdout.strip()) == (b"through\n", str(worker.path)), done.stderr
    os.close(read)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_env_speaks_to_the_shell_that_runs_it(worker, shell):
    """Whatever SHELL says: it names the shell that a person logs in with."""
    worker.env["PATH"] = f"{PROGRAM.parent}:{worker.env['PATH']}"
    line = "stagedoor env job | source" if shell == "fish" else 'eval "$(stagedoor env job)"'
    own = {"bash": ["bash", "--norc"], "zsh": ["zsh", "-f"], "fish": ["fish", "--no-config"]}[shell]
    for login in ("/usr/bin/fish", "/bin/bash", "/usr/bin/zsh"):
        done = worker.run(*own, "-c", f"{line}; /usr/bin/env", delivers=True, env={"SHELL": login, "AWS_PROFILE": "stale"}).ok()
        names = {line.split("=")[0] for line in done.out.splitlines()}
        assert "AWS_SESSION_TOKEN" in names and "AWS_PROFILE" not in names, (shell, login)
        assert not done.err, done


def test_a_name_that_begins_with_a_dash_is_a_name(worker):
    before = profile("-dash", worker.roles[0], worker.person)
    worker.write(before)
    worker.stagedoor("connect", "--yes", "--", "-dash").ok()
    assert b"credential-process -- -dash" in worker.config
    identity = worker.run(TOOLS / "aws", "sts", "get-caller-identity", "--profile=-dash", delivers=True).ok()
    assert "caller-one" in identity.json["Arn"]
    worker.stagedoor("disconnect", "--yes", "--", "-dash").ok()
    assert worker.config == before.encode()


@pytest.mark.parametrize("arguments", [[], ["job", "other"], ["-dash"], ["--bogus"], ["--lease", "x", "job"]])
def test_a_tool_is_told_of_wrong_arguments_in_one_line(home, arguments):
    done = home.stagedoor("credential-process", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1) and done.err.startswith("error: "), done


def test_who_cannot_hear_is_answered_all_the_same(worker):
    worker.stagedoor("start", "job").ok()
    done = worker.run("bash", "-c", f"{PROGRAM} credential-process job >/dev/full")
    assert done.code == 1 and "could not be written" in done.err, done
    for command in ("credential-process nosuch", "exec nosuch -- true"):
        assert worker.run("bash", "-c", f"{PROGRAM} {command} 2>/dev/full").code == 1, command
    # What is done does not hang on who listens.
    before = worker.config
    assert worker.run("bash", "-c", f"{PROGRAM} connect --yes job 2>/dev/full").code == 0
    assert worker.config != before
    assert worker.run("bash", "-c", f"{PROGRAM} disconnect --yes job 2>&1 | true").code == 0
    wait(lambda: worker.config == before, "the file as it was")


def test_an_agent_that_cannot_start_says_why_at_once(worker):
    data = worker.path / "stagedoor" / "run"
    lock = data / "agent.lock"
    lock.unlink(missing_ok=True)
    lock.mkdir(parents=True)
    done = worker.stagedoor("credential-process", "job").refused(1, "agent.lock")
    assert done.seconds < 10, done
