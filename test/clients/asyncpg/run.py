#!/usr/bin/python3
"""asyncpg: everything prepared and in binary; the server says which type each parameter has.
Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`."""

import asyncio
import decimal
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import asyncpg

from check import KEYS, app_sql, cases, case, crashed, equal, finish, start

CUSTOM = {"webhook": "https://hooks.example/2", "channel": "#custom"}


async def refused(connection, query, *parameters):
    try:
        async with connection.transaction():
            await connection.execute(query, *parameters)
    except asyncpg.PostgresError as error:
        return error.sqlstate, error.constraint_name
    return None


@case
async def ids(connection, key, key_type):
    query = "SELECT source_level, settings->>'channel' FROM integration_defaults.resolve('slack', $1{})"
    # A parameter is of the function's own type, external_id, which the driver takes as text, or of the type that it is cast to.
    for cast, given in ("", str(key(1))), (f"::{key_type}", key(1)), ("::text", str(key(1))):
        for argument in query, query.replace("$1", "project_id => $1"):
            equal([tuple(row) for row in await connection.fetch(argument.format(cast), given)], [("instance", "#general")])
    try:
        await connection.fetch(query.format(""), key(1))
    except asyncpg.DataError:
        equal(True, True)
    else:
        equal("an integer or uuid was taken for external_id", "refused by the driver")
    equal(await connection.fetch(query.format(""), None), [])


@case
async def ids_with_a_codec(connection, key, key_type):
    # One line on each connection, and ids of any type are taken as they are.
    await connection.set_type_codec("external_id", schema="integration_defaults", encoder=str, decoder=str)
    equal(await connection.fetchval("SELECT source_id FROM integration_defaults.resolve('slack', $1)", key(2)), str(key(2)))
    equal(await connection.fetchval("SELECT source_level FROM integration_defaults.resolve('slack', project_id => $1)", key(1)), "instance")


@case
async def functions_write(connection, key, key_type):
    await connection.execute(f"SELECT integration_defaults.set_custom($1, $2::{key_type}, $3, active => $4)",
                             "slack", key(3), CUSTOM, False)
    row = await connection.fetchrow(f"SELECT active, settings FROM integration_defaults.resolve($1, $2::{key_type})", "slack", key(3))
    equal(tuple(row), (False, CUSTOM | {"push_events": False}))
    equal(await connection.fetchval(f"SELECT integration_defaults.use_default($1, $2::{key_type})", "slack", key(3)), True)
    equal(await refused(connection, f"SELECT integration_defaults.set_custom('slack', $1::{key_type}, $2)", key(3), {"retries": -1}),
          ("23514", "setting_matches_schema"))
    equal(await refused(connection, f"SELECT integration_defaults.set_custom('slack', $1::{key_type}, $2)", None, CUSTOM), ("22004", None))
    equal(await refused(connection, f"SELECT integration_defaults.set_custom('slack', $1::{key_type}, $2)", key(999), CUSTOM), ("42704", None))


@case
async def typed_view(connection, key, key_type):
    row = await connection.fetchrow("SELECT * FROM slack_settings WHERE id = $1", key(4))
    equal((row["id"], row["active"], row["locked"], row["labels"], row["retries"], row["sample_rate"]),
          (key(4), True, ["push_events"], ["all"], 3, decimal.Decimal("0.5")))
    row = await connection.fetchrow("""UPDATE slack_settings SET channel = $1, labels = $2, retries = $3, sample_rate = $4
        WHERE id = $5 RETURNING channel, labels, retries, sample_rate, inherited""",
                                    "#mine", ["a"], 0, decimal.Decimal("0.25"), key(4))
    equal(tuple(row), ("#mine", ["a"], 0, decimal.Decimal("0.25"), False))
    equal(await connection.fetch("SELECT p.name FROM projects p JOIN slack_settings s USING (id) WHERE s.channel = $1", "#mine"),
          [("project 4",)])
    row = await connection.fetchrow("UPDATE slack_settings SET channel = $1, labels = $2 WHERE id = $3 RETURNING channel, labels",
                                    None, None, key(4))
    equal(tuple(row), ("#team", ["all"]))
    equal(await connection.execute("DELETE FROM slack_settings WHERE id = $1", key(4)), "DELETE 1")
    await connection.executemany("UPDATE slack_settings SET retries = $1 WHERE id = $2", [(n + 100, key(n)) for n in range(5, 9)])
    equal(await connection.fetchval("SELECT count(*) FROM slack_settings WHERE retries BETWEEN 105 AND 108"), 4)
    row = await connection.fetchrow("INSERT INTO slack_settings (id, webhook) VALUES ($1, $2) RETURNING inherited, channel, webhook",
                                    key(9), CUSTOM["webhook"])
    equal(tuple(row), (False, None, CUSTOM["webhook"]))
    equal(await refused(connection, "UPDATE slack_settings SET push_events = $1 WHERE id = $2", False, key(4)),
          ("23514", "setting_not_locked"))


@case
async def general_view(connection, key, key_type):
    one = "project_id = $1 AND integration = $2"
    settings = await connection.fetchval(f"SELECT settings FROM integration_defaults.project_integrations WHERE {one}", str(key(10)), "slack")
    settings["channel"] = "#json"
    row = await connection.fetchrow(f"""UPDATE integration_defaults.project_integrations SET settings = $3 WHERE {one}
        RETURNING settings, inherited""", str(key(10)), "slack", settings)
    equal(tuple(row), (settings, False))
    equal(await connection.fetchval("SELECT settings FROM integration_defaults.project_settings WHERE project_id = $1", str(key(10))),
          {"channel": "#json"})


@case
async def savepoints(connection, key, key_type):
    read = "SELECT channel FROM slack_settings WHERE id = $1"
    async with connection.transaction():
        inner = connection.transaction()
        await inner.start()
        await connection.execute("UPDATE slack_settings SET channel = '#inner' WHERE id = $1", key(12))
        equal(await connection.fetchval(read, key(12)), "#inner")
        await inner.rollback()
        equal(await connection.fetchval(read, key(12)), "#team")
        equal(len([row async for row in connection.cursor("SELECT id FROM slack_settings WHERE channel = '#team'")]), 99)


@case
async def a_replaced_view(connection, key, key_type):
    star = "SELECT * FROM slack_settings WHERE id = $1"
    equal("icon" in (await connection.fetchrow(star, key(2))).keys(), False)
    other = await connect()
    await other.execute("""SELECT integration_defaults.register_integration('slack',
        jsonb_set(schema, '{properties,icon}', '{"type": "string", "default": ":tada:"}'))
        FROM integration_defaults.integrations WHERE name = 'slack'""")
    await other.execute("SELECT integration_defaults.create_view('slack')")
    await other.close()
    equal((await connection.fetchrow(star, key(2)))["icon"], ":tada:")  # the driver prepares it again


async def connect():
    connection = await asyncpg.connect(server_settings={"search_path": "app,public"})
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    return connection


async def main():
    for key_type, key in KEYS.items():
        print(key_type)
        connection = await connect()
        await connection.execute(app_sql(key_type))
        for function in cases:
            start(function.__name__)
            try:
                await function(connection, key, key_type)
            except Exception:
                crashed()
        await connection.close()


asyncio.run(main())
finish()
