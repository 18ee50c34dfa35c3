"""What nonsense.py gives to whom, and which errors are right: SQL expressions with SQLSTATEs."""

S = "integration_defaults"
FINE, NOTHING = "success", "no row or NULL"

EMPTY = "TRUNCATE " + ", ".join(f"{S}.{table}" for table in (
    "instance_settings", "group_settings", "project_settings", "projects", "groups", "integrations"))
SETUP = [
    "DROP SCHEMA IF EXISTS app, nonsense CASCADE",
    "DROP FOREIGN DATA WRAPPER IF EXISTS nonsense_wrapper CASCADE",
    EMPTY,
    f"""SELECT {S}.register_integration('hook', '{{"properties": {{"url": {{"type": "string", "maxLength": 99}},
        "token": {{"type": "string", "writeOnly": true, "maxLength": 99}}, "room": {{"type": "string", "maxLength": 99}}}},
        "additionalProperties": false, "required": ["url"], "x-atomic": [["url", "token"]]}}')""",
    f"SELECT {S}.register_integration('unused')",
    f"INSERT INTO {S}.groups VALUES ('g1', NULL), ('g2', 'g1'), ('empty', NULL)",
    f"INSERT INTO {S}.projects VALUES ('p1', 'g2'), ('p2', NULL)",
    f"""SELECT {S}.set_default('hook', '{{"url": "u", "token": "t"}}')""",
    f"""INSERT INTO {S}.project_settings (project_id, integration, custom, settings)
        VALUES ('p1', 'hook', false, '{{"room": "own"}}')""",
    "CREATE SCHEMA nonsense",
    "CREATE TABLE nonsense.teams (id text PRIMARY KEY, parent_id text, type text)",
    "INSERT INTO nonsense.teams VALUES ('g1', NULL), ('g2', 'g1'), ('empty', NULL)",
    "CREATE TABLE nonsense.repos (id text PRIMARY KEY, group_id text, type text)",
    "INSERT INTO nonsense.repos VALUES ('p1', 'g2'), ('p2', NULL)",
    "CREATE VIEW nonsense.view AS SELECT * FROM nonsense.teams",
    "CREATE MATERIALIZED VIEW nonsense.matview AS SELECT * FROM nonsense.teams",
    "CREATE SEQUENCE nonsense.sequence",
    "CREATE TYPE nonsense.composite AS (id bigint, parent_id bigint)",
    "CREATE TABLE nonsense.whole (id bigint, parent_id bigint, group_id bigint) PARTITION BY RANGE (id)",
    "CREATE TABLE nonsense.part PARTITION OF nonsense.whole DEFAULT",
    "CREATE TABLE nonsense.parent (id bigint, parent_id bigint, group_id bigint)",
    "CREATE TABLE nonsense.child () INHERITS (nonsense.parent)",
    "CREATE FOREIGN DATA WRAPPER nonsense_wrapper",
    "CREATE SERVER nonsense_server FOREIGN DATA WRAPPER nonsense_wrapper",
    "CREATE FOREIGN TABLE nonsense.far (id bigint, parent_id bigint, group_id bigint) SERVER nonsense_server",
    "CREATE TEMPORARY TABLE fleeting (id bigint, parent_id bigint, group_id bigint)",
]

# What is done before, for functions that need a tracked table.
TRACKED = {"create_view": f"SELECT {S}.track_projects('nonsense.repos')",
           "create_general_view": f"SELECT {S}.track_projects('nonsense.repos')",
           "read_tracked": f"SELECT {S}.track_groups('nonsense.teams')",
           "resync": f"SELECT {S}.track_groups('nonsense.teams')",
           "untrack": f"SELECT {S}.track_groups('nonsense.teams')"}

# Functions that only read; a NULL id or integration gives no row there.
READS = {"resolve", "resolve_all", "active_settings", "explain", "mask", "all_active_settings",
         "projects_using_custom_settings", "projects_using_default", "redundant_overrides", "tree", "read_tracked_tables", "invalid_settings",
         "validate_settings", "compare", "read_materialized_types", "status", "resolve_at", "explain_at"}
