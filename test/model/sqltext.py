"""An operation of the model as the SQL that does the same to the extension. Literals are inlined, so that what is run
is what is printed when an answer differs."""

import json
import re
from zlib import crc32

SCHEMA = "integration_defaults"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
TABLES = {"instance": "instance_settings", "group": "group_settings", "project": "project_settings"}
APP = {"group": ("app.teams", "team_id", "belongs_to"), "project": ('app."Repos"', '"Repo"', "team")}
FUNCTIONS = {
    "set_default", "reset_default", "set_custom", "use_default", "override_fields", "inherit_fields", "set_active",
    "lock_fields", "unlock_fields", "reset_below", "drop_redundant", "add_group", "move_group", "remove_group", "add_project", "move_project",
    "remove_project", "register_integration", "unregister_integration", "allow_integrations"}


def text(value):
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def document(value):
    return "NULL::jsonb" if value is None else text(json.dumps(value, ensure_ascii=False)) + "::jsonb"


def texts(values):
    if values is None:
        return "NULL::text[]"
    return "ARRAY[" + ", ".join(map(text, sorted(values))) + "]::text[]"


def boolean(value):
    return "NULL" if value is None else str(value).lower()


def external_id(value):
    """In one of the forms in which an app gives it; which one follows from the id."""
    if value is None:
        return f"NULL::{SCHEMA}.external_id"
    if UUID.match(value):
        return text(value) + "::uuid"
    if re.match(r"[1-9][0-9]{0,8}$", value):
        return (value, value + "::bigint", text(value) + "::text", value + ".0")[crc32(value.encode()) % 4]
    return text(value) + ("::text", "::varchar", "")[crc32(value.encode()) % 3]


def argument(kind, name, value):
    if name in ("settings", "schema") or (kind, name) == ("override_fields", "fields"):
        return document(value)
    if name in ("fields", "names"):
        return texts(value)
    if name.endswith("_id"):
        return external_id(value)
    return boolean(value) if isinstance(value, bool) or value is None else text(value)


def function(kind, arguments):
    given = ", ".join(f"{name} => {argument(kind, name, value)}" for name, value in arguments.items())
    return f"SELECT {SCHEMA}.{kind}({given})"


def where(scope, integration):
    level, scope_id = scope
    own = "" if level == "instance" else f"{level}_id = {text(scope_id)} AND "
    return f" WHERE {own}integration = {text(integration)}"


def column(name, value):
    if name == "settings":
        return document(value)
    return texts(value) if name == "locked" else boolean(value)


def written(table, kind, scope, integration, columns):
    if kind.endswith("_delete"):
        return f"DELETE FROM {table}" + where(scope, integration)
    if kind.endswith("_update"):
        changes = ", ".join(f"{name} = {column(name, value)}" for name, value in columns.items())
        return f"UPDATE {table} SET {changes}" + where(scope, integration)
    return insert(table, scope, integration, columns)


def view(kind, scope, integration, columns=None):
    return written(f"{SCHEMA}.{scope[0]}_integrations", kind, scope, integration, columns)


def settings_table(kind, scope, integration, columns=None):
    return written(f"{SCHEMA}.{TABLES[scope[0]]}", kind, scope, integration, columns)


def insert(table, scope, integration, columns):
    level, scope_id = scope
    names, values = ["integration"], [text(integration)]
    if level != "instance":
        names, values = [level + "_id"] + names, [text(scope_id)] + values
    names += columns
    values += [column(name, value) for name, value in columns.items()]
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(values)})"


def many(kind, integration, columns, projects=None):
    """One statement for several projects."""
    table = f"{SCHEMA}.project_settings"
    if kind == "sql_update_all":
        changes = ", ".join(f"{name} = {column(name, value)}" for name, value in columns.items())
        return f"UPDATE {table} SET {changes} WHERE integration = {text(integration)}"
    names = ", ".join(["project_id", "integration", *columns])
    rows = ", ".join("(" + ", ".join([text(p), text(integration)] + [column(n, c) for n, c in columns.items()]) + ")"
                     for p in projects)
    return f"INSERT INTO {table} ({names}) VALUES {rows}"


def tree_table(kind, level, **a):
    table = f"{SCHEMA}.{level}s"
    parent = "parent_id" if level == "group" else "group_id"
    return table_change(kind.split("_")[1], table, "id", parent, None, text, a)


def app_table(kind, id_type, level, **a):
    table, own, parent = APP[level]

    def literal(value):
        return "NULL" if value is None else text(value) + "::" + id_type
    return table_change(kind.split("_")[1], table, own, parent, "kind", literal, a)


def table_change(what, table, own, parent, kind, literal, a):
    if what == "insert":
        rows = ", ".join(
            "(" + ", ".join([literal(r[0]), literal(r[1])] + ([passing(r[2])] if kind else [])) + ")"
            for r in a["rows"])
        return f"INSERT INTO {table} ({own}, {parent}{', ' + kind if kind else ''}) VALUES {rows}"
    if what == "rename":
        return f"UPDATE {table} SET {own} = {literal(a['new'])} WHERE {own} = {literal(a['old'])}"
    chosen = f" WHERE {own} IN ({', '.join(map(literal, a['ids']))})"
    if what == "move":
        return f"UPDATE {table} SET {parent} = {literal(a['parent'])}" + chosen
    if what == "filter":
        return f"UPDATE {table} SET {kind} = {passing(a['passes'])}" + chosen
    return f"DELETE FROM {table}" + chosen


def passing(passes):
    return "'kept'" if passes else "'left out'"


def statement(kind, arguments, id_type="text"):
    if kind in FUNCTIONS:
        return function(kind, arguments)
    if kind in ("sql_insert", "sql_update", "sql_delete"):
        return settings_table(kind, **arguments)
    if kind.startswith("view_"):
        return view(kind, **arguments)
    if kind in ("sql_insert_all", "sql_update_all"):
        return many(kind, **arguments)
    if kind == "sql_allow":
        return (f"UPDATE {SCHEMA}.integrations SET allowed = {boolean(arguments['allowed'])}"
                f" WHERE name = {text(arguments['name'])}")
    if kind.startswith("tree_"):
        return tree_table(kind, **arguments)
    if kind == "app_truncate_projects":
        return f"TRUNCATE {APP['project'][0]}"
    return app_table(kind, id_type, **arguments)
