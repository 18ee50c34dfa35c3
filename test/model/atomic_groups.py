#!/usr/bin/python3
"""Searches for a secret beside a field of its atomic group from another scope: atomic_groups.py --seeds A..B --ops N.

Every value that is written carries the name of the scope whose row it is written to. After each operation, by function,
view or plain SQL, the effective settings of every scope are read back: the values of one atomic group must all carry
one name. Refused operations are part of the search. Connects by the PG* environment variables to a database where the
extension is installed; it is emptied for each seed. The last line is `N passed, N failed` (operations)."""

import argparse
import json
import random
import sys

import psycopg

SCHEMA = {"properties": {name: {"type": "string"} for name in ("url", "api", "user", "room")}
          | {name: {"type": "string", "writeOnly": True} for name in ("token", "key")},
          "x-atomic": [["url", "token"], ["api", "key"], ["key", "user"]]}
GROUPS_OF_FIELDS = [{"url", "token"}, {"api", "key", "user"}]
FIELDS = sorted(SCHEMA["properties"])


class Search:
    def __init__(self, connection, seed):
        self.connection = connection
        self.rng = random.Random(seed)
        self.script = []
        self.masks = {}
        connection.execute("SET search_path = integration_defaults, public")
        connection.execute("TRUNCATE instance_settings, group_settings, project_settings, projects, groups, integrations")
        self.run("SELECT register_integration('hook', %s)", json.dumps(SCHEMA))
        self.groups = [f"g{n}" for n in range(5)]
        for n, group in enumerate(self.groups):
            self.run("SELECT add_group(%s, %s)", group, self.rng.choice([None, *self.groups[:n]]))
        self.projects = [f"p{n}" for n in range(4)]
        for project in self.projects:
            self.run("SELECT add_project(%s, %s)", project, self.rng.choice([None, *self.groups]))

    def run(self, command, *parameters):
        """Whether it was done; a refusal is none."""
        self.script.append((command, parameters))
        try:
            self.connection.execute(command, parameters)
            return True
        except psycopg.Error as error:
            if not error.sqlstate or error.sqlstate.startswith("XX"):
                raise
            return False

    def values(self, scope):
        """Fields with values that carry the scope's name."""
        fields = self.rng.sample(FIELDS, self.rng.randint(0, 4))
        return json.dumps({field: f"{scope}:{field}{self.rng.randint(0, 2)}" for field in fields})

    def scope(self):
        """(name, arguments of a function, table and condition of plain SQL, view and condition)"""
        kind = self.rng.choice(["instance", "group", "project", "project"])
        if kind == "instance":
            return "instance", "", "instance_settings", "true", "instance_integrations", ""
        name = self.rng.choice(self.groups if kind == "group" else self.projects)
        return (name, f", {kind}_id => '{name}'", f"{kind}_settings", f"{kind}_id = '{name}'", f"{kind}_integrations",
                f"{kind}_id, ")

    def operation(self):
        rng = self.rng
        name, argument, table, condition, view, key = self.scope()
        literal = f"'{name}', " if key else ""
        fields = rng.sample(FIELDS, rng.randint(1, 3))
        active = rng.choice([True, False, None])
        column = "" if table == "project_settings" else ", locked = %s"
        locks = [rng.sample(FIELDS + ["active", "*"], rng.randint(0, 2))] if column else []
        # a plain write of the whole row is the one way to keep a secret while its group changes: in the same row
        return rng.choice([
            lambda: self.run(f"SELECT override_fields('hook', %s{argument})", self.values(name)),
            lambda: self.run(f"SELECT inherit_fields('hook', %s{argument})", fields),
            lambda: self.run(f"SELECT set_active('hook', %s{argument})", active),
            lambda: self.run("SELECT set_custom('hook', %s, %s)", name, self.values(name)) if name in self.projects
            else self.run(f"SELECT set_default('hook', %s{argument})", self.values(name)),
            lambda: self.run(f"SELECT use_default('hook'{argument})") if key else self.run("SELECT reset_default('hook')"),
            lambda: self.run(f"SELECT lock_fields('hook', %s{argument})", rng.choice([fields, None])),
            lambda: self.run(f"SELECT unlock_fields('hook', %s{argument})", rng.choice([fields, None])),
            lambda: self.run(f"INSERT INTO {table} ({key}integration, custom, settings) VALUES ({literal}'hook', %s, %s)",
                             rng.random() < 0.4, self.values(name)),
            lambda: self.run(f"UPDATE {table} SET custom = %s, settings = %s{column} WHERE {condition}",
                             rng.random() < 0.4, self.values(name), *locks),
            lambda: self.run(f"UPDATE {view} SET settings = settings || %s WHERE {condition}", self.values(name)),
            lambda: self.run(f"UPDATE {view} SET settings = (settings || %s) - %s::text[] WHERE {condition}",
                             self.values(name), fields),
            lambda: self.run(f"UPDATE {view} SET settings = settings - %s::text[] WHERE {condition}", fields),
            lambda: self.run(f"INSERT INTO {view} ({key}integration, settings) VALUES ({literal}'hook', %s)",
                             self.values(name)),
            lambda: self.run(f"DELETE FROM {view} WHERE {condition}"),
            lambda: self.run(f"UPDATE {view} SET inherited = true WHERE {condition}"),
            lambda: self.run("SELECT move_group(%s, %s)", rng.choice(self.groups), rng.choice([None, *self.groups])),
            lambda: self.run("SELECT move_project(%s, %s)", rng.choice(self.projects), rng.choice([None, *self.groups])),
        ])()

    def shown(self, value):
        """What a mask stands for, which the extension tells of all that may be written."""
        if value.startswith("(secret") and value not in self.masks:
            written = [f"{scope}:{field}{n}" for scope in ["instance", *self.groups, *self.projects]
                       for field in ("token", "key") for n in range(3)]
            self.masks = dict(self.connection.execute(
                "SELECT mask('hook', 'token', pg_catalog.to_jsonb(v)), v FROM pg_catalog.unnest(%s::text[]) v", (written,)).fetchall())
        return self.masks[value] if value.startswith("(secret") else value

    def mixed(self):
        """Scopes whose effective settings mix what several scopes have set in one atomic group."""
        found = []
        rows = self.connection.execute(
            "SELECT 'instance', settings FROM instance_integrations UNION ALL SELECT group_id, settings "
            "FROM group_integrations UNION ALL SELECT project_id, settings FROM project_integrations").fetchall()
        for scope, settings in rows:
            for group in GROUPS_OF_FIELDS:
                writers = {self.shown(value).split(":")[0] for field, value in settings.items() if field in group}
                if len(writers) > 1:
                    found.append((scope, {f: v for f, v in settings.items() if f in group}))
        return found, len(rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", default="1..20")
    parser.add_argument("--ops", type=int, default=200)
    given = parser.parse_args()
    first, last = map(int, given.seeds.split(".."))
    passed = done = seen = 0
    with psycopg.connect(autocommit=True) as connection:
        for seed in range(first, last + 1):
            search = Search(connection, seed)
            for _ in range(given.ops):
                done += bool(search.operation())
                found, rows = search.mixed()
                seen += rows
                if found:
                    print(f"seed {seed}: {found}")
                    for command, parameters in search.script:
                        print(command, parameters)
                    print(f"{passed} passed, 1 failed")
                    return 1
                passed += 1
    # a search that finds next to nothing to look at proves nothing
    if done * 3 < passed or seen < passed:
        print(f"only {done} of {passed} operations were done, {seen} scopes seen")
        print(f"{passed} passed, 1 failed")
        return 1
    print(f"{done} of {passed} operations were not refused; {seen} effective settings looked at")
    print(f"{passed} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
