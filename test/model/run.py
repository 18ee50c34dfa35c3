#!/usr/bin/python3
"""Random operations against the extension and the reference model: run.py --seeds A..B --ops N [--every K].

Connects by the PG* environment variables to a database where the extension is installed and empty; it is emptied again
for each seed. On a difference the operations are cut down to a short script that still shows it, both answers are
printed, and the exit code is 1. The last line is `N passed, N failed` (operations)."""

import argparse
import random
import re
import sys
import time
from zlib import crc32

import psycopg

from compare import Comparison, what_is_there
from generate import Generator
from model import ANY, INSTANCE, Broken, Model
from sqltext import SCHEMA, document, statement, text

TABLES = "instance_settings, group_settings, project_settings, projects, groups, integrations".split(", ")
# Operations whose result is compared: whether there was something, or the rows that a view's command counts.
COUNTED = ("use_default", "reset_default", "reset_below", "drop_redundant", "view_insert", "view_update", "view_delete")


MASK = re.compile("(?<=\\(secret) [0-9a-f]{16}(?=\\))")


class Difference(Exception):
    def __init__(self, question, expected, got):
        self.question, self.expected, self.got = question, expected, got
        super().__init__(f"asked:    {question}\nmodel:    {expected}\nextension: {got}")


class Session:
    """One seed: the extension and the model side by side."""

    limited = 0  # statements that a limit has refused, in all seeds

    def __init__(self, connection, seed, kinds):
        self.connection = connection
        self.rng = random.Random(seed)
        self.model = Model()
        has, can = kinds
        self.generator = Generator(self.rng, self.model, can)
        self.compare = Comparison(connection, self.model, has)
        self.has = has
        self.script = []  # the SQL that was run
        self.transaction = None  # inside one: the model's state at its begin
        self.savepoints = []
        self.behind = False  # whether effective_settings follows at the commit: tracked tables, views, a broken tree

    def sql(self, command):
        self.script.append(command + ";")
        return self.connection.execute(command)

    # ---- the start

    def clear(self):
        self.connection.execute("ROLLBACK")
        for statement_ in ["SET client_min_messages = error", "SET jit = off", "RESET integration_defaults.max_affected",
                           "DROP SCHEMA IF EXISTS app CASCADE",
                           f"DROP TABLE IF EXISTS {SCHEMA}.effective_settings",
                           "TRUNCATE " + ", ".join(f"{SCHEMA}.{t}" for t in TABLES)]:
            self.connection.execute(statement_)

    def start(self, types, tree):
        self.clear()
        for _, given in types:
            if "register_integration" in self.has:
                self.sql(statement("register_integration", given))
            else:
                self.sql(f"INSERT INTO {SCHEMA}.integrations (name, schema)"
                         f" VALUES ({text(given['name'])}, {document(given['schema'])})")
            self.model.run("register_integration", given)
        groups, projects = tree
        for level, rows in (("group", groups), ("project", projects)):
            if self.generator.tracked:
                self.track(level)
                if rows:
                    given = {"level": level, "rows": [(i, p, True) for i, p in rows]}
                    self.sql(statement("app_insert", given, self.generator.id_type))
                    self.model.run("app_insert", given)
            elif rows:
                given = {"level": level, "rows": rows}
                self.sql(statement("tree_insert", given))
                self.model.run("tree_insert", given)

    def track(self, level):
        kind, passes = self.generator.id_type, ", filter => 'kind <> ''left out'''" if self.generator.filtered else ""
        if level == "group":
            self.model.app = ({}, {})
            self.sql("CREATE SCHEMA app")
            self.sql(f"CREATE TABLE app.teams (team_id {kind} PRIMARY KEY, belongs_to {kind} REFERENCES app.teams"
                     " ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, kind text DEFAULT 'kept')")
            self.sql(f"SELECT {SCHEMA}.track_groups('app.teams', 'team_id', 'belongs_to'{passes})")
        else:
            self.sql(f'CREATE TABLE app."Repos" (team {kind} REFERENCES app.teams ON UPDATE CASCADE ON DELETE SET NULL'
                     f' DEFERRABLE INITIALLY DEFERRED, kind text DEFAULT \'kept\', "Repo" {kind} PRIMARY KEY)')
            self.sql(f"SELECT {SCHEMA}.track_projects('app.\"Repos\"', 'Repo', 'team'{passes})")

    # ---- one operation

    def step(self, kind, given, guarded):
        """Runs it on both sides. Raises Difference."""
        if kind == "begin":
            if self.transaction is None:
                self.sql("BEGIN" + given["isolation"])
                self.transaction, self.savepoints = self.model.snapshot(), []
        elif kind in ("commit", "rollback"):
            if self.transaction is not None:
                self.end(kind)
        elif kind == "savepoint":
            if self.transaction is not None:
                self.sql("SAVEPOINT mark")
                self.savepoints.append(self.model.snapshot())
        elif kind == "rollback_to":
            if self.transaction is not None and self.savepoints:
                self.sql("ROLLBACK TO mark")
                self.model.restore(self.savepoints[-1])
        elif kind in ("materialize", "dematerialize"):
            if given["integration"] in self.model.types:
                self.sql(f"SELECT {SCHEMA}.{kind}({text(given['integration'])})")
        else:
            self.operate(kind, given, guarded)
        if self.transaction is None:
            self.behind = False
        elif kind.startswith(("app_", "view_")) or self.model.tree_problems():
            self.behind = True

    def end(self, how):
        begun, self.transaction = self.transaction, None
        problems = self.model.tree_problems() if how == "commit" else set()
        error = None
        try:
            self.sql(how.upper())
        except psycopg.Error as caught:
            error = caught
        if how == "rollback" or error or problems:
            self.model.restore(begun)
        else:
            self.model.remove_leftovers()
        if (error is None) != (not problems) or error and not any(
                state == error.sqlstate and name in (None, error.diag.constraint_name) for state, name in problems):
            raise Difference(how.upper(), problems or "success", outcome(error))

    def operate(self, kind, given, guarded):
        before = self.model.snapshot()
        verdict = self.model.run(kind, given, at_commit=self.transaction is None)
        unknown = verdict.must == {ANY}  # the chain is broken: the write is tried, and undone if it succeeds
        guarded = (guarded or unknown) and self.transaction is not None
        if guarded:
            self.sql("SAVEPOINT op")
        error, result = None, None
        sql = statement(kind, given, self.generator.id_type)
        previewed = self.preview(sql)
        limited = self.limit(sql, previewed)
        try:
            cursor = self.sql(sql)
            result = cursor.fetchone()[0] if cursor.description else cursor.rowcount
        except psycopg.Error as caught:
            error = caught
        if limited:
            self.sql("RESET integration_defaults.max_affected")
        if error:
            self.model.restore(before)
            if guarded:
                self.sql("ROLLBACK TO op")
            elif self.transaction is not None:
                self.sql("ROLLBACK")
                self.model.restore(self.transaction)
                self.transaction = None
        if guarded:
            if unknown and not error:
                self.sql("ROLLBACK TO op")
            self.sql("RELEASE op")
        if unknown and not error:
            return
        if not verdict.allows(error and error.sqlstate, error and error.diag.constraint_name):
            raise Difference(sql, verdict, outcome(error))
        if previewed:
            self.compare_preview(sql, previewed, error)
        if error is None and kind in COUNTED and result != verdict.result:
            raise Difference(sql, verdict.result, result)
        self.look(kind, given)

    def preview(self, sql):
        """Of some statements that are transactions of their own: (what the scopes end up with, what preview shows of
        the statement: changes or an error)."""
        if self.transaction is not None or "preview" not in self.has or crc32(sql.encode()) % 5:
            return None
        had = self.ends()
        try:
            with self.connection.transaction():
                rows = self.connection.execute(
                    f"SELECT scope_level, scope_id, integration, before_active, before::text, after_active, after::text"
                    f" FROM {SCHEMA}.preview(%s)", (sql,)).fetchall()
        except psycopg.Error as error:
            return had, error
        shown = {tuple(row[:3]): (tuple(row[3:5]), tuple(row[5:7])) for row in rows}
        if len(shown) < len(rows):
            raise Difference(f"preview of {sql}", "each scope and type once", rows)
        return had, shown

    def limit(self, sql, previewed):
        """Of a statement that was previewed: with a limit that is too low by one it is refused, and nothing changes.
        Leaves the limit that is just enough; whether it has set one."""
        if previewed is None or isinstance(previewed[1], psycopg.Error):
            return False
        there = f"SELECT id FROM {SCHEMA}.projects"
        before = {project for project, in self.connection.execute(there).fetchall()}
        with self.connection.transaction(force_rollback=True):
            self.connection.execute(sql)
            after = {project for project, in self.connection.execute(there).fetchall()}
        affected = {scope for level, scope, _ in previewed[1] if level == "project"} & before & after
        if affected:
            self.sql(f"SET integration_defaults.max_affected = {len(affected) - 1}")
            try:
                with self.connection.transaction():
                    self.connection.execute(sql)
                raise Difference(f"{sql} within {len(affected) - 1}", sorted(affected), "success")
            except psycopg.Error as error:
                if error.diag.constraint_name != "change_within_limit":
                    raise Difference(f"{sql} within {len(affected) - 1}", sorted(affected), outcome(error)) from error
            if self.ends() != previewed[0]:
                raise Difference(f"{sql}, refused", "no change", "another state")
            Session.limited += 1
        self.sql(f"SET integration_defaults.max_affected = {len(affected)}")
        return True

    def compare_preview(self, sql, previewed, error):
        """It is what has really changed."""
        had, shown = previewed
        if error or isinstance(shown, psycopg.Error):
            if outcome(error) != outcome(shown if isinstance(shown, psycopg.Error) else None):
                raise Difference(f"preview of {sql}", outcome(error), shown)
            return
        has, nothing = self.ends(), (None, None)
        changed = {key: (had.get(key, nothing), has.get(key, nothing)) for key in had.keys() | has.keys()
                   if had.get(key) != has.get(key)}
        # The key of masks may have been made for the first secret in the preview, and once more now.
        if MASK.sub("", repr(sorted(shown.items(), key=repr))) != MASK.sub("", repr(sorted(changed.items(), key=repr))):
            raise Difference(f"preview of {sql}", changed, shown)

    def ends(self):
        return {(level, scope, integration): (active, settings) for level, scope, integration, active, settings
                in self.connection.execute(f"""
                    SELECT 'group', group_id, integration, active, settings::text FROM {SCHEMA}.group_integrations
                    UNION ALL SELECT 'project', project_id, integration, active, settings::text
                    FROM {SCHEMA}.project_integrations""").fetchall()}

    def look(self, kind, given):
        """The touched scope resolves alike."""
        scope = given.get("scope") or next(
            ((level, given[level + "_id"]) for level in ("project", "group") if given.get(level + "_id")), INSTANCE)
        name = given.get("integration")
        if not isinstance(name, str) or name not in self.model.types:
            name = next(iter(self.model.types), None)
        try:
            self.check(self.compare.scope(scope, name))
        except Broken:
            self.expect_broken(scope, name)

    def expect_broken(self, scope, name):
        """A chain that a transaction left broken for now is an error to read, never a loop."""
        if "resolve" not in self.has:
            return
        level, scope_id = scope
        sql = f"SELECT * FROM {SCHEMA}.resolve(%s, {level}_id => %s::text)"
        try:
            with self.connection.transaction():
                got = self.connection.execute(sql, (name, scope_id)).fetchall()
        except psycopg.Error as error:
            if error.sqlstate[:2] != "23":
                raise Difference(sql, "an error of class 23", outcome(error))
        else:
            raise Difference(f"{sql} {name, scope_id}", "an error: the chain is broken", got)

    def everything(self):
        if self.model.tree_problems():
            return
        self.check(self.compare.everything(random.Random(len(self.script))))
        if not self.behind:
            self.check(self.compare.materialized())

    def check(self, found):
        if found:
            raise Difference(*found)


