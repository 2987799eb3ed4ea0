"""The doctor and the record of activity as a newcomer meets them: the real program, in homes where things are broken."""

import json
import os
import resource
import signal
import stat

import pytest

from home import PROGRAM, wait

KEY = "[{name}]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n"


@pytest.fixture
def bare(homes):
    """A home in which no cloud answers: port 9 of this machine is nobody's."""
    return homes("http://127.0.0.1:9")


def doctor(home, **options):
    return {found["id"]: found for found in home.stagedoor("doctor", "--json", **options).json["findings"]}


def test_a_healthy_home_has_no_problem(home, practice):
    person = practice.person("doctor-healthy")
    home.write(f"[profile {person.name}]\nregion = eu-west-1\n", person.credentials_file())
    home.stagedoor("import", person.name).ok()
    done = home.stagedoor("doctor").ok()
    for good in ("The agent", "The socket is", "answers, and the entry that is needed is there", "in the keychain"):
        assert good in done.out, done
    report = home.stagedoor("doctor", "--json").ok().json
    assert {found["id"] for found in report["findings"]} >= {"agent", "socket", "keychain", "endpoint", "clock"}, report
    assert [profile["profile"] for profile in report["profiles"]] == [person.name]
    assert set(report["findings"][0]) >= {"id", "level", "about", "title"}


