#!/usr/bin/python3
"""Runs the JSON Schema test suite (drafts 4, 6 and 7) and cases of our own through the extension.

Settings are objects, so each schema of the suite is registered as that of a property `v`, and its data is given as
{"v": data}. References to the root (`#`, `#/…`) become references to `#/properties/v`; an absolute `$id` and `$schema`
move up to the root, which is where they stand in the suite.

cases.json has what the suite does not: the later drafts, and what real schemas have. Each verdict there is also that
of Debian's python3-jsonschema, unless the case says why not.

The server is found through PG* variables; the suite is that of Debian's package json-schema-test-suite, or the
folder given as the first argument. The last line is `N passed, N failed`.
"""
import json
import pathlib
import sys

import jsonschema
import psycopg

SUITE = pathlib.Path("/usr/share/json-schema-test-suite/tests")
CASES = pathlib.Path(__file__).with_name("cases.json")
DRAFTS = {
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
}

# Not optional/content (contentEncoding and contentMediaType are annotations) nor optional/zeroTerminatedFloats (1.0 is
# an integer).
FILES = ["optional/bignum", "optional/ecmascript-regex"]

# (file, group): why it is left out. Registering each must be refused: a schema is never half understood.
REFUSED = {
    ("definitions", "valid definition"): "refers to another document",
    ("definitions", "invalid definition"): "refers to another document",
    ("ref", "escaped pointer ref"): "unknown keywords are refused; sql/schema.sql tests the escapes",
    ("ref", "remote ref, containing refs itself"): "refers to another document",
    ("ref", "ref overrides any sibling keywords"): "keywords that draft 7 ignores beside $ref are refused",
    ("ref", "Recursive references between schemas"): "a document of its own inside another",
    ("refRemote", "remote ref"): "refers to another document",
    ("refRemote", "fragment within remote ref"): "refers to another document",
    ("refRemote", "ref within remote ref"): "refers to another document",
    ("refRemote", "base URI change"): "a document of its own inside another",
    ("refRemote", "base URI change - change folder"): "a document of its own inside another",
    ("refRemote", "base URI change - change folder in subschema"): "a document of its own inside another",
    ("refRemote", "root ref in remote ref"): "refers to another document",
}


def rebased(schema):
    """The schema as it has to be written at #/properties/v."""
    if isinstance(schema, list):
        return [rebased(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    result = {}
    for key, value in schema.items():
        if key in ("enum", "const"):
            result[key] = value
        elif key == "$ref" and isinstance(value, str) and (value == "#" or value.startswith("#/")):
            result[key] = "#/properties/v" + value[1:]
        else:
            result[key] = rebased(value)
    return result


def wrapped(schema, dialect):
    inner = rebased(schema)
    root = {"$schema": dialect, "properties": {"v": inner}}
    if isinstance(inner, dict):
        for key in ("$id", "id", "$schema"):
            if isinstance(inner.get(key), str):
                root[key] = inner.pop(key)
    return root


class Count:
    passed = failed = 0

    def verdict(self, good, *what):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED:", *what)


def register(db, schema, strict=True):
    """The error that it was refused with, if it was."""
    try:
        with db.transaction():
            db.execute("SELECT integration_defaults.register_integration('suite', %s, strict => %s)", [json.dumps(schema), strict])
    except psycopg.Error as error:
        return error
    return None


def violations(db, settings):
    return db.execute("SELECT violation FROM integration_defaults.validate_settings('suite', %s)", [json.dumps(settings)]).fetchall()


def run_suite(db, suite, draft, count):
    folder = suite / draft
    paths = sorted(folder.glob("*.json")) + [folder / (name + ".json") for name in FILES] \
        + [path for path in sorted(folder.glob("optional/format.json")) + sorted(folder.glob("optional/format/*.json"))]
    refused = set()
    for path in paths:
        name = str(path.relative_to(folder).with_suffix(""))
        for group in json.loads(path.read_text()):
            where = f"{draft} | {name} | {group['description']}"
            skipped = (name, group["description"]) in REFUSED
            with db.transaction(force_rollback=True):
                if error := register(db, wrapped(group["schema"], DRAFTS[draft])):
                    count.verdict(skipped and error.sqlstate == "22023", where, "|", error, error.diag.message_detail)
                    refused.add((name, group["description"]))
                    continue
                count.verdict(not skipped, where, "| should be refused")
                if skipped:
                    continue
                for test in group["tests"]:
                    found = violations(db, {"v": test["data"]})
                    count.verdict((not found) == test["valid"], where, "|", test["description"], "|",
                                  json.dumps(test["data"])[:200], "| valid" if test["valid"] else "| invalid", found)
    return refused


def run_cases(db, count):
    told = []
    db.add_notice_handler(lambda notice: told.append(notice.message_detail))
    for case in json.loads(CASES.read_text()):
        where = case["description"]
        told.clear()
        with db.transaction(force_rollback=True):
            error = register(db, case["schema"], case.get("strict", True))
            detail = error.diag.message_detail if error else None
            count.verdict(detail == case.get("refused"), where, "|", error, detail)
            count.verdict(told == ([case["ignored"]] if "ignored" in case else []), where, "|", told)
            if error:
                continue
            reference = jsonschema.validators.validator_for(case["schema"], jsonschema.Draft7Validator)(
                case["schema"], format_checker=jsonschema.FormatChecker())
            for test in case["tests"]:
                found = violations(db, test["data"])
                count.verdict((not found) == test["valid"], where, "|", test["data"], found)
                count.verdict(reference.is_valid(test["data"]) == test["valid"] or "reference" in case,
                              where, "|", test["data"], "| the reference says otherwise")


def main():
    suite = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else SUITE
    count = Count()
    with psycopg.connect(autocommit=True) as db:
        db.execute("CREATE EXTENSION IF NOT EXISTS integration_defaults")
        refused = set()
        for draft in DRAFTS:
            refused |= run_suite(db, suite, draft, count)
        for missing in sorted(set(REFUSED) - refused):
            print("not met:", *missing)
        run_cases(db, count)
    print(f"{count.passed} passed, {count.failed} failed")
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
