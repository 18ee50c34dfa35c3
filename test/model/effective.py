"""What the reference model makes of a database, given on stdin as one JSON object with the rows of our tables, beside what
is stored in effective_settings. Prints each difference, and at the end how many rows were compared. No connection, so
that a test in any language can use it."""

import json
import sys

from model import INSTANCE, Model, Row, Type, same

# Gives that object.
EXPORT = """
SELECT pg_catalog.jsonb_build_object(
    'types', (SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(t)) FROM integration_defaults.integrations t),
    'groups', (SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(t)) FROM integration_defaults.groups t),
    'projects', (SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(t)) FROM integration_defaults.projects t),
    'instance', (SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(t)) FROM integration_defaults.instance_settings t),
    'group', (SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(t)) FROM integration_defaults.group_settings t),
    'project', (SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(t)) FROM integration_defaults.project_settings t),
    'effective', (SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(t)) FROM integration_defaults.effective_settings t),
    'materialized', (SELECT pg_catalog.jsonb_agg(pg_catalog.convert_from(n.name, 'UTF8')) FROM pg_catalog.pg_trigger,
        LATERAL (SELECT pg_catalog.unnest(pg_catalog.string_to_array(pg_catalog.encode(tgargs, 'escape'), '\\000'))::bytea
                 AS name) n
        WHERE tgname = 'materialized' AND n.name <> ''))
"""


def unmarked(settings):
    """What is stored, without the marks of secrets."""
    return {field: value["$secret"] if isinstance(value, dict) and set(value) == {"$secret", "bound", "mask"} else value
            for field, value in settings.items()}


def unmasked(kind, row, expected):
    """The row with what the masks of its secrets stand for: what is expected. A secret in clear stays, and differs."""
    if row is None or expected is None:
        return row
    wanted = expected["settings"]
    return {**row, "settings": {
        field: value if field not in kind.secrets or wanted.get(field) is None else
        wanted[field] if str(value).startswith("(secret") else {"in clear": value} for field, value in row["settings"].items()}}


def load(given):
    model = Model()
    for row in given["types"] or []:
        model.types[row["name"]] = Type(row["schema"], row["allowed"])
    model.groups = {row["id"]: row["parent_id"] for row in given["groups"] or []}
    model.projects = {row["id"]: row["group_id"] for row in given["projects"] or []}
    for level in ("instance", "group", "project"):
        for row in given[level] or []:
            scope = INSTANCE if level == "instance" else (level, row[level + "_id"])
            model.rows[scope, row["integration"]] = Row(row["custom"], row["active"], unmarked(row["settings"]),
                                                        frozenset(row.get("locked", [])))
    return model


def main():
    if sys.argv[1:] == ["export"]:
        print(EXPORT)
        return
    given = json.load(sys.stdin)
    model = load(given)
    stored = {(row.pop("project_id"), row["integration"]): row for row in given["effective"] or []}
    compared = 0
    for name in given["materialized"] or []:
        for project in model.projects:
            expected = model.resolve(("project", project), name)
            got = unmasked(model.types[name], stored.pop((project, name), None), expected)
            compared += 1
            if not same(expected, got):
                print(f"{name} of {project}: the model says {expected}, stored is {got}")
    for key, row in stored.items():
        print(f"stored, and the model has no such project or type: {key} {row}")
    print(f"{compared} compared")


main()
