"""Terraform's language, read by a parser that nobody here wrote: resources by their address, with what each says."""

import json
import re

import hcl2


def resources(text):
    """`aws_iam_user.dana` to its attributes."""
    read = hcl2.loads(text)
    found = {}
    for block in read.get("resource", []):
        for kind, named in block.items():
            for name, attributes in named.items():
                address = f"{_unquoted(kind)}.{_unquoted(name)}"
                assert address not in found, f"{address} stands there twice"
                found[address] = {key: value for key, value in attributes.items() if key != "__is_block__"}
    return found


def of_kind(found, kind):
    return {address.partition(".")[2]: attributes for address, attributes in found.items() if address.partition(".")[0] == kind}


def text(value):
    """A string as Terraform would have it: quotes and heredoc marks gone, escapes undone."""
    value = _unquoted(value)
    heredoc = re.fullmatch(r"<<-?(\w+)\n(.*)\n\s*\1\n?", value, re.DOTALL)
    if heredoc:
        value = heredoc[2]
    else:
        value = value.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
    return value.replace("$${", "${").replace("%%{", "%{")


def document(value):
    """A policy: JSON in a string or a heredoc. What `jsonencode` has is looked at as it stands."""
    return json.loads(text(value))


def templates(value):
    """What Terraform would put in by itself: `${…}` that is not escaped."""
    return re.findall(r"(?<!\$)(?:\$\$)*\$\{([^}]*)\}", value)


def _unquoted(value):
    return value[1:-1] if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"' else value
