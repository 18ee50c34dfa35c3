"""Fills a database of one size: the tree, the settings, and the same answers for each contender."""

import json
import pathlib
import re

import psycopg

from tree import NEW_HOME, OLD_HOME, Tree

HERE = pathlib.Path(__file__).parent
INTEGRATIONS = 45
FIXED_ANSWER, FIXED_CUSTOM = "telegram", 50  # has this many custom projects at every size
SAMPLE = 20_000  # projects of which the contender "copy" has all integrations

SLACK = {"webhook": "https://chat.example/all", "username": "robot", "channel": "#general",
         "notify_only_broken_pipelines": True, "branches_to_be_notified": "default_and_protected",
         "labels_to_be_notified": "~backend,~frontend", "labels_to_be_notified_behavior": "match_any",
         "push_events": True, "issues_events": True, "confidential_issues_events": False, "merge_requests_events": True,
         "note_events": False, "tag_push_events": True, "pipeline_events": True, "wiki_page_events": False,
         "push_channel": "#pushes", "issue_channel": "#issues", "merge_request_channel": "#reviews"}

# slack without what only one contender has: its secret, which reading opens or masks, and defaults of its fields.
PLAIN_SLACK = """
SELECT integration_defaults.register_integration('slack', jsonb_set(schema, '{properties}', (
    SELECT jsonb_object_agg(key, value - 'writeOnly' - 'default') FROM jsonb_each(schema -> 'properties'))), force => true)
FROM integration_defaults.integrations WHERE name = 'slack'
"""

# The row of plain.instance_settings, of app.settings and of copy.integrations that stands for the default.
FILL = """
INSERT INTO plain.instance_settings SELECT * FROM integration_defaults.instance_settings;
INSERT INTO app.settings (project_id, group_id, integration, active, settings)
    SELECT NULL::bigint, NULL::bigint, integration, active, settings FROM integration_defaults.instance_settings
    UNION ALL SELECT NULL, group_id::bigint, integration, active, settings FROM integration_defaults.group_settings
    UNION ALL SELECT project_id::bigint, NULL, integration, active, settings FROM integration_defaults.project_settings;
INSERT INTO plain.effective
    SELECT project_id::bigint, integration, active, settings, inherited, source_level, source_id
    FROM integration_defaults.project_integrations WHERE integration = 'slack' ORDER BY 1;
INSERT INTO copy.integrations (instance, integration, active, settings)
    SELECT true, 'slack', active, settings FROM integration_defaults.instance_settings WHERE integration = 'slack';
INSERT INTO copy.integrations (group_id, integration, active, settings)
    SELECT group_id::bigint, 'slack', active, settings FROM integration_defaults.group_settings
    WHERE integration = 'slack';
"""
FILL_COPIES = """
CREATE TEMPORARY TABLE defaults AS SELECT coalesce(group_id::text, '') AS source, id FROM copy.integrations;
ANALYZE defaults;
INSERT INTO copy.integrations (group_id, integration, active, settings, inherit_from_id)
    SELECT g.group_id::bigint, 'slack', g.active, g.settings, d.id
    FROM integration_defaults.group_integrations g JOIN defaults d ON d.source = coalesce(g.source_id, '')
    WHERE g.integration = 'slack' AND g.inherited ORDER BY 1;
INSERT INTO copy.integrations (project_id, integration, active, settings, inherit_from_id)
    SELECT e.project_id, 'slack', e.active, e.settings, CASE WHEN e.inherited THEN d.id END
    FROM plain.effective e LEFT JOIN defaults d ON d.source = coalesce(e.source_id, '') ORDER BY 1;
"""

BYTES_EACH = ("SELECT pg_total_relation_size('integration_defaults.projects')::float8 / count(*)"
              " FROM integration_defaults.projects")


VALUES = ["https://tool.example/value", True, "12345678", "com.example.app", "https://acme.atlassian.net/wiki",
          "https://discord.com/api/webhooks/1/value", "https://linear.app/value"]


def value_for(field):
    """A value that the field's schema takes, or None."""
    if "enum" in field or field["type"] not in ("string", "boolean"):
        return None
    return next((value for value in VALUES if isinstance(value, bool) == (field["type"] == "boolean")
                 and (field["type"] == "boolean" or re.search(field.get("pattern", ""), value))), None)


