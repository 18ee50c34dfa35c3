"""What tracking costs the app's own INSERTs, and the disk that projects take."""

import time
from types import SimpleNamespace

import psycopg

from load import BYTES_EACH
from results import number
from timing import pgbench, rounds

TABLES = """
CREATE EXTENSION integration_defaults;
CREATE TABLE groups (id {kind} PRIMARY KEY, parent_id {kind});
CREATE TABLE tracked (id {kind} PRIMARY KEY, group_id {kind}, name text, created_at timestamptz DEFAULT now());
CREATE TABLE untracked (LIKE tracked INCLUDING ALL);
CREATE INDEX ON tracked (group_id);
CREATE INDEX ON untracked (group_id);
SELECT integration_defaults.track_groups('groups'), integration_defaults.track_projects('tracked');
CREATE SEQUENCE singles START 1000000001;
"""
BOTH = ("tracked", "untracked")
LEFT_OUT = """
CREATE EXTENSION integration_defaults;
CREATE TABLE tracked (id bigint PRIMARY KEY, parent_id bigint, type text);
CREATE TABLE untracked (LIKE tracked INCLUDING ALL);
SELECT integration_defaults.track_groups('tracked', filter => $$type = 'Group'$$);
CREATE SEQUENCE singles;
"""
BIGINT = ("bigint", "n", "1 + (n * 7919::bigint) % {groups}")
# The ids come in no order.
UUID = ("uuid", "md5('project' || n)::uuid", "md5('group' || 1 + (n * 7919::bigint) % {groups})::uuid")


class Database:
    def __init__(self, name, projects, ids):
        self.name, self.projects, self.groups = name, projects, max(projects // 20, 10)
        kind, self.id, group = ids
        self.group = group.format(groups=self.groups)
        with psycopg.connect(autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        self.connection = psycopg.connect(dbname=name, autocommit=True)
        self.connection.execute(TABLES.format(kind=kind))
        group_id = "n" if kind == "bigint" else "md5('group' || n)::uuid"
        self.connection.execute(f"INSERT INTO groups SELECT {group_id} FROM generate_series(1, {self.groups}) n")

    def fill(self, table):
        self.connection.execute(f"INSERT INTO {table} (id, group_id, name) SELECT {self.id}, {self.group},"
                                f" 'project-' || n FROM generate_series(1, {self.projects}) n")

    def bulk(self, table):
        """A function that fills the table, which is emptied first; that is not part of what it costs."""
        def run():
            self.connection.execute(f"TRUNCATE {table}")
            self.connection.execute("VACUUM integration_defaults.projects")  # which is emptied by DELETE
            self.connection.execute("CHECKPOINT")
            began = time.perf_counter()
            self.fill(table)
            return time.perf_counter() - began
        return run

    def single(self, table, seconds):
        return single(self.name, f"\\set n random(1, {self.groups})\n"
                      f"INSERT INTO {table} (id, group_id, name) VALUES (nextval('singles'), :n, 'one more');\n", seconds)


def single(name, script, seconds):
    """A function that gives the seconds of one transaction in that database."""
    return lambda: 1 / pgbench(SimpleNamespace(name=name), script, seconds=seconds)[0]


def many(results, database, count, target):
    taken = rounds(count, {table: database.bulk(table) for table in BOTH}, warm_up=False)
    results.add(f"tracked INSERT of {database.projects:,} projects", database.projects, "untracked", taken["tracked"],
                taken["untracked"], "ms", target)


def tracking(results, projects, count, seconds):
    database = Database("bench_tracking", projects, BIGINT)
    many(results, database, count, ("≤", 2.5))
    database.connection.execute("CHECKPOINT")
    # What waits for the disk varies more than what is compared.
    taken = rounds(3 * count, {table: database.single(table, seconds) for table in BOTH}, warm_up=False)
    results.add("tracked INSERT of one project", projects, "untracked", taken["tracked"], taken["untracked"], "us",
                ("≤", 1.25))
    database.connection.close()


def left_out(results, projects, count, seconds):
    """What a new row costs that the filter leaves out: with each project of GitLab's comes such a row."""
    name = "bench_left_out"
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    with psycopg.connect(dbname=name, autocommit=True) as connection:
        connection.execute(LEFT_OUT)
        connection.execute("INSERT INTO tracked SELECT n, NULL, 'Group' FROM generate_series(-%s::bigint, -1) n",
                           (projects // 20,))

    taken = rounds(3 * count, {
        table: single(name, f"INSERT INTO {table} VALUES (nextval('singles'), NULL, 'Project');\n", seconds)
        for table in BOTH}, warm_up=False)
    results.add("what tracking adds to the INSERT of a row that its filter leaves out", projects, "untracked",
                [ours - theirs for ours, theirs in zip(*taken.values())], taken["untracked"], "us", at_most=10e-6)


def bytes_each(name, projects, ids):
    """In a table that was filled once."""
    database = Database(name, projects, ids)
    database.fill("tracked")
    database.connection.execute("VACUUM (ANALYZE)")
    each = database.connection.execute(BYTES_EACH).fetchone()[0]
    database.connection.close()
    return each


def disk(results, data, projects):
    """Bytes, not ratios."""
    bigint = bytes_each("bench_bigint", projects, BIGINT)
    uuid = bytes_each("bench_uuid", projects, UUID)
    results.sizes = [
        (f"for each project that inherits, and integration, at {data.projects:,} projects", data.inheriting_bytes, 0),
        (f"for each project, bigint ids, {projects:,} tracked in one INSERT", bigint, 110),
        (f"for each project, bigint ids, {data.projects:,} put into the tree in one INSERT", data.bytes_each, 110),
        (f"for each project, uuid ids, {projects:,} tracked in one INSERT", uuid, 210)]
    for what, size, target in results.sizes:
        verdict = "passes" if size <= target else "FAILS"
        print(f"           bytes {what}: {number(size)} (target ≤ {target}) {verdict}")