def outcome(error):
    if error is None:
        return "success"
    return f"{error.sqlstate} {error.diag.constraint_name or ''}: {error.diag.message_primary} | {error.diag.message_detail}"


def next_steps(session):
    """Random operations, some of them in transactions."""
    rng = session.rng
    if session.transaction is None:
        if rng.random() < 0.12:
            isolation = rng.choice(["", "", " ISOLATION LEVEL REPEATABLE READ", " ISOLATION LEVEL SERIALIZABLE"])
            return ("begin", {"isolation": isolation}, False)
    elif rng.random() < 0.2:
        return (rng.choice(["commit", "commit", "rollback"]), {}, False)
    elif rng.random() < 0.15:
        return (rng.choice(["savepoint", "rollback_to"]), {}, False)
    if "materialize" in session.has and rng.random() < 0.04:
        kind = rng.choice(["materialize", "materialize", "dematerialize"])
        return (kind, {"integration": rng.choice(sorted(session.model.types) or [""])}, False)
    return (*session.generator.operation(), rng.random() < 0.85)


def run_seed(connection, seed, count, every, kinds):
    """(operations that agreed, None or (what was done, the difference, the start))."""
    session = Session(connection, seed, kinds)
    start = session.generator.start_types(), session.generator.start_tree()
    done, passed = [], 0
    try:
        session.start(*start)
        for number in range(count):
            done.append(next_steps(session))
            session.step(*done[-1])
            if number % every == every - 1:
                session.everything()
            passed += 1
        if session.transaction is not None:
            done.append(("commit", {}, False))
            session.step(*done[-1])
        session.everything()
    except (Difference, psycopg.Error) as difference:
        return passed, (start, done, difference)
    return passed, None