# Those among them where NULL stands for all.
UNSCOPED_READS = {"invalid_settings"}
# What our views and plans call: it must do no harm, whatever it answers.
LENIENT = {"effective_differs", "lock_key", "not_given", "settings_at", "shown_change"}
# Arguments of those that get the values of others.
ALIKE = {"configured": "active", "inherited": "active", "source_level": "text id", "source_id": "text id", "state": "settings"}
PARENTS = {("add_group", "parent_id"), ("move_group", "parent_id"), ("add_project", "group_id"),
           ("move_project", "group_id")}
NEW_IDS = {("add_group", "group_id"), ("add_project", "project_id")}
# What else a call with nothing but NULLs may say.
EXISTING = {"allow_integrations": {FINE, NOTHING}, "is_dumped": {FINE, NOTHING}, "load_catalog": set()}

VALID = {
    "integration": "'hook'", "name": "'hook'", "unregister_integration.name": "'unused'", "project_id": "'p1'",
    "group_id": "'g1'", "parent_id": "'g1'", "add_group.group_id": "'new'", "add_project.project_id": "'new'",
    "remove_group.group_id": "'empty'", "move_group.group_id": "'g2'", "move_group.parent_id": "'empty'",
    "settings": """'{"url": "u"}'::jsonb""", "fields jsonb": """'{"room": "r"}'::jsonb""",
    "fields text[]": "ARRAY['room']", "names": "ARRAY['hook']", "active": "true", "configured": "true", "schema": "'{}'::jsonb",
    "register_integration.name": "'brand-new'", "title": "'Hook'", "category": "'hooks'", "force": "true",
    "replace": "true", "strict": "true", "role": "'pg_monitor'", "access": "'write'", "statement": "'SELECT 1'",
    "is_dumped.role": f"'pg_monitor'::{S}.role_name",
    "catalog": "'gitlab'", "source": "'nonsense.teams'::regclass", "track_projects.source": "'nonsense.repos'::regclass",
    "id_column": "'id'", "parent_column": "'parent_id'", "group_column": "'group_id'", "filter": "'type is null'",
    "label_column": "'type'", "orphans": "'instance'", "dry_run": "true", "depth": "1", "whole": "true", "other_project_id": "'p2'",
    "field": "'token'", "value": "'\"x\"'::jsonb",
    "custom": "true", "strict": "true", "enabled": "true", "at": "pg_catalog.clock_timestamp()", "before": "'-infinity'::timestamptz",
    "transaction": f"(SELECT pg_catalog.min(transaction) FROM {S}.history)", "create_view.name": "'nonsense_view'",
    "create_general_view.name": "'nonsense_view'", "level": "'project'", "kind": "'groups'", "publication": "'nonsense_publication'"}

LONG, HUGE = "repeat('x', 256)", "repeat('x', 1048576)"
DEEP_ARRAY = "(repeat('[', 10000) || repeat(']', 10000))::jsonb"
DEEP_OBJECT = """(repeat('{"a":', 10000) || '1' || repeat('}', 10000))::jsonb"""


def deep(key):
    return f"""('{{"{key}": ' || repeat('[', 10000) || repeat(']', 10000) || '}}')::jsonb"""


def deep_schema(step):
    """A schema 10,000 levels deep, by a step such as `{"not": `."""
    return f"""(repeat('{step}', 10000) || 'true' || repeat('}}', 10000))::jsonb"""


NOT_OBJECTS = [(f"'{value}'::jsonb", "22023") for value in ("[]", "[1]", "1", '"url"', "true", "null")]
MALFORMED = [("""'{"room": "\\u0000"}'::jsonb""", "22P05"), ("""'{"room": '::jsonb""", "22P02"), ("''::jsonb", "22P02")]
UNFIT = [('\'{"nobody": 1}\'::jsonb', "23514"), ("""'{"room": 1}'::jsonb""", "23514"), ("""'{"": ""}'::jsonb""", "23514"),
         ("""'{"active": false}'::jsonb""", {"23514", "22023"}), ("""'{"*": 1}'::jsonb""", {"23514", "22023"}),
         ("""'{"room": {"a": []}}'::jsonb""", "23514"), (deep("room"), {"23514", "54001"}),
         (DEEP_OBJECT, {"23514", "54001"}), (DEEP_ARRAY, {"22023", "54001"}),
         ("(SELECT pg_catalog.jsonb_object_agg('k' || i, i) FROM generate_series(1, 10000) i)", "23514")]
