"""A person's machine in a temporary folder: home, session bus, unlocked keychain, and Stagedoor in it.

Nothing of the real user is read or written. Everything that was started here is ended here, the agent too, which
Stagedoor starts by itself: it is found by STAGEDOOR_HOME in its environment.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("STAGEDOOR", ROOT / "target/debug/stagedoor"))
# `aws` and the `python` that has boto3 lie beside the interpreter that runs the tests.
TOOLS = pathlib.Path(sys.executable).parent
SECRETS_BUS = "org.freedesktop.secrets"


class Done:
    """What a command answered."""

    def __init__(self, arguments, process, seconds):
        self.arguments, self.seconds = arguments, seconds
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr

    def __repr__(self):
        return f"{' '.join(map(str, self.arguments))} → {self.code} in {self.seconds:.2f} s\n{self.out}{self.err}"

    @property
    def json(self):
        return json.loads(self.out)

    def ok(self):
        assert self.code == 0, self
        return self

    def refused(self, code, *words):
        """It failed with `code`, said why in one line and what to do in another; to an AWS tool it said both in one."""
        assert self.code == code, self
        # What an edit of the AWS files would change is shown before it is tried.
        lines = [line for line in self.err.splitlines() if line.strip() and not line.startswith(("+", "-", " ", "@@"))]
        hints = [line for line in lines if line.startswith("hint:")]
        if "credential-process" in map(str, self.arguments):
            assert len(lines) == 1 and not hints and not self.out, f"one line and no data: {self}"
        else:
            assert len(lines) == 2 and hints == lines[1:], f"one line and its hint: {self}"
        assert "panicked" not in self.err, self
        for word in words:
            assert word.lower() in self.err.lower(), f"{word!r} is not in: {self}"
        return self


class Home:
    def __init__(self, endpoint=None, signin=None):
        # Short, because the path of a socket may have about 100 bytes.
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="sd-", dir="/tmp"))
        self.aws = self.path / ".aws"
        self.aws.mkdir()
        self.secrets = {}
        self.said = []
        self.command_lines = set()
        self._started = []
        runtime = self.path / "runtime"
        runtime.mkdir(mode=0o700)
        self.env = {
            "PATH": f"{TOOLS}:/usr/bin:/bin",
            "HOME": str(self.path),
            "STAGEDOOR_HOME": str(self.path / "stagedoor"),
            "XDG_RUNTIME_DIR": str(runtime),
            "XDG_DATA_HOME": str(self.path / "share"),
            "LANG": "C.UTF-8",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_CLI_AUTO_PROMPT": "off",
            "AWS_PAGER": "",
        }
        if endpoint:
            self.env["AWS_ENDPOINT_URL"] = endpoint
        if signin:
            self.env["AWS_ENDPOINT_URL_SIGNIN"] = signin
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._watch_arguments, daemon=True)
        self._watch.start()
        self._start_bus()
        self._start_keyring()

    # --- The session ---

    def _start_bus(self):
        bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--nosyslog", "--print-address=1"],
            env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        self._started.append(bus)
        self.env["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()

    def _start_keyring(self):
        log = open(self.path / "keyring.log", "w")
        keyring = subprocess.Popen(
            ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],
            env=self.env, stdin=subprocess.PIPE, stdout=log, stderr=log, text=True,
        )
        self._started.append(keyring)
        keyring.stdin.write("the password of the keyring")
        keyring.stdin.close()
        wait(lambda: "boolean true" in self._bus("org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner", f"string:{SECRETS_BUS}"), "the keyring")

    def _bus(self, destination, path, method, *arguments):
        command = ["dbus-send", "--session", "--print-reply", f"--dest={destination}", path, method, *arguments]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=20).stdout

    def lock_keychain(self):
        """Locks the login collection, as a person does from the keyring's own window."""
        collection = "/org/freedesktop/secrets/collection/login"
        service = "/org/freedesktop/secrets"
        self._bus(SECRETS_BUS, service, "org.freedesktop.Secret.Service.Lock", f"array:objpath:{collection}")
        locked = self._bus(SECRETS_BUS, collection, "org.freedesktop.DBus.Properties.Get", "string:org.freedesktop.Secret.Collection", "string:Locked")
        assert "boolean true" in locked, locked

    # --- Files ---

    def write(self, config, credentials=""):
        (self.aws / "config").write_bytes(config if isinstance(config, bytes) else config.encode())
        if credentials:
            path = self.aws / "credentials"
            path.write_bytes(credentials if isinstance(credentials, bytes) else credentials.encode())
            path.chmod(0o600)

    @property
    def config(self):
        return (self.aws / "config").read_bytes()

    @property
    def credentials(self):
        return (self.aws / "credentials").read_bytes()

    # --- Programs ---

    def run(self, *arguments, stdin="", delivers=False, timeout=60, env=None):
        """Runs a program to its end. `delivers`: what it prints may hold temporary credentials, on purpose."""
        began = time.monotonic()
        process = subprocess.run(
            [str(argument) for argument in arguments], env={**self.env, **(env or {})}, cwd=self.path,
            input=stdin, capture_output=True, text=True, timeout=timeout,
        )
        done = Done(arguments, process, time.monotonic() - began)
        if not delivers:
            self.said.append(done)
        return done

    def stagedoor(self, *arguments, **options):
        return self.run(PROGRAM, *arguments, **options)

    def start(self, *arguments, **options):
        """Starts a program that goes on until the end of the test."""
        process = subprocess.Popen([str(argument) for argument in arguments], env=self.env, cwd=self.path, text=True, **options)
        self._started.append(process)
        return process

    def credential_process(self, profile):
        """Temporary credentials, remembered as secrets."""
        answer = self.stagedoor("credential-process", profile, delivers=True).ok().json
        assert answer["Version"] == 1
        self.keep_secret(f"secret access key of {profile}", answer["SecretAccessKey"])
        self.keep_secret(f"session token of {profile}", answer["SessionToken"])
        return answer

    # --- The agent ---

    def _ours(self):
        """Processes that Stagedoor started in this home, by the mark in their environment."""
        mark = f"STAGEDOOR_HOME={self.env['STAGEDOOR_HOME']}".encode()
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name), (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue

    def agents(self):
        return [pid for pid, line in self._ours() if line[1:2] == [b"agent"] and line[0].endswith(b"stagedoor")]

    def end_agent(self, how=signal.SIGTERM):
        for pid in self.agents():
            os.kill(pid, how)
        wait(lambda: not self.agents(), "the agent's end")

    # --- Secrets ---

    def keep_secret(self, name, value):
        """From now on `value` must not turn up anywhere."""
        assert len(value) >= 16, f"{name} is too short to be searched for"
        self.secrets[name] = value

    def _watch_arguments(self):
        while not self._stop.wait(0.02):
            for entry in os.listdir("/proc"):
                if entry.isdigit():
                    try:
                        with open(f"/proc/{entry}/cmdline", "rb") as file:
                            self.command_lines.add(file.read())
                    except OSError:
                        pass

    def assert_nothing_leaked(self, *allowed):
        """Searches files, process arguments and what was printed for every secret. `allowed`: files that may hold one."""
        assert self.secrets and self.command_lines and self.said, "there is nothing to search for, or nowhere to search"
        places = {f"the arguments of a process ({index}, {line.split(bytes(1))[0].decode()})": line for index, line in enumerate(self.command_lines)}
        for done in self.said:
            places[f"what `{' '.join(map(str, done.arguments[:3]))}` printed"] = (done.out + done.err).encode()
        for folder, _, names in os.walk(self.path):
            for name in names:
                path = pathlib.Path(folder) / name
                if path not in allowed and path.is_file():
                    places[str(path.relative_to(self.path))] = path.read_bytes()
        for pid in self.agents():
            # Of this test's own agents; the arguments of all processes were watched all along.
            for what in ("environ", "cmdline"):
                places[f"the {what} of the agent"] = pathlib.Path(f"/proc/{pid}/{what}").read_bytes()
        assert any("stagedoor/" in place for place in places), "Stagedoor has left no file: the search is at the wrong place"
        found = [f"{name} in {place}" for name, value in self.secrets.items() for place, content in places.items() if value.encode() in content]
        assert not found, "\n".join(found)

    # --- The end ---

    def stop_watching(self):
        self._stop.set()
        self._watch.join()

    def close(self):
        self.stop_watching()
        for pid, _ in list(self._ours()):
            if pid not in [process.pid for process in self._started]:
                end(pid)
        for process in reversed(self._started):
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    pipe.close()
        shutil.rmtree(self.path, ignore_errors=True)


def end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def wait(condition, what, seconds=15):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited {seconds} s for {what}"
        time.sleep(0.02)
