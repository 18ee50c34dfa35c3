#!/usr/bin/python3
"""That the benchmark compares what gives the same answers: it refuses to run otherwise, and takes half an hour to show it.
Run by ../lib.sh. The last line is `N passed, N failed` (projects)."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bench"))
from load import load  # noqa: E402
from reads import agree  # noqa: E402

PROJECTS = 1000

if __name__ == "__main__":
    print(f"{agree(load('benchmark', PROJECTS, 20))} passed, 0 failed")
