#!/usr/bin/env python3
"""Finds what PGXN would refuse in META.json, by its specification, version 1.0.0 (https://pgxn.org/spec/).

    meta.py          what is found; fails if there is anything
    meta.py --test   finds each of a list of mistakes
"""
import copy
import json
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
LICENSES = set("""agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd gfdl_1_2 gfdl_1_3 gpl_1 gpl_2 gpl_3 lgpl_2_1 lgpl_3_0
    mit mozilla_1_0 mozilla_1_1 openssl perl_5 postgresql qpl_1_0 ssleay sun zlib open_source restricted unrestricted unknown""".split())
KEYS = set("""abstract description generated_by license maintainer meta-spec name no_index prereqs provides release_status resources tags
    version""".split())
PHASES = {"configure", "build", "test", "runtime", "develop"}
RELATIONS = {"requires", "recommends", "suggests", "conflicts"}
SEMANTIC = r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z.-]+)?"


def is_text(value):
    return isinstance(value, str) and value.strip() != ""


def is_term(value):
    return isinstance(value, str) and len(value) >= 2 and not re.search(r"[\s/\\\x00-\x1f\x7f]", value)


def is_tag(value):
    return is_text(value) and len(value) <= 255 and not re.search(r"[/\\\x00-\x1f\x7f]", value)


def is_version(value):
    return isinstance(value, str) and re.fullmatch(SEMANTIC, value) is not None


def is_range(value):
    one = rf"((<|<=|==|>=|>|!=) *)?{SEMANTIC}"
    return value == 0 or isinstance(value, str) and re.fullmatch(rf"0|{one}( *, *{one})*", value) is not None


def is_license(value):
    if isinstance(value, dict):
        return bool(value) and all(is_text(name) and re.match(r"https?://", str(url)) for name, url in value.items())
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(name in LICENSES for name in names)


def is_maintainer(value):
    people = value if isinstance(value, list) else [value]
    return bool(people) and all(is_text(person) for person in people)


def is_provided(value, exists):
    return isinstance(value, dict) and bool(value) and all(
        is_term(name) and isinstance(said, dict) and is_version(said.get("version")) and is_text(said.get("file"))
        and is_text(said.get("abstract", "-")) and exists(said["file"]) and ("docfile" not in said or exists(said["docfile"]))
        and set(said) <= {"file", "version", "abstract", "docfile"}
        for name, said in value.items())


def are_prereqs(value):
    return isinstance(value, dict) and all(
        phase in PHASES and isinstance(relations, dict) and all(
            relation in RELATIONS and isinstance(wanted, dict) and all(is_term(name) and is_range(version) for name, version in wanted.items())
            for relation, wanted in relations.items())
        for phase, relations in value.items())


def problems(meta, exists):
    if not isinstance(meta, dict):
        return ["is no object"]
    rules = {
        "abstract": is_text,
        "maintainer": is_maintainer,
        "license": is_license,
        "provides": lambda value: is_provided(value, exists),
        "name": is_term,
        "version": is_version,
        "meta-spec": lambda value: isinstance(value, dict) and re.fullmatch(r"1\.0\.\d+", str(value.get("version"))) is not None,
    }
    optional = {
        "description": is_text,
        "generated_by": is_text,
        "tags": lambda value: isinstance(value, list) and bool(value) and all(is_tag(tag) for tag in value),
        "prereqs": are_prereqs,
        "release_status": lambda value: value in ("stable", "testing", "unstable"),
        "resources": lambda value: isinstance(value, dict),
        "no_index": lambda value: isinstance(value, dict) and set(value) <= {"file", "directory"},
    }
    found = [f"{key}: is missing" for key in rules if key not in meta]
    found += [f"{key}: {meta[key]!r} will not do" for key, rule in {**rules, **optional}.items() if key in meta and not rule(meta[key])]
    found += [f"{key}: PGXN knows no such key" for key in meta if key not in KEYS and not re.match(r"x_", key, re.I)]
    return found


def here(file):
    """Is it in the archive, or made of what is there?"""
    return os.path.exists(os.path.join(ROOT, file)) or re.fullmatch(r"integration_defaults--[\d.]+\.sql", file) is not None


def read():
    with open(os.path.join(ROOT, "META.json"), encoding="utf-8") as file:
        return json.load(file)


MISTAKES = {
    "abstract": ["", 7, None], "maintainer": [[], [""], 3], "license": ["postgres", [], ["mit", "mine"], {"mine": "nowhere"}],
    "name": ["a", "a b", "a/b"], "version": ["1.0", "1", 1.0, "1.0.0.0", "01.0.0"], "meta-spec": [{}, {"version": "2.0.0"}, "1.0.0"],
    "tags": [[], "one", ["a/b"], ["x" * 256]], "release_status": ["ready"], "unknown": [1],
    "provides": [{}, {"x": {}}, {"xx": {"file": "README.md"}}, {"xx": {"file": "nowhere", "version": "1.0.0"}}, {"xx": {"file": "README.md", "version": "1.0"}},
                 {"xx": {"file": "README.md", "version": "1.0.0", "docfile": "nowhere"}}],
    "prereqs": [{"sometimes": {}}, {"runtime": {"wants": {}}}, {"runtime": {"requires": {"PostgreSQL": "15"}}}, {"runtime": {"requires": {"PostgreSQL": "> 15"}}}],
}


def test():
    good = bad = 0
    for key, values in MISTAKES.items():
        for value in values:
            wrong = copy.deepcopy(read())
            wrong[key] = value
            right = len(problems(wrong, here)) == 1
            good, bad = good + right, bad + (not right)
            if not right:
                print(f"{key}: {value!r}: {problems(wrong, here)}")
    for key in ("abstract", "maintainer", "license", "provides", "name", "version", "meta-spec"):
        right = problems({name: value for name, value in read().items() if name != key}, here) == [f"{key}: is missing"]
        good, bad = good + right, bad + (not right)
    for fine in ({**read(), "x_own": 1}, {**read(), "license": {"mine": "https://mine.example"}}, {**read(), "maintainer": ["a <a@b.example>", "b"]},
                 {**read(), "prereqs": {"runtime": {"requires": {"PostgreSQL": ">= 15.0.0, < 19.0.0", "plpgsql": 0}}}}):
        right = problems(fine, here) == []
        good, bad = good + right, bad + (not right)
        if not right:
            print(problems(fine, here))
    print(f"{good} passed, {bad} failed")
    return bad > 0


def main():
    if sys.argv[1:] == ["--test"]:
        return test()
    found = problems(read(), here)
    for problem in found:
        print(f"META.json: {problem}")
    print(f"{int(not found)} passed, {int(bool(found))} failed")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
