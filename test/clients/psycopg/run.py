#!/usr/bin/python3
"""psycopg 3: every way in which it sends a parameter, prepared statements, savepoints, rows changed through views, LISTEN.
Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import psycopg
from psycopg.types.json import Jsonb

from check import KEYS, app_sql, case, equal, finish, run

CUSTOM = {"webhook": "https://hooks.example/2", "channel": "#custom"}


def refused(connection, query, parameters):
    """The SQLSTATE and the constraint that a statement is refused with; a transaction around it goes on."""
    try:
        with connection.transaction():
            connection.execute(query, parameters)
    except psycopg.Error as error:
        return error.sqlstate, error.diag.constraint_name
    return None


@case
def every_type_of_id_fits(connection, key):
    for given in key(1), str(key(1)):
        for placeholder in "%s", "%t", "%b":
            for argument in placeholder, f"project_id => {placeholder}":
                query = f"SELECT source_level, settings->>'channel' FROM integration_defaults.resolve('slack', {argument})"
                equal(connection.execute(query, [given]).fetchall(), [("instance", "#general")])
                equal(connection.execute(query, [given], prepare=True).fetchall(), [("instance", "#general")])


@case
def results_come_in_binary(connection, key):
    with connection.cursor(binary=True) as cursor:
        cursor.execute("SELECT active, settings, source_id FROM integration_defaults.resolve('slack', %s)", [key(2)])
        active, settings, source_id = cursor.fetchone()
        equal((active, settings["channel"], source_id), (True, "#team", str(key(2))))
        cursor.execute("SELECT * FROM slack_settings WHERE id = %s", [key(2)])
        row = dict(zip((c.name for c in cursor.description), cursor.fetchone()))
        equal((row["id"], row["locked"], row["labels"], float(row["sample_rate"])),
              (key(2), ["push_events"], ["all"], 0.5))


@case
def null_is_no_row_or_refused(connection, key):
    equal(connection.execute("SELECT * FROM integration_defaults.resolve('slack', %s)", [None]).fetchall(), [])
    equal(refused(connection, "SELECT integration_defaults.set_custom('slack', %s, %s)", [None, Jsonb(CUSTOM)]),
          ("22004", None))


@case
def functions_write(connection, key):
    connection.execute("SELECT integration_defaults.set_custom(%s, %s, %s, active => %s)",
                       ["slack", key(3), Jsonb(CUSTOM), False])
    equal(connection.execute("SELECT settings, active FROM integration_defaults.resolve(%s, %s)", ["slack", key(3)]).fetchone(),
          (CUSTOM | {"push_events": False}, False))
    connection.execute("SELECT integration_defaults.inherit_fields('slack', %s, %s)", [["retries"], key(1)])
    equal(connection.execute("SELECT integration_defaults.use_default('slack', project_id => %s)", [key(3)]).fetchone(),
          (True,))
    equal(refused(connection, "SELECT integration_defaults.set_custom('slack', %s, %s)", [key(999), Jsonb(CUSTOM)]),
          ("42704", None))
    equal(refused(connection, "SELECT integration_defaults.set_custom('slack', %s, %s)", [key(3), Jsonb({"retries": -1})]),
          ("23514", "setting_matches_schema"))


@case
def typed_view_counts_and_returns(connection, key):
    cursor = connection.execute("UPDATE slack_settings SET channel = %s WHERE id = %s RETURNING channel, inherited, source_id",
                                ["#mine", key(4)])
    equal((cursor.rowcount, cursor.fetchall()), (1, [("#mine", False, str(key(4)))]))
    cursor = connection.execute("UPDATE slack_settings SET channel = %s WHERE id = %s RETURNING channel, inherited",
                                [None, key(4)])
    equal(cursor.fetchall(), [("#team", True)])
    equal(connection.execute("UPDATE slack_settings SET channel = '#x' WHERE id = %s", [key(999)]).rowcount, 0)
    equal(connection.execute("DELETE FROM slack_settings WHERE id = %s", [key(4)]).rowcount, 1)
    cursor = connection.cursor()
    cursor.executemany("UPDATE slack_settings SET retries = %s WHERE id = %s", [(n, key(n)) for n in range(5, 9)])
    equal(cursor.rowcount, 4)
    cursor = connection.execute("UPDATE slack_settings SET retries = NULL WHERE retries BETWEEN 5 AND 8 RETURNING id, retries")
    equal(sorted(cursor.fetchall()), [(key(n), 3) for n in range(5, 9)])
    equal(refused(connection, "UPDATE slack_settings SET push_events = %s WHERE id = %s", [False, key(4)]),
          ("23514", "setting_not_locked"))
    equal(refused(connection, "UPDATE slack_settings SET source_level = %s WHERE id = %s", ["instance", key(4)]),
          ("22023", None))


@case
def joins_and_filters(connection, key):
    connection.execute("UPDATE slack_settings SET channel = '#filtered' WHERE id = ANY(%s)", [[key(10), key(11)]])
    query = """SELECT p.name, s.inherited FROM projects p JOIN slack_settings s USING (id)
               WHERE s.channel = %s ORDER BY p.name"""
    equal(connection.execute(query, ["#filtered"]).fetchall(), [("project 10", False), ("project 11", False)])
    with connection.transaction():
        cursor = connection.cursor("streamed")
        cursor.execute("SELECT id FROM slack_settings WHERE channel = '#general'")
        equal(len(cursor.fetchall()), 99)
    query = "SELECT settings->>'channel' FROM integration_defaults.project_integrations WHERE project_id = %s AND integration = %s"
    equal(connection.execute(query, [str(key(10)), "slack"]).fetchall(), [("#filtered",)])


@case
def prepared_statements_see_every_change(connection, key):
    query = "SELECT settings->>'retries' FROM integration_defaults.resolve('slack', %s)"
    view = "SELECT retries FROM slack_settings WHERE id = %s"
    for n in range(8):
        connection.execute("SELECT integration_defaults.override_fields('slack', %s)", [Jsonb({"retries": n})])
        equal((connection.execute(query, [key(12)]).fetchone(), connection.execute(view, [key(12)]).fetchone()),
              ((str(n),), (n,)))
    connection.execute("SELECT integration_defaults.override_fields('slack', %s)", [Jsonb({"retries": 3})])


@case
def savepoints_roll_back(connection, key):
    read = "SELECT channel, inherited FROM slack_settings WHERE id = %s"
    with connection.transaction(force_rollback=True):
        connection.execute("UPDATE slack_settings SET channel = '#outer' WHERE id = %s", [key(13)])
        with connection.transaction(force_rollback=True):
            connection.execute("SELECT integration_defaults.override_fields('slack', %s)", [Jsonb({"retries": 7})])
            connection.execute("DELETE FROM slack_settings WHERE id = %s", [key(13)])
            equal(connection.execute(read, [key(13)]).fetchone(), ("#general", True))
        equal(connection.execute(read, [key(13)]).fetchone(), ("#outer", False))
    equal(connection.execute(read, [key(13)]).fetchone(), ("#general", True))
    equal(connection.execute("SELECT retries FROM slack_settings WHERE id = %s", [key(13)]).fetchone(), (3,))


@case
def a_project_is_what_one_locks(connection, key):
    equal(refused(connection, "SELECT * FROM slack_settings WHERE id = %s FOR UPDATE", [key(14)]), ("0A000", None))
    with connection.transaction():
        cursor = connection.execute("SELECT s.channel FROM projects p JOIN slack_settings s USING (id) WHERE p.id = %s FOR UPDATE OF p",
                                    [key(14)])
        equal(cursor.fetchall(), [("#team",)])


def told(listening, sends):
    """What a client hears of what `sends` does; in no order."""
    with psycopg.connect(autocommit=True) as other:
        other.execute("SET search_path = app")
        sends(other)
        other.execute("NOTIFY integration_defaults, 'that is all'")
    heard = []
    for message in listening.notifies():
        if message.payload == "that is all":
            break
        heard.append(json.loads(message.payload))
    return sorted(heard, key=json.dumps)


@case
def a_listener_is_told(connection, key):
    scope = lambda level, id: {"integration": "slack", "scope_level": level, "scope_id": None if id is None else str(id)}
    set_custom = "SELECT integration_defaults.set_custom('slack', %s, %s)"
    with psycopg.connect(autocommit=True) as listening:
        listening.execute("LISTEN integration_defaults")
        equal(told(listening, lambda other: other.execute(set_custom, [key(15), Jsonb(CUSTOM)])), [])
        connection.execute("SELECT integration_defaults.notify_changes(true)")

        def commits(other):
            with other.transaction():
                other.execute(set_custom, [key(15), Jsonb({**CUSTOM, "channel": "#told"})])
                other.execute("SELECT integration_defaults.override_fields('slack', %s, group_id => %s)", [Jsonb({"retries": 4}), key(1)])
                with other.transaction(force_rollback=True):
                    other.execute(set_custom, [key(14), Jsonb(CUSTOM)])

        def rolls_back(other):
            with other.transaction(force_rollback=True):
                other.execute(set_custom, [key(14), Jsonb(CUSTOM)])

        def many(other):
            with other.transaction():
                with other.cursor() as cursor:
                    cursor.executemany("INSERT INTO projects (id, name) VALUES (%s, 'many')", [[key(n)] for n in range(300, 401)])
                with other.cursor().copy("COPY integration_defaults.project_settings (project_id, integration, settings) FROM STDIN") as copy:
                    for n in range(300, 400):
                        copy.write_row([str(key(n)), "slack", Jsonb(CUSTOM)])

        equal(told(listening, commits), [scope("group", key(1)), scope("project", key(15))])
        equal(told(listening, rolls_back), [])
        equal(told(listening, many), sorted([scope("project", key(n)) for n in range(300, 400)], key=json.dumps))
        equal(told(listening, lambda other: other.execute("DELETE FROM projects WHERE name = 'many'")),
              sorted([scope("project", key(n)) for n in range(300, 400)] + [{**scope("instance", None), "integration": None}], key=json.dumps))
        connection.execute("SELECT integration_defaults.notify_changes(false)")
        equal(told(listening, lambda other: other.execute("SELECT integration_defaults.use_default('slack', %s)", [key(15)])), [])
    connection.execute("SELECT integration_defaults.inherit_fields('slack', '{retries}', group_id => %s)", [key(1)])


@case
def a_replaced_view(connection, key):
    named, star = "SELECT channel FROM slack_settings WHERE id = %s", "SELECT * FROM slack_settings WHERE id = %s"
    for n in range(8):
        connection.execute(named, [key(2)])
        connection.execute(star, [key(2)])
    with psycopg.connect(autocommit=True) as other:
        other.execute("SET search_path = app")
        other.execute("""SELECT integration_defaults.register_integration('slack',
            jsonb_set(schema, '{properties,icon}', '{"type": "string", "default": ":tada:"}'))
            FROM integration_defaults.integrations WHERE name = 'slack'""")
        other.execute("SELECT integration_defaults.create_view('slack')")
    equal(connection.execute(named, [key(2)]).fetchone(), ("#team",))
    equal(connection.execute("SELECT icon FROM slack_settings WHERE id = %s", [key(2)]).fetchone(), (":tada:",))
    # A prepared SELECT * is refused by the server, as after ALTER TABLE.
    equal(refused(connection, star, [key(2)]), ("0A000", None))
    connection.execute("DEALLOCATE ALL")
    equal(connection.execute(star, [key(2)], prepare=False).rowcount, 1)


for key_type, key in KEYS.items():
    print(key_type)
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(app_sql(key_type))
        run(connection, key)
finish()