def types(connection):
    """The integrations that take part, with settings for the default of each: {name: (settings, active)}."""
    chosen, kinds = {"slack": (SLACK, True)}, set()
    for name, schema in connection.execute("SELECT name, schema FROM integration_defaults.integrations ORDER BY name"):
        if len(chosen) == INTEGRATIONS or name in chosen or "instance" not in schema.get("x-levels", ["instance"]):
            continue
        required = schema.get("required", [])
        fields = required + [each for each in schema["properties"] if each not in required]
        values = {each: value_for(schema["properties"][each]) for each in fields}
        usable = [each for each in fields if values[each] is not None]
        kind = schema.get("x-exclusive")  # of which one can be active
        complete = kind not in kinds and set(required) <= set(usable)
        if kind is not None and complete:
            kinds.add(kind)
        chosen[name] = ({each: values[each] for each in usable[:8]}, complete)
    return chosen


def copy_rows(connection, table, rows):
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def settings_bytes(connection):
    """What the tables take that have a row for a group or a project only where somebody set something."""
    return connection.execute("SELECT pg_total_relation_size('integration_defaults.project_settings')"
                              " + pg_total_relation_size('integration_defaults.group_settings')").fetchone()[0]


def load(name, projects, sample):
    """Makes the database and fills it. Gives what later parts need to know of it."""
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    tree = Tree(projects)
    with psycopg.connect(dbname=name, autocommit=True) as connection:
        run = connection.execute
        run("SET synchronous_commit = off")
        run("CREATE EXTENSION integration_defaults")
        run((HERE / "contenders.sql").read_text())
        run("SELECT integration_defaults.load_catalog('gitlab')")
        run(PLAIN_SLACK)
        copy_rows(connection, "app.groups", tree.groups())
        copy_rows(connection, "app.projects", tree.projects())
        run("INSERT INTO integration_defaults.groups SELECT id::text, parent_id::text FROM app.groups")
        run("INSERT INTO integration_defaults.projects SELECT id::text, group_id::text FROM app.projects ORDER BY id")
        before = settings_bytes(connection)
        for integration, (settings, active) in types(connection).items():
            run("SELECT integration_defaults.set_default(%s, %s, active => %s)",
                (integration, json.dumps(settings), active))
        inheriting_bytes = settings_bytes(connection) - before
        with connection.transaction():
            # 1 % of the groups have a default, the two homes of the moved group among them, the moved one not.
            run("""SELECT integration_defaults.set_default('slack', %s::jsonb || jsonb_build_object(
                       'webhook', 'https://chat.example/group-' || id), group_id => id)
                   FROM app.groups WHERE id IN (%s, %s) OR id <= %s AND id %% 100 = 50""",
                (json.dumps(SLACK), OLD_HOME, NEW_HOME, tree.random_groups))
            run("""SELECT integration_defaults.set_custom('slack', id, %s::jsonb || jsonb_build_object(
                       'webhook', 'https://chat.example/project-' || id, 'channel', '#own'))
                   FROM app.projects WHERE id <= %s AND id %% 200 = 100""", (json.dumps(SLACK), projects))
            run("""SELECT integration_defaults.set_custom(%s, id, '{"token": "t", "room": "r"}')
                   FROM app.projects WHERE id <= %s""", (FIXED_ANSWER, FIXED_CUSTOM))
        run("VACUUM (ANALYZE)")
        run(FILL)
        run("VACUUM (ANALYZE)")
        run(FILL_COPIES)
        run((HERE / "contenders_keys.sql").read_text())
        if sample:
            run("""INSERT INTO copy.sample (project_id, integration, active, settings)
                   SELECT project_id::bigint, integration, active, settings FROM app.projects p,
                       LATERAL integration_defaults.resolve_all(p.id) r, LATERAL (SELECT p.id AS project_id) i
                   WHERE p.id <= %s ORDER BY p.id""", (min(sample, projects),))
        run("VACUUM (ANALYZE)")
        bytes_each = run(BYTES_EACH).fetchone()[0]
        reaches = run("SELECT count(*), max(project_id) FROM plain.effective"
                      " WHERE source_level = 'instance'").fetchone()
        width = run("SELECT avg(pg_column_size(settings))::int FROM plain.effective").fetchone()[0]
    return Data(name, projects, tree, inheriting_bytes, bytes_each, *reaches, width)


class Data:
    """One size."""

    def __init__(self, name, projects, tree, inheriting_bytes, bytes_each, inheriting, last, width):
        self.name, self.projects, self.tree = name, projects, tree
        self.inheriting_bytes = inheriting_bytes  # written for all projects and groups that inherit 45 integrations
        self.bytes_each = bytes_each  # of disk for each project, indexes included
        self.inheriting, self.last = inheriting, last  # projects that have the instance's slack; the last of them
        self.width = width  # of the settings of slack in bytes
        self.sample = min(SAMPLE, projects)

    def connect(self, **more):
        return psycopg.connect(dbname=self.name, autocommit=True, **more)
