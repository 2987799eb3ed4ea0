"""What an answer costs, side by side in one run: Stagedoor, an empty program, and what people would otherwise run.

Started by `make bench` on a release build. The runs are interleaved, so that a busy moment of the machine meets all of
them; medians are printed. `BLOCKS=1 REQUESTS=2000` makes it short; names of parts run only these: one many large due soak.
"""

import sys

import side_by_side  # noqa: F401  It comes first: it says which program is measured.

import due
import large
import many
import one
import soak
from cloud import start_practice
from home import Home


def alone(practice):
    home = Home(practice.endpoint, practice.signin)
    home.stop_watching()
    try:
        return one.measure(home, practice)
    finally:
        home.close()


def main():
    wanted = sys.argv[1:] or ["one", "many", "large", "due", "soak"]
    server, practice = start_practice()
    parts = {"one": lambda: alone(practice), "many": lambda: many.measure(practice), "large": large.measure, "due": due.measure, "soak": lambda: soak.measure(practice)}
    try:
        held = [parts[name]() for name in wanted]
    finally:
        server.close()
    print("\nAll of it is held." if all(held) else "\nNot all of it is held.")
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
