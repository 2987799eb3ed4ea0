"""One answer: warm and cold, beside an empty program, what reads a keychain, a bare request, and what people would otherwise run."""

from home import PROGRAM, TOOLS

from side_by_side import QUICK, Contender, empty_program, interleave, most_memory, person_with_role, report


def prepare(home, practice):
    """A role without MFA, for Stagedoor (connected, key in the keychain) and for the AWS CLI (key in a file)."""
    person, role = person_with_role(practice, "bea", "bench")
    profile = "[profile {}]\nrole_arn = {}\nsource_profile = {}\nregion = eu-west-1\nduration_seconds = 3600\n"
    home.write(
        profile.format("bench", role, "bea") + profile.format("by-the-aws-cli", role, "plain"),
        person.credentials_file() + person.credentials_file().replace("[bea]", "[plain]"),
    )
    home.stagedoor("import", "bea").ok()
    home.stagedoor("connect", "bench").ok()
    home.credential_process("bench")
    home.run("secret-tool", "store", "--label=bench", "kind", "bench", stdin=person.secret).ok()
    body = f"Action=AssumeRole&Version=2011-06-15&RoleArn={role.replace(':', '%3A').replace('/', '%2F')}&RoleSessionName=bench&DurationSeconds=3600"
    # Signed, as every AssumeRole is. The same body, to the same endpoint, on a connection of its own.
    return [
        "/usr/bin/curl", "--silent", "--fail", "--output", "/dev/null", "--request", "POST", "--data", body,
        "--aws-sigv4", "aws:amz:eu-west-1:sts", "--user", f"{person.key_id}:{person.secret}", practice.endpoint + "/",
    ]


def measure(home, practice):
    post = prepare(home, practice)
    who = [TOOLS / "python", TOOLS / "aws", "sts", "get-caller-identity", "--profile"]
    answer = [PROGRAM, "credential-process", "bench"]
    rivals = [
        Contender("an empty program", [empty_program()], QUICK),
        Contender("stagedoor credential-process, warm", answer, QUICK),
        Contender("secret-tool lookup", ["/usr/bin/secret-tool", "lookup", "kind", "bench"], QUICK),
        Contender("stagedoor credential-process, cold", answer, 4, before=lambda: home.stagedoor("stop", "--all").ok()),
        Contender("curl: a bare AssumeRole to the same endpoint", post, 4),
        # Version 1 of the AWS CLI cannot print what is in its cache: this is the cheapest command that uses it, with one call on loopback.
        Contender("aws sts get-caller-identity, from the AWS CLI's cache", [*who, "by-the-aws-cli"]),
        Contender("aws sts get-caller-identity, through stagedoor", [*who, "bench"]),
    ]
    interleave(rivals, home.env)
    empty, warm, lookup, cold, curl = (rival.median for rival in rivals[:5])
    size = most_memory(answer, home.env)
    lines = [*(rival.line for rival in rivals), ("memory of stagedoor credential-process", f"{size:7.1f} MiB", "at most, all it maps counted")]
    return report("One answer", lines, [
        (f"warm is at most 2.5 times the empty program: {warm / empty:.2f}", warm <= 2.5 * empty),
        (f"warm is at most a quarter of secret-tool lookup: {warm / lookup:.2f}", warm <= lookup / 4),
        (f"its memory is at most 8 MiB: {size:.1f}", size <= 8),
        (f"cold is at most the bare request with curl: {cold / curl:.2f}", cold <= curl),
    ])