TOO_LARGE = [(f"pg_catalog.jsonb_build_object('room', {HUGE})", "54000"),
             (f"pg_catalog.jsonb_build_object({HUGE}, 1)", "54000")]
BAD_IDS = [("''", "22023"), ("''::text", "22023"), (LONG, "22023"), ("repeat('ä', 128)", "22023"), (HUGE, "22023"),
           ("'NaN'::numeric", "22023"), ("'Infinity'::numeric", "22023"), ("'   '::char(3)", "22023"),
           ("repeat('9', 300)::numeric", "22023"), ("1.5::float8", "42883"), ("true", "42883"), ("ARRAY['g1']", "42883")]
NOT_TABLES = [(f"'{name}'::regclass", {"0A000", "42809", "42703"}) for name in (
    "nonsense.view", "nonsense.matview", "nonsense.sequence", "nonsense.composite", "nonsense.teams_pkey",
    "nonsense.part", "nonsense.parent", "nonsense.child", "nonsense.far", "fleeting", "pg_catalog.pg_class",
    f"{S}.groups", f"{S}.projects", f"{S}.group_settings", f"{S}.integrations", f"{S}.project_integrations")]
# What is not tracked is refused by its own code.
UNTRACKED = [(value, {"0A000", "42809", "55000"}) for value, _ in NOT_TABLES]
NO_TABLE = [("NULL::regclass", "22023"), ("0::oid::regclass", {"42P01", "22023", "42704"}),
            ("4000000000::oid::regclass", {"42P01", "22023", "42704"}), ("'nonsense.nobody'::regclass", "42P01")]
COLUMNS = [("NULL::name", "22023"), ("''", {"42703", "22023"}), ("'nobody'", "42703"), (LONG, "42703"),
           ("'id; DROP TABLE nonsense.teams'", "42703"), ("'ctid'", {"42703", "22023", "0A000"})]
FILTERS = [("'nobody = 1'", "42703"), ("'1'", {"42804", "22023"}), ("'type'", {"42804", "22023"}), ("'('", {"42601", "22023"}),
           ("''", {"42601", "22023"}), ("'true) OR (true'", {"42601", "22023"}), ("'true, true'", {"42601", "22023"}),
           ("'true; DROP TABLE nonsense.teams'", {"42601", "22023"}), ("'true --'", {"42601", "22023", FINE}),
           ("'EXISTS (SELECT 1)'", {"0A000", "22023"}), ("'count(*) > 0'", {"42803", "22023"}),
           ("'rank() OVER () > 0'", {"42P20", "22023"}), ("'id = $1'", {"42P02", "22023"}),
           ("'generate_series(1, 2) > 0'", {"0A000", "42804", "22023"}), (LONG, {"42703", "22023"}),
           ("'old.id = 1'", {"42P01", "22023", "42703"}), ("'nobody(id)'", {"42883", "22023"}),
           (HUGE, {"42703", "22023", "54000"}),
           ("repeat('(', 20000) || 'true' || repeat(')', 20000)", {"54001", "53200", "42601", "22023"}),
           ("'true' || repeat(' AND type = ''a''', 20000)", {"54001", "54000", "22023", "23503", FINE})]
