"""`slow_sts.py ENDPOINT SECONDS FILE`: a proxy before an STS that holds AssumeRole back and writes each call's name to a file."""

import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/acceptance"))

from cloud import Counter  # noqa: E402

endpoint, held_back, path = sys.argv[1:]
with open(path, "a", buffering=1) as calls:
    counter = Counter(endpoint, held_back=float(held_back), told=lambda action: calls.write(action + "\n"))
    print(counter.endpoint, flush=True)
    threading.Event().wait()
