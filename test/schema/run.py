#!/usr/bin/python3
"""Runs the JSON Schema test suite (draft 7) through the extension.

Settings are objects, so each schema of the suite is registered as that of a property `v`, and its data is given as
{"v": data}. References to the root (`#`, `#/…`) become references to `#/properties/v`; an absolute `$id` and `$schema`
move up to the root, which is where they stand in the suite.

The server is found through PG* variables; the suite is that of Debian's package json-schema-test-suite, or the
folder given as the first argument. The last line is `N passed, N failed`.
"""
import json
import pathlib
import sys

import psycopg

SUITE = pathlib.Path("/usr/share/json-schema-test-suite/tests/draft7")

# Not optional/content (contentEncoding and contentMediaType are annotations) nor optional/zeroTerminatedFloats (1.0 is
# an integer), nor formats that the extension does not check and refuses.
FILES = ["optional/bignum", "optional/ecmascript-regex"]
FORMATS = ["date", "date-time", "email", "hostname", "ipv4", "ipv6", "json-pointer", "regex", "relative-json-pointer", "time", "uri", "uri-reference"]

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


def wrapped(schema):
    inner = rebased(schema)
    root = {"properties": {"v": inner}}
    if isinstance(inner, dict):
        for key in ("$id", "$schema"):
            if isinstance(inner.get(key), str):
                root[key] = inner.pop(key)
    return root


def main():
    suite = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else SUITE
    paths = sorted(suite.glob("*.json")) + [suite / (name + ".json") for name in FILES] \
        + [suite / "optional" / "format" / (name + ".json") for name in FORMATS]
    passed = failed = 0
    refused = set()

    def verdict(good, *what):
        nonlocal passed, failed
        if good:
            passed += 1
        else:
            failed += 1
            print("FAILED:", *what)

    with psycopg.connect(autocommit=True) as db:
        db.execute("CREATE EXTENSION IF NOT EXISTS integration_defaults")
        for path in paths:
            name = str(path.relative_to(suite).with_suffix(""))
            for group in json.loads(path.read_text()):
                where = f"{name} | {group['description']}"
                skipped = (name, group["description"]) in REFUSED
                with db.transaction(force_rollback=True):
                    try:
                        with db.transaction():
                            db.execute("SELECT integration_defaults.register_integration('suite', %s)",
                                       [json.dumps(wrapped(group["schema"]))])
                    except psycopg.Error as error:
                        verdict(skipped and error.sqlstate == "22023", where, "|", error, error.diag.message_detail)
                        refused.add((name, group["description"]))
                        continue
                    verdict(not skipped, where, "| should be refused")
                    if skipped:
                        continue
                    for test in group["tests"]:
                        found = db.execute("SELECT violation FROM integration_defaults.validate_settings('suite', %s)",
                                           [json.dumps({"v": test["data"]})]).fetchall()
                        verdict((not found) == test["valid"], where, "|", test["description"], "|",
                                json.dumps(test["data"])[:200], "| valid" if test["valid"] else "| invalid", found)
    for missing in sorted(set(REFUSED) - refused):
        print("not met:", *missing)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
