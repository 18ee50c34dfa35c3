#!/usr/bin/python3
"""Bad input of every kind for every function: an error of the expected class, the same backend, nothing written.

The functions and their arguments are read from pg_proc; one that this file has no table for is a failure, so that a
new function is not forgotten. Connects by the PG* environment variables to a database where the extension is
installed and empty. The last line is `N passed, N failed`."""

import re
import sys

import psycopg
from psycopg.types.json import set_json_loads

from nonsense_values import (ALIKE, BAD, CAST_INPUTS, DIRECT, EMPTY, EXISTING, FINE, LENIENT, NEW_IDS, NOTHING, PARENTS, READS, SETUP,
                             TRACKED,
                             UNSCOPED_READS, VALID)

SCHEMA = "integration_defaults"


class Nonsense:
    def __init__(self, connection):
        self.connection = connection
        self.passed = self.failed = 0
        self.functions = connection.execute(
            "SELECT p.proname, coalesce(p.proargnames[1:p.pronargs], '{}'),"
            " array(SELECT pg_catalog.format_type(t, NULL) FROM unnest(p.proargtypes) t),"
            " p.prorettype = 'trigger'::pg_catalog.regtype"
            f" FROM pg_catalog.pg_proc p WHERE p.pronamespace = '{SCHEMA}'::pg_catalog.regnamespace AND p.prokind = 'f' ORDER BY 1, 2"
        ).fetchall()
        self.state = ""

    # ---- what must not change

    def checksum(self):
        tables = [r[0] for r in self.connection.execute(
            "SELECT c.oid::pg_catalog.regclass::text FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p')"
            f" AND c.relnamespace IN ('{SCHEMA}'::pg_catalog.regnamespace, 'nonsense'::pg_catalog.regnamespace)")]
        parts = [f"(SELECT pg_catalog.string_agg(t::text, '|' ORDER BY t::text) FROM {table} t)" for table in tables]
        parts.append("(SELECT pg_catalog.string_agg(t.tgname || t.tgrelid, '|' ORDER BY t.oid) FROM"
                     " pg_catalog.pg_trigger t)")
        parts.append("(SELECT pg_catalog.string_agg(c.relname, '|' ORDER BY c.oid) FROM pg_catalog.pg_class c"
                     " WHERE c.relpersistence = 'p')")
        return self.connection.execute(
            f"SELECT pg_catalog.pg_backend_pid(), pg_catalog.md5(pg_catalog.concat_ws('#', {', '.join(parts)}))"
        ).fetchone()

    # ---- one case

    def expect(self, sql, wanted, before="SELECT"):
        """wanted: SQLSTATEs, FINE for success (undone), NOTHING for no row or NULL."""
        if isinstance(wanted, str):
            wanted = {wanted}
        try:
            with self.connection.transaction(force_rollback=True):
                self.connection.execute(before)
                rows = self.connection.execute(sql).fetchall() if sql.startswith("SELECT") else \
                    self.connection.execute(sql) and []
                self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            got = NOTHING if all(value is None for row in rows for value in row) else FINE
            if FINE in wanted and got == NOTHING:
                got = FINE
        except psycopg.OperationalError as error:
            if self.connection.broken:
                print(f"the backend is gone: {short(sql)}: {error}")
                print(f"{self.passed} passed, {self.failed + 1} failed")
                sys.exit(1)
            got = error.sqlstate
        except psycopg.Error as error:
            got = error.sqlstate
        now = self.checksum()
        if got in wanted and now == self.state:
            self.passed += 1
            return
        self.failed += 1
        if now != self.state:
            print(f"something was written, or the backend changed: {short(sql)}")
            self.state = now
        else:
            print(f"{short(sql)}\n    expected {' or '.join(sorted(wanted))}, got {got}")

    # ---- calls

    def kind(self, function, name, of):
        """Which table of bad values an argument has."""
        if function in LENIENT and name in ("project_id", "group_id"):
            return "text id"
        if function in LENIENT:
            name = name.removeprefix("other_")
            name = ALIKE.get(name, name)
        if (function, name) in PARENTS:
            return "parent id"
        if (function, name) in NEW_IDS:
            return "new id"
        if of.endswith("external_id"):
            return f"{function}.{name}" if f"{function}.{name}" in BAD else "id"
        for kind in (f"{function}.{name}", f"{name} {of}", name):
            if kind in BAD:
                return kind
        return None

    def valid(self, function, name, of):
        for kind in (f"{function}.{name}", f"{name} {of}", name):
            if kind in VALID:
                return VALID[kind]
        return None

    def calls(self, function, names, types):
        """Valid calls, as {argument: SQL}; where a project and a group can be given, one for each."""
        given = {name: self.valid(function, name, of) for name, of in zip(names, types)}
        given = {name: value for name, value in given.items() if value is not None}
        both = [n for n in ("project_id", "group_id") if n in given and (function, n) not in PARENTS]
        if len(both) == 2 and function not in LENIENT:
            for other in both:
                yield {name: value for name, value in given.items() if name != other}
        else:
            yield given

    def function(self, function, names, types):
        reads, before = function in READS, TRACKED.get(function, "SELECT")
        for call in self.calls(function, names, types):
            if function not in LENIENT:
                self.expect(text(function, call), {FINE, NOTHING}, before)
            for name, of in zip(names, types):
                if name not in call and self.valid(function, name, of) is not None:
                    continue  # the other of the two ids
                kind = self.kind(function, name, of)
                if kind is None:
                    self.failed += 1
                    print(f"no table of bad values for {function}({name} {of})")
                    continue
                for value, wanted in BAD[kind]:
                    self.expect(text(function, {**call, name: value}),
                                self.wanted(function, kind, value, wanted, reads), before)
        if {"project_id", "group_id"} <= set(names) and not {(function, "group_id")} & PARENTS and function not in LENIENT:
            call = next(self.calls(function, names, types))
            for project, group in (("'p1'", "'g1'"), ("'p1'", "'nobody'"), ("'nobody'", "'g1'")):
                self.expect(text(function, {**call, "project_id": project, "group_id": group}), {"22023"})
        if names and function not in LENIENT:
            every = {name: f"NULL::{of}" for name, of in zip(names, types)}
            self.expect(text(function, every),
                        {NOTHING, FINE, "22023"} if reads else {"22004", "22023", "42704"} | EXISTING.get(function, set()))

    def wanted(self, function, kind, value, wanted, reads):
        if function in LENIENT:
            return {FINE, NOTHING, "22023", "42704", "22004", "22P02", "22P05", "54001", "42883"}
        if value.startswith("NULL") and reads and kind in ("id", "integration"):
            return {FINE, NOTHING} if function in UNSCOPED_READS else {NOTHING}
        return wanted

    def run(self):
        for statement in SETUP:
            self.connection.execute(statement)
        self.state = self.checksum()
        for function, names, types, trigger in self.functions:
            if trigger:
                self.trigger(function)
            elif function == "external_id":
                for value, wanted in CAST_INPUTS.get(types[0], []):
                    self.expect(f"SELECT {SCHEMA}.external_id({value})", wanted)
            elif any(of in ("cstring", "internal") for of in types) or function in ("external_id_out", "role_name_out"):
                pass
            elif function in ("external_id_send", "role_name_send"):
                self.expect(f"SELECT {SCHEMA}.{function}(NULL)", NOTHING)
            elif function.startswith("role_name_"):
                self.expect(f"SELECT {SCHEMA}.{function}(NULL, NULL)", NOTHING)
            else:
                self.function(function, names, types)
        for sql, wanted in DIRECT:
            self.expect(sql, wanted)

    def trigger(self, function):
        """Trigger functions are no use by themselves, nor on tables of others."""
        self.expect(f"SELECT {SCHEMA}.{function}()", {"0A000", "39P01", "55000"})
        for when in ("BEFORE INSERT ON nonsense.teams FOR EACH ROW", "AFTER INSERT ON nonsense.teams FOR EACH ROW",
                     "AFTER INSERT ON nonsense.teams FOR EACH STATEMENT"):
            self.expect(f"DO $$BEGIN CREATE TRIGGER t {when} EXECUTE FUNCTION {SCHEMA}.{function}();"
                        " INSERT INTO nonsense.teams VALUES ('g7', NULL, 'Group'); END$$",
                        {"0A000", "39P01", "55000", "42501"} | ({NOTHING} if function.startswith("follow") else set()))


def text(function, call):
    return f"SELECT * FROM {SCHEMA}.{function}({', '.join(f'{name} => {value}' for name, value in call.items())})"


def short(sql):
    return re.sub(r"(.{300}).+(.{40})", r"\1 … \2", sql)


def main():
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("SET client_min_messages = error")
        set_json_loads(bytes.decode, connection)  # as text: Python's decoder refuses deep ones
        nonsense = Nonsense(connection)
        try:
            nonsense.run()
        finally:
            if not connection.broken:
                connection.execute("DROP SCHEMA IF EXISTS nonsense CASCADE")
                connection.execute("DROP FOREIGN DATA WRAPPER IF EXISTS nonsense_wrapper CASCADE")
                connection.execute(EMPTY)
    print(f"{nonsense.passed} passed, {nonsense.failed} failed")
    return 1 if nonsense.failed or not nonsense.passed else 0


if __name__ == "__main__":
    sys.exit(main())