BAD_SCHEMAS = ['{"nobody": 1}', '{"properties": []}', '{"properties": {"a": 1}}', '{"type": "array"}', '{"type": "moon"}',
               '{"properties": {"a": {"pattern": "("}}}', '{"properties": {"active": {}}}', '{"properties": {"*": {}}}',
               '{"x-atomic": [["nobody", "other"]]}', '{"x-atomic": {}}', '{"x-levels": ["moon"]}', '{"x-levels": {}}',
               '{"properties": {"a": {"$ref": "http://example.org/x"}}}', '{"properties": {"a": {"$ref": "#/nowhere"}}}',
               '{"properties": {"a": {"$ref": "#/properties/a"}}}', '{"required": "a"}', '{"required": [1]}',
               '{"properties": {"a": {"type": "string", "default": 1}}}', '{"properties": {"a": {"multipleOf": 0}}}',
               '{"properties": {"a": {"format": "moon"}}}', '{"properties": {"a": {"maxLength": -1}}}',
               '{"properties": {"a": {"maxLength": 1.5}}}', '{"properties": {"a": {"enum": 1}}}',
               '{"properties": {"a": {"writeOnly": "yes"}}}', '{"additionalProperties": 1}', '{"anyOf": []}']

BAD = {
    "id": [("NULL", "22004"), ("'nobody'", "42704"), ("0", "42704"), ("'G1'", "42704"), *BAD_IDS],
    "revoke_access.group_id": [("NULL", "22004"), ("'nobody'", FINE), *BAD_IDS], # the group may have gone
    "text id": [("NULL", FINE), ("''", FINE), ("'nobody'", FINE), (LONG, FINE), (HUGE, FINE)],
    "parent id": [("NULL", FINE), ("'nobody'", "23503"), *BAD_IDS],
    "new id": [("NULL", "22004"), (f"{S}.not_given()", {"22004", "22023"}), *BAD_IDS],
    "integration": [("NULL", "22023"), ("''", "42704"), ("'nobody'", "42704"), ("'HOOK'", "42704"), ("'hook '", "42704"),
                    (LONG, "42704"), (HUGE, "42704")],
    "invalid_settings.integration": [("NULL", FINE), ("''", "42704"), ("'nobody'", "42704"), (HUGE, "42704")],
    "name": [("NULL", "22023"), ("''", "42704"), ("'nobody'", "42704"), (HUGE, "42704"), ("'hook'", "2BP01")],
    "register_integration.name": [("NULL", "22023"), ("''", "22023"), ("' '", "22023"), ("'a b'", "22023"),
                                  (LONG, "22023"), (HUGE, "22023"), ("E'a\\nb'", "22023")],
    "publication": [("NULL", "22023"), ("''", "42601"), (HUGE, FINE)],
    "kind": [("NULL", "22023"), ("''", "22023"), ("'group'", "22023"), ("'projects'", "55000"), (HUGE, "22023")],
    "level": [("NULL", "22023"), ("''", "22023"), ("'projects'", "22023"), ("'instance'", "22023"), ("'group'", "55000"), (HUGE, "22023")],
    "create_general_view.name": [("NULL", FINE), ("''", {"22023", "42601", "42602"}), (LONG, {"22023", "42622"}),
                                 (HUGE, {"22023", "42622"})],
    "create_view.name": [("NULL", FINE), ("''", {"22023", "42601", "42602"}), (LONG, {"22023", "42622"}),
                         (HUGE, {"22023", "42622"})],
    "schema": [("NULL::jsonb", "22023"), *NOT_OBJECTS, *MALFORMED, (DEEP_ARRAY, {"22023", "54001"}),
               (DEEP_OBJECT, {"22023", "54001"}), (deep("properties"), {"22023", "54001"}),
               (deep_schema('{"not": '), {"22023", "54001", FINE}),
               (deep_schema('{"items": '), {"22023", "54001", FINE}),
               (f"pg_catalog.jsonb_build_object({HUGE}, 1)", "54000"),
               *[(f"'{schema}'::jsonb", "22023") for schema in BAD_SCHEMAS]],
    "settings": [("NULL::jsonb", "22023"), *NOT_OBJECTS, *MALFORMED, *UNFIT, *TOO_LARGE, ("'{}'::jsonb", {"23514", FINE})],
    "validate_settings.settings": [(value, {FINE, NOTHING, "54001"}) for value, _ in
                                   [("NULL::jsonb", 0), *NOT_OBJECTS, *UNFIT]] + MALFORMED + TOO_LARGE,
    "fields jsonb": [("NULL::jsonb", "22023"), *NOT_OBJECTS, *MALFORMED, *UNFIT, *TOO_LARGE],
    "fields text[]": [("NULL::text[]", FINE), ("ARRAY[NULL]::text[]", "22023"), ("ARRAY['room', NULL]", "22023"),
                      ("ARRAY[['room', 'url']]", "22023"), ("ARRAY['nobody']", "22023"), ("ARRAY['']", "22023"),
                      (f"ARRAY[{HUGE}]", "22023"), ("ARRAY(SELECT 'k' || i FROM generate_series(1, 10000) i)", "22023"),
                      ("'{}'::text[]", FINE), ("'[5:6]={room,nobody}'::text[]", "22023")],
    "inherit_fields.fields": [("NULL::text[]", "22023"), ("ARRAY[NULL]::text[]", "22023"), ("ARRAY['room', NULL]", "22023"),
                              ("ARRAY[['room', 'url']]", "22023"), ("ARRAY['nobody']", "22023"), (f"ARRAY[{HUGE}]", "22023"),
                              ("ARRAY['room', 'nobody']", "22023"), ("ARRAY['token']", FINE), ("'{}'::text[]", FINE)],
    "names": [("NULL::text[]", FINE), ("ARRAY[NULL]::text[]", "22023"), ("ARRAY['hook', NULL]", "22023"),
              ("ARRAY[['hook', 'unused']]", "22023"), ("ARRAY['nobody']", "42704"), ("ARRAY['']", "42704"),
              (f"ARRAY[{HUGE}]", "42704"), ("'{}'::text[]", FINE)],
    "active": [("NULL", FINE), ("'maybe'", "22P02"), ("1", "42883")],
    "force": [("NULL", {FINE, "22023"}), ("'maybe'", "22P02")],
    "replace": [("NULL", FINE), ("'maybe'", "22P02")], "strict": [("NULL", {FINE, "22023"}), ("'maybe'", "22P02")],
    "role": [("NULL::name", "22023"), ("''", "42704"), ("'nobody'", "42704"), ("'42'", "42704"), (LONG, "42704"),
             ("'public'", "42704")],
    "access": [("NULL", "22023"), ("''", "22023"), ("'none'", "22023"), ("'WRITE'", "22023"), (HUGE, "22023"),
               ("'read'", "22023")],
    "is_dumped.role": [(f"NULL::{S}.role_name", {FINE, NOTHING}), (f"'nobody'::{S}.role_name", {FINE, NOTHING}),
                       (f"''::{S}.role_name", {"22023", "42602", FINE}), (f"{LONG}::{S}.role_name", {FINE, "42622", "22023"})],
    "preview.integration": [("NULL", {FINE, NOTHING}), ("''", "42704"), ("'nobody'", "42704"), (HUGE, "42704")],
    "statement": [("NULL", "22023"), ("''", {FINE, NOTHING}), ("'nonsense'", "42601"), ("'COMMIT'", "0A000"),
                  ("'SAVEPOINT a'", "0A000"), ("'ROLLBACK'", "0A000"), ("'SELECT 1/0'", "22012"), (HUGE, "42601"),
                  ("'COPY (SELECT 1) TO STDOUT'", "0A000"), ("'VACUUM'", "25001"), ("'DROP SCHEMA nonsense CASCADE'", {FINE, NOTHING}),
                  (f"'DROP EXTENSION {S} CASCADE'", {"2BP01", "55006", "42704", "55000", "42P01"}),
                  (f"'TRUNCATE {S}.integrations, {S}.groups CASCADE'", {FINE, NOTHING, "0A000", "23503"}),
                  ("repeat('SELECT 1;', 10000)", {FINE, NOTHING})],
    "dry_run": [("NULL", FINE), ("'maybe'", "22P02")], "whole": [("NULL", FINE), ("'maybe'", "22P02")],
    "depth": [("NULL", FINE), ("0", FINE), ("-1", "22023"), ("2147483647", FINE), ("2147483648", "42883"),
              ("'deep'", "22P02"), ("1.5", "42883")],
    "label_column": [("NULL::name", FINE), *COLUMNS[1:]],
    "orphans": [("NULL", "22023"), ("''", "22023"), ("'ignore'", "22023"), (HUGE, "22023")],
    "custom": [("NULL", {FINE, "22023"})],
    "title": [("NULL", FINE), ("''", {FINE, "22023"}), (HUGE, {FINE, "22023"})],
    "category": [("NULL", FINE), ("''", {FINE, "22023"}), (HUGE, {FINE, "22023"})],
    "at": [("NULL::timestamptz", NOTHING), ("'-infinity'", "22023"), ("'2000-01-01'", "22023"), ("'never'", "22007"), ("1", "42883")],
    "before": [("NULL::timestamptz", "22023"), ("'never'", "22007"), ("1", "42883")],
    "strict": [("NULL", FINE), ("'maybe'", "22P02"), ("1", "42883")],
    "enabled": [("NULL", "22023"), ("'maybe'", "22P02"), ("1", "42883")],
    "transaction": [("NULL::bigint", "22023"), ("-1", "42704"), ("0", "42704"), ("9223372036854775807", "42704"),
                    ("'1 OR true'", "22P02")],
    "catalog": [("NULL", "22023"), ("''", "22023"), ("'nobody'", "22023"), ("'../gitlab'", "22023"), (HUGE, "22023")],
    "source": [*NO_TABLE, *NOT_TABLES],
    "untrack.source": [*NO_TABLE, *UNTRACKED, ("'nonsense.repos'::regclass", "55000")],
    "resync.source": [*NO_TABLE, *UNTRACKED, ("'nonsense.repos'::regclass", "55000")],
    "field": [("NULL", {FINE, NOTHING}), ("''", "22023"), ("'room'", "22023"), ("'nobody'", "22023"), (HUGE, "22023")],
    "value": [("NULL::jsonb", {FINE, NOTHING}), ("'null'::jsonb", FINE), ("'{}'::jsonb", FINE), ("'1e300'::jsonb", FINE),
              ("""'"(secret 0123456789abcdef)"'::jsonb""", FINE), (f"pg_catalog.to_jsonb({HUGE})", FINE),
              (DEEP_ARRAY, {FINE, "54001"}), (DEEP_OBJECT, {FINE, "54001"}), ("'nobody'::jsonb", "22P02")],
    "id_column": COLUMNS, "parent_column": COLUMNS, "group_column": COLUMNS,
    "filter": [("NULL", FINE), *FILTERS],
}

