"""A database with what the pairs play with: `plain`, `materialized`, or that and `tracked`."""

import json

import psycopg

from operations import GROUPS, PROJECTS, SET, TYPES
from sessions import Session

S = "integration_defaults"
TABLES = [f"{S}.{t}" for t in ("project_settings", "group_settings", "instance_settings", "projects", "groups", "integrations")]


def literal(value):
    return "NULL" if value is None else "'" + (value if isinstance(value, str) else json.dumps(value)) + "'"


def rows(values):
    return ", ".join("(" + ", ".join(map(literal, v)) + ")" for v in values)


START = f"""
INSERT INTO {S}.groups VALUES {rows(GROUPS.items())};
INSERT INTO {S}.projects VALUES {rows(PROJECTS.items())};
INSERT INTO {S}.integrations (name, schema) VALUES {rows(TYPES.items())};
INSERT INTO {S}.instance_settings (integration, custom, active, settings)
    SELECT name, true, true, '{{"all": 0}}' FROM pg_catalog.unnest(ARRAY{SET}) name;
INSERT INTO {S}.group_settings (group_id, integration, custom, settings)
    SELECT 'c', name, false, '{{"c": 0}}' FROM pg_catalog.unnest(ARRAY{SET}) name;
INSERT INTO {S}.project_settings (project_id, integration, custom, active, settings)
    VALUES ('2', 'chat', true, true, '{{"own": 0}}');
"""
FILL_TRACKED = f"INSERT INTO teams VALUES {rows(GROUPS.items())}; INSERT INTO apps VALUES {rows(PROJECTS.items())};"
STATE = f"""SELECT pg_catalog.json_build_object(
'groups', (SELECT pg_catalog.json_object_agg(id, parent_id) FROM {S}.groups),
'projects', (SELECT pg_catalog.json_object_agg(id, group_id) FROM {S}.projects),
'types', (SELECT pg_catalog.json_object_agg(name, pg_catalog.json_build_array(schema, allowed)) FROM {S}.integrations),
'rows', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(level, id, integration, custom, active, settings, locked))
    FROM (
    SELECT 'group' AS level, group_id AS id, integration, custom, active, settings, locked FROM {S}.group_settings
    UNION ALL SELECT 'instance', '', integration, custom, active, settings, locked FROM {S}.instance_settings
    UNION ALL SELECT 'project', project_id, integration, custom, active, settings, '{{}}' FROM {S}.project_settings) r),
'answers', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(project_id, integration, active, settings, inherited))
    FROM {S}.project_integrations))"""
# The types that the trigger of effective_settings names, and the rows that are only there or only in the view.
DIFFERENCES = f"""WITH stored AS (SELECT (e.*)::text AS r FROM {S}.effective_settings e),
ought AS (SELECT (v.*)::text AS r FROM {S}.project_integrations v WHERE integration IN (
    SELECT unnest(string_to_array(encode(tgargs, 'escape'), '\\000')) FROM pg_trigger WHERE tgname = 'materialized'))
(SELECT 'stored', r FROM (TABLE stored EXCEPT ALL TABLE ought) d) UNION ALL
(SELECT 'resolved', r FROM (TABLE ought EXCEPT ALL TABLE stored) d)"""


class World:
    def __init__(self, kind, database):
        self.database = database
        self.materialized, self.tracked = kind != "plain", kind == "tracked"
        with psycopg.connect(autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        self.control = psycopg.connect(dbname=database, autocommit=True)
        self.control.execute("CREATE EXTENSION integration_defaults")
        self.sessions = [Session(database, self.control), Session(database, self.control)]
        for session, other in ((0, 1), (1, 0)):
            self.sessions[session].other = self.sessions[other].connection.backend_pid
        self.control.execute("SET client_min_messages = warning; SET jit = off")
        self.anew = True
        self.back = "BEGIN; SET LOCAL check_function_bodies = off;"
        if self.tracked:
            self.back += "SET LOCAL session_replication_role = replica; DELETE FROM apps; DELETE FROM teams;" + FILL_TRACKED
        self.back += "".join(f"DELETE FROM {table};" for table in TABLES) + START
        if self.materialized:
            self.back += f"DELETE FROM {S}.effective_settings; INSERT INTO {S}.effective_settings TABLE saved;"
        self.back += "COMMIT"

    def reset(self):
        """Puts back what there was. Where nothing has changed what is materialized, by what a restore does: our triggers
        let everything be as it is given."""
        if self.anew:
            self.control.execute(f"DROP TABLE IF EXISTS teams, apps, {S}.effective_settings, saved")
            self.control.execute("TRUNCATE " + ", ".join(TABLES))
            self.control.execute(START)
            if self.materialized:
                self.control.execute(f"SELECT {S}.materialize('chat'), {S}.materialize('talk')")
                self.control.execute(f"CREATE TABLE saved AS TABLE {S}.effective_settings")
            if self.tracked:
                self.control.execute("CREATE TABLE teams (id text PRIMARY KEY, parent_id text)")
                self.control.execute("CREATE TABLE apps (id text PRIMARY KEY, group_id text)")
                self.control.execute(FILL_TRACKED)
                self.control.execute(f"SELECT {S}.track_groups('teams')")
                self.control.execute(f"SELECT {S}.track_projects('apps')")
            self.anew = False
            return
        self.control.execute(self.back)

    def state(self):
        found = self.control.execute(STATE).fetchone()[0]
        found["rows"] = sorted(([*row[:6], sorted(row[6])] for row in found["rows"] or []), key=lambda r: r[:3])
        found["answers"] = sorted(found["answers"] or [], key=lambda a: a[:2])
        for name in ("groups", "projects", "types"):
            found[name] = found[name] or {}
        found["differences"] = self.materialized and self.control.execute(DIFFERENCES).fetchall()
        return found

    def drop(self):
        for session in self.sessions:
            session.connection.finish()
        self.control.close()
        with psycopg.connect(autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{self.database}" WITH (FORCE)')