def test_what_is_wrong_is_said_with_its_mend(bare):
    bare.write("[profile dev]\nrole_arn = arn:aws:iam::123456789012:role/Dev\nsource_profile = base\nregoin\n", KEY.format(name="base"))
    (bare.aws / "credentials").chmod(0o644)
    done = bare.stagedoor("doctor", env={"AWS_PROFILE": "typo", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"})
    assert done.code == 1, done
    lines = done.out.splitlines()
    for says, mend in (
        ("problem: Others on this computer may read ~/.aws/credentials, which holds secrets", f"chmod 600 {bare.aws}/credentials"),
        ("problem: AWS_PROFILE names the profile typo, which does not exist", "unset AWS_PROFILE"),
        ("problem: Nobody answers at 127.0.0.1", "network"),
        ("warning: The access key AKIAIOSFODNN7EXAMPLE of base lies in a file in plain text", "stagedoor import base"),
        ("warning: Line 4 of", "Mend or remove that line"),
    ):
        at = next(index for index, line in enumerate(lines) if line.startswith(says))
        assert any(mend in line for line in lines[at : at + 3]), (says, done)
    assert "wJalr" not in done.out + done.err
    assert done.err.splitlines()[-2].startswith("error: ") and done.err.splitlines()[-1].startswith("hint: "), done
    # Mended, it is gone.
    (bare.aws / "credentials").chmod(0o600)
    assert "readable_by_others" not in doctor(bare)


def test_no_agent_can_start_and_that_is_what_it_says(bare):
    bare.write("[profile dev]\nregion = eu-west-1\n")
    (bare.path / "stagedoor").mkdir()
    (bare.path / "stagedoor/run").write_text("a file where a folder should be")
    done = bare.stagedoor("doctor")
    assert done.code == 1 and done.seconds < 5, done
    assert "problem: No agent can start" in done.out and "is no folder" in done.out, done
    assert "dev" in done.out, "what needs no agent is told all the same"
    (bare.path / "stagedoor/run").unlink()
    found = doctor(bare)
    assert "agent" in found and "agent_absent" not in found


def test_a_socket_path_that_is_too_long(homes):
    home = homes()
    home.env["STAGEDOOR_HOME"] = str(home.path / ("deep" * 30))
    done = home.stagedoor("doctor")
    assert done.code == 1 and "The path of the socket is too long" in done.out, done


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket to another user")
def test_a_socket_of_another_user(bare):
    run = bare.path / "stagedoor/run"
    run.mkdir(parents=True, mode=0o700)
    (run / "agent.sock").write_text("")
    os.chown(run / "agent.sock", 12345, 12345)
    done = bare.stagedoor("doctor")
    assert done.code == 1 and "belongs to another user (uid 12345)" in done.out, done


def test_a_locked_and_a_missing_keychain(bare):
    bare.write("[profile dev]\nstagedoor_access_key_id = AKIAIOSFODNN7EXAMPLE\nregion = eu-west-1\n")
    found = doctor(bare)
    assert found["key_missing"]["mend"].endswith("stagedoor keys add dev"), found
    bare.end_agent()
    found = doctor(bare, env={"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"})
    assert found["keychain_absent"]["level"] == "problem" and found["no_session_bus"]["level"] == "info", found


def test_every_answer_is_on_record(home, practice):
    person = practice.person("doctor-activity")
    home.write(f"[profile {person.name}]\nregion = eu-west-1\n", person.credentials_file())
    home.stagedoor("import", person.name).ok()
    home.keep_secret("the secret access key", person.secret)
    home.credential_process(person.name)
    home.credential_process(person.name)
    home.stagedoor("credential-process", "nobody").refused(1)
    lines = home.stagedoor("activity", "--json").ok().json
    assert [(line["profile"], line["outcome"], line["answered_from"], line["code"]) for line in lines] == [
        ("nobody", "refused", None, "missing_profile"),
        (person.name, "ok", "memory", None),
        (person.name, "ok", "aws", None),
    ]
    assert [line["n"] for line in lines] == [3, 2, 1] and lines[1]["access_key_id"].startswith("ASIA")
    table = home.stagedoor("activity").ok().out
    assert table.splitlines()[0].split() == ["WHEN", "WHO", "PROFILE", "WHAT", "ACCESS", "KEY", "HOW"]
    assert "refused: There is no profile “nobody”" in table
    jsonl = home.stagedoor("activity", "--jsonl", "--profile", person.name, "--since", "1h", "--limit", "1").ok().out
    assert [json.loads(line)["n"] for line in jsonl.splitlines()] == [2]
    assert home.stagedoor("activity", "--failed", "--json").json[0]["n"] == 3
    assert "Nothing on record matches" in home.stagedoor("activity", "--who", "somebody").ok().err
    home.stagedoor("activity", "--since", "yesterday").refused(2, "yesterday")
    # Without an agent it is read as it lies on disk, and none is started.
    home.end_agent()
    assert len(home.stagedoor("activity", "--json").json) == 3 and not home.agents()
    record = home.path / "stagedoor/data/activity.jsonl"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    home.assert_nothing_leaked()


def test_following_shows_what_comes_and_ends_with_its_reader(home, practice):
    person = practice.person("doctor-follow")
    home.write(f"[profile {person.name}]\nregion = eu-west-1\n", person.credentials_file())
    home.credential_process(person.name)
    reader, writer = os.pipe()
    following = home.start(PROGRAM, "activity", "--jsonl", "--follow", stdout=writer)
    os.close(writer)
    with os.fdopen(reader) as lines:
        assert json.loads(lines.readline())["n"] == 1
        home.credential_process(person.name)
        assert json.loads(lines.readline())["n"] == 2
    home.credential_process(person.name)
    wait(lambda: following.poll() is not None, "its end")
    assert following.returncode == 0


def test_a_full_disk_stops_no_delivery(home, practice):
    person = practice.person("doctor-full")
    home.write(f"[profile {person.name}]\nregion = eu-west-1\n", person.credentials_file())

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))

    # Every file ends at 1,500 bytes, as on a disk without room.
    home.start(PROGRAM, "agent", preexec_fn=small_files)
    for _ in range(12):
        home.credential_process(person.name)
    lines = home.stagedoor("activity", "--json").ok().json
    assert [line["n"] for line in lines] == list(range(12, 0, -1)), "what has no room on the disk is in memory"
    record = (home.path / "stagedoor/data/activity.jsonl").read_text()
    assert record == "" or record.endswith("\n"), "no half line stays"
    found = home.stagedoor("doctor", "--json").json["findings"]
    told = [finding for finding in found if "record of activity is not kept" in finding["title"]]
    assert len(told) == 1 and told[0]["mend"], found
