"""What the clients in Python share: the app's schema, the cases, and the last line `N passed, N failed`."""

import pathlib
import sys
import traceback
import uuid

# The types that the app's ids may have, and how the client makes the n-th.
KEYS = {"bigint": int, "uuid": lambda n: uuid.UUID(int=int(str(n), 16))}

passed = failed = 0
cases = []
here = ""


def app_sql(key_type):
    return (pathlib.Path(__file__).parent / "app.sql").read_text().replace("KEY_TYPE", key_type)


def case(function):
    """Makes a function a case; each uses projects of its own."""
    cases.append(function)
    return function


def equal(got, expected):
    global passed, failed
    if got == expected:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {here}, line {sys._getframe(1).f_lineno}: got {got!r}, expected {expected!r}")


def start(name):
    global here
    here = name


def crashed():
    """Inside an except: the case that has begun counts as failed."""
    global failed
    failed += 1
    kind, error, trace = sys.exc_info()
    lines = [frame.lineno for frame in traceback.extract_tb(trace) if frame.filename == sys.argv[0]]
    print(f"FAILED {here}, line {lines[-1] if lines else 0}: {kind.__name__}: {error}")


def run(*arguments):
    """Calls every case; says how each ended."""
    for function in cases:
        start(function.__name__)
        try:
            function(*arguments)
        except Exception:
            crashed()


def finish():
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)
