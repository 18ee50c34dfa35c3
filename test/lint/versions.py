#!/usr/bin/env python3
"""Finds files that do not name the version which integration_defaults.control names, and released versions from which no
script leads to it.

    versions.py          what is found; fails if there is anything
    versions.py --test   finds each file that is made to name another one
"""
import json
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def one(text, pattern):
    found = re.search(pattern, text, re.M)
    return found.group(1) if found else None


def semantic(version):
    """As META.json has it, of three numbers."""
    return version + ".0" * (2 - version.count("."))


def meta(text):
    content = json.loads(text)
    provided = content["provides"]["integration_defaults"]
    return [content["version"], provided["version"], provided["file"]]


def packages(text):
    """The versions of Debian's packages that it names."""
    return set(re.findall(r"integration-defaults_(\S+?)-\d+_", text))


# File, what it says, and what it should say.
CHECKS = [
    ("Makefile", lambda text: one(text, r"^EXTVERSION = (.*)$"), lambda version: version),
    ("CHANGELOG.md", lambda text: one(text, r"^## (\S+)"), lambda version: version),
    ("debian/changelog", lambda text: one(text, r"^\S+ \((.*)-\d+\)"), lambda version: version),
    ("README.md", packages, lambda version: {version}),
    ("docs/installing.md", packages, lambda version: {version}),
    ("META.json", meta, lambda version: [semantic(version)] * 2 + [f"integration_defaults--{version}.sql"]),
]


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def scripts():
    folder = os.path.join(ROOT, "upgrade")
    return os.listdir(folder) if os.path.isdir(folder) else []


def no_way(version, names):
    """The steps that lack, of the files in upgrade/, between one released version and the next, or this one."""
    released = [found.group(1) for found in (re.fullmatch(r"integration_defaults--([\d.]+)\.sql", name) for name in names) if found]
    order = sorted({*released, version}, key=lambda v: [int(part) for part in v.split(".")])
    steps = [f"integration_defaults--{old}--{new}.sql" for old, new in zip(order, order[1:])]
    return [f"upgrade/{step}: is not there" for step in steps if step not in names and step + ".in" not in names]


def problems(read, names):
    version = one(read("integration_defaults.control"), r"^default_version = '(.*)'$")
    if version is None:
        return ["integration_defaults.control: no default_version"]
    return [f"{name}: {says(read(name))}, not {should(version)}" for name, says, should in CHECKS if says(read(name)) != should(version)] + no_way(version, names)


def test():
    good = bad = 0
    version = one(read("integration_defaults.control"), r"^default_version = '(.*)'$")
    for wrong, *_ in CHECKS:
        found = problems(lambda name: read(name).replace(version, "9.8") if name == wrong else read(name), scripts())
        right = len(found) == 1 and found[0].startswith(wrong)
        good, bad = good + right, bad + (not right)
        if not right:
            print(f"{wrong} with another version: {found}")
    for names, lack in [(["1.0"], ["1.0--9.8"]), (["1.0", "1.0--9.8"], []), (["1.0", "1.2", "1.0--1.2", "1.1--1.2"], ["1.2--9.8"]),
                        (["1.9", "1.10", "1.9--1.10", "1.10--9.8"], []), (["1.0", "1.1", "1.1--9.8"], ["1.0--1.1"])]:
        right = no_way("9.8", [f"integration_defaults--{name}.sql" for name in names]) == [
            f"upgrade/integration_defaults--{step}.sql: is not there" for step in lack]
        good, bad = good + right, bad + (not right)
        if not right:
            print(f"{names}: not {lack}")
    print(f"{good} passed, {bad} failed")
    return bad > 0


def main():
    if sys.argv[1:] == ["--test"]:
        return test()
    found = problems(read, scripts())
    for problem in found:
        print(problem)
    print(f"{int(not found)} passed, {int(bool(found))} failed")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