def replay(connection, seed, kinds, start, steps, always):
    """The difference that these steps show, with the script, or None."""
    session = Session(connection, seed, kinds)
    session.generator.start_types(), session.generator.start_tree()
    try:
        session.start(*start)
        for number, step in enumerate(steps):
            session.step(*step)
            if always or number == len(steps) - 1:
                session.everything()
    except Difference as difference:
        return difference, session.script
    except psycopg.Error:
        return None
    return None


def shorten(connection, seed, kinds, start, steps, seconds=30):
    """Leaves out what is not needed to show a difference."""
    until = time.monotonic() + seconds
    best = replay(connection, seed, kinds, start, steps, False)
    if best is None:
        return None
    size = max(1, len(steps) // 2)
    while size and time.monotonic() < until:
        at = 0
        while at < len(steps) and time.monotonic() < until:
            fewer = steps[:at] + steps[at + size:]
            found = replay(connection, seed, kinds, start, fewer, False)
            if found:
                steps, best = fewer, found
            else:
                at += size
        size //= 2
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="1..100")
    parser.add_argument("--ops", type=int, default=200)
    parser.add_argument("--every", type=int, default=12, help="compare everything every so many operations")
    parser.add_argument("--go-on", action="store_true", help="go on with the next seed after a difference")
    options = parser.parse_args()
    first, _, last = options.seeds.partition("..")
    passed = failed = 0
    started = time.monotonic()
    with psycopg.connect(autocommit=True) as connection:
        if not connection.execute("SELECT pg_catalog.pg_try_advisory_lock(1768846436)").fetchone()[0]:
            sys.exit("another random test is running in this database")
        kinds = what_is_there(connection)
        for seed in range(int(first), int(last or first) + 1):
            agreed, trouble = run_seed(connection, seed, options.ops, options.every, kinds)
            passed += agreed
            if trouble:
                failed += 1
                start, done, difference = trouble
                print(f"seed {seed}, operation {len(done)}: {difference}\n", flush=True)
                short = shorten(connection, seed, kinds, start, done)
                if short:
                    print("-- shortest script found, on an empty extension:")
                    print("\n".join(short[1]))
                    print(f"-- {short[0]}\n".replace("\n", "\n-- "), flush=True)
                if not options.go_on:
                    break
            if seed % 20 == 0:
                print(f"... seed {seed}, {passed} operations, {time.monotonic() - started:.0f} s", flush=True)
        Session(connection, 0, kinds).clear()
    print(f"{Session.limited} statements were refused, as they would have changed one project too many")
    failed += failed == 0 and "preview" in kinds[0] and Session.limited < passed / 200  # too few prove nothing
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