CAST_INPUTS = {
    "text": [("''::text", "22023"), (f"{LONG}", "22023"), (HUGE, "22023"), ("NULL::text", NOTHING), ("'a'::text", FINE)],
    "character varying": [("''::varchar", "22023"), ("NULL::varchar", NOTHING)],
    "character": [("' '::char(3)", "22023"), ("NULL::bpchar", NOTHING)],
    "numeric": [("'NaN'::numeric", "22023"), ("'-Infinity'::numeric", "22023"), ("10.0 ^ 300", "22023"),
                ("NULL::numeric", NOTHING)],
    "uuid": [("NULL::uuid", NOTHING), ("'x'::uuid", "22P02")],
    "bigint": [("NULL::bigint", NOTHING), ("9223372036854775808::bigint", "22003")],
}

# Statements on the tables themselves.
SET = f"INSERT INTO {S}.project_settings (project_id, integration, "
DIRECT = [
    (SET + "settings) VALUES ('p2', 'hook', '[]')", "22023"),
    (SET + "settings) VALUES ('p2', 'hook', 'null')", "22023"),
    (SET + "settings) VALUES ('p2', 'hook', NULL)", {"22023", "23502"}),
    (SET + "custom) VALUES ('p2', 'hook', NULL)", {"22023", "23502", "22004"}),
    (SET + "settings) VALUES ('p2', 'nobody', '{}')", "23503"),
    (SET + "settings) VALUES ('nobody', 'hook', '{}')", "23503"),
    (SET + "settings) VALUES (NULL, 'hook', '{}')", {"23502", "22004"}),
    (SET + "settings) VALUES ('p2', NULL, '{}')", {"23502", "22004", "22023"}),
    (SET + "settings) VALUES ('p2', 'hook', '{}')", "23514"),
    (SET + """settings) VALUES ('p2', 'hook', '{"nobody": 1}')""", "23514"),
    (SET + f"settings) VALUES ('p2', 'hook', {deep('room')})", {"23514", "54001"}),
    *[(SET + f"settings) VALUES ('p2', 'hook', '{{\"url\": \"u\", \"token\": {token}}}')", "23514") for token in (
        '"(secret)"', '"(secret 0123456789abcdef)"', '{"$secret": "x"}', '{"$sealed": null}', '{"$secret": 1, "a": 2, "b": 3}',
        '{"$sealed": "AAAA", "bound": [], "mask": "0123456789abcdef"}', '{"$sealed": "", "bound": ["url"], "mask": "0123456789abcdef"}',
        '{"$sealed": "AQ==", "bound": ["url"], "mask": "0123456789abcdef"}', '{"$sealed": "AQJr====", "bound": [null], "mask": ""}',
        '{"$secret": {"$secret": "x", "bound": [], "mask": "0123456789abcdef"}, "bound": {}, "mask": "0123456789abcdef"}',
        '{"$secret": null, "bound": [], "mask": "0123456789abcdef"}', '{"$secret": 1, "bound": [1], "mask": "0123456789abcdef"}')],
    *[(f"UPDATE {S}.instance_settings SET locked = {locked}", wanted) for locked, wanted in (
        ("NULL", {"23502", "22023"}), ("ARRAY[NULL]::text[]", "22023"), ("ARRAY['nobody']", "22023"),
        ("ARRAY[['url', 'token']]", "22023"))],
    (f"UPDATE {S}.instance_settings SET settings = '1'", "22023"),
    (f"UPDATE {S}.instance_settings SET integration = 'nobody'", "23503"),
    (f"INSERT INTO {S}.groups VALUES ('', NULL)", {"23514", "22023"}),
    (f"INSERT INTO {S}.groups VALUES ({LONG}, NULL)", {"23514", "22023"}),
    (f"INSERT INTO {S}.groups VALUES (NULL, NULL)", {"23502", "22004"}),
    (f"INSERT INTO {S}.groups VALUES ('g9', 'nobody')", "23503"),
    (f"UPDATE {S}.groups SET parent_id = 'g2' WHERE id = 'g1'", "23514"),
    (f"DELETE FROM {S}.groups WHERE id = 'g1'", "23503"),
    (f"INSERT INTO {S}.projects VALUES ({HUGE}, NULL)", {"23514", "22023"}),
    (f"INSERT INTO {S}.projects VALUES ('p9', 'nobody')", "23503"),
    (f"DELETE FROM {S}.integrations WHERE name = 'hook'", {"2BP01", "23503"}),
    *[(f"UPDATE {S}.integrations SET schema = '{schema}' WHERE name = 'unused'", "22023") for schema in BAD_SCHEMAS],
    (f"INSERT INTO {S}.integrations (name) VALUES (NULL)", {"23502", "22023"}),
    (f"INSERT INTO {S}.integrations (name) VALUES ('')", {"22023", "23514"}),
    (f"INSERT INTO {S}.integrations (name, schema) VALUES ('x', 'true')", "22023"),
    *[(f"SELECT ('{value}'::{S}.external_id)", "22023") for value in ("", "x" * 256)],
    (f"SELECT {S}.create_view('hook')", "55000"),
    (f"SELECT {S}.create_general_view()", "55000"),
    *[(sql, {"0A000", "39P01", "42883", "42501"}) for sql in (
        f"SELECT {S}.external_id_in(NULL, 1)", f"SELECT {S}.external_id_recv('x'::bytea)")],
]
