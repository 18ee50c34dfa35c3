#!/usr/bin/python3
"""Searches for a secret in clear, and for one beside another URL than its own: run.py --seeds A..B --ops N.

Every secret that is set is a text `hush-N@URL`, with the URL that it is set beside. Settings are changed by function,
view, typed view and plain SQL, with masks that come back, and behind the extension's back: stored values are moved to
other rows, fields and types, URLs are changed. After each change the worker's answer for every scope is read: it is an
error, or each token has the URL that it stands beside; and what all others see is its mask. Now and then every surface is
read: all functions that read, with each scope, all views and tables, statistics, what has been refused and what has been
logged; no secret is in any. On a server of its own, with keys, that the PG* environment variables lead to the settings
of. The last line is `N passed, N failed` (operations)."""

import argparse
import base64
import json
import os
import random
import re
import subprocess
import sys
import tempfile

import psycopg

FIELDS = {"url": {"type": "string"}, "token": {"type": "string", "writeOnly": True}, "key": {"type": "string", "writeOnly": True},
          "alone": {"type": "string", "writeOnly": True}, "room": {}}
SCHEMA = {"properties": FIELDS, "x-atomic": [["url", "token", "key"]]}
SECRETS, BOUND = ("token", "key", "alone"), ("token", "key")
URLS = [None, "https://a", "https://b"]
TYPES = ("hook", "other")


class Server:
    """A server with keys, beside the one that the tests are given."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="keyed.")
        with psycopg.connect(autocommit=True) as given:
            self.module, lines = None, []
            for name in ("extension_destdir", "extension_control_path", "dynamic_library_path"):
                (value,) = given.execute("SELECT current_setting(%s, true)", (name,)).fetchone()
                lines += [f"{name} = '{value}'"] if value else []
            given.execute("SELECT integration_defaults.not_given()")
            with open(f"/proc/{given.info.backend_pid}/maps", encoding="utf-8") as maps:
                self.module = re.search(r"/.*integration_defaults\.so$", maps.read(), re.M).group()
        self.keys = os.path.join(self.folder, "keys")
        self.lines = []
        self.rotate()
        data = os.path.join(self.folder, "data")
        self.log = os.path.join(self.folder, "log")
        self.call("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--encoding=UTF8", "--no-locale", "--no-sync")
        with open(os.path.join(data, "postgresql.conf"), "a", encoding="utf-8") as conf:
            conf.write("\n".join([*lines, f"shared_preload_libraries = '{self.module}'", "listen_addresses = ''",
                                  f"integration_defaults.key_file = '{self.keys}'", f"unix_socket_directories = '{self.folder}'",
                                  "log_min_messages = debug2", "log_min_error_statement = panic", "fsync = off", ""]))
        self.call("pg_ctl", "start", "-w", "-D", data, "-l", self.log)
        self.data = data

    def rotate(self):
        """Puts a new key first."""
        self.lines = [f"k{random.getrandbits(32)}:{base64.b64encode(os.urandom(32)).decode()}", *self.lines]
        with open(os.open(self.keys, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write("\n".join(self.lines) + "\n")

    @staticmethod
    def call(*command):
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def stop(self):
        self.call("pg_ctl", "stop", "-m", "immediate", "-D", self.data)

    def connect(self, user):
        return psycopg.connect(host=self.folder, user=user, dbname="postgres", autocommit=True)


class Search:
    def __init__(self, server, owner, reader, seed):
        self.server, self.owner, self.reader = server, owner, reader
        self.rng = random.Random(seed)
        self.script, self.told, self.number = [], [], 0
        self.done = self.opened = self.closed = 0
        run = owner.execute
        run("RESET session_replication_role")
        run("TRUNCATE instance_settings, group_settings, project_settings, app.projects, app.groups")
        run("DELETE FROM integrations")
        run("DROP VIEW IF EXISTS hook_settings")
        for name in TYPES:
            run("SELECT register_integration(%s, %s)", (name, json.dumps(SCHEMA)))
        run("INSERT INTO app.groups VALUES (1, NULL), (2, 1), (3, NULL)")
        run("INSERT INTO app.projects VALUES (10, 1), (11, 2), (12, 3), (13, NULL)")
        run("SELECT create_view('hook')")
        run("SELECT materialize('hook')")
        run("GRANT SELECT ON ALL TABLES IN SCHEMA public, app TO reader")
        (self.began,) = run("SELECT clock_timestamp()").fetchone() # all groups and projects are there
        self.scopes = ["", ", group_id => 1", ", group_id => 2", ", group_id => 3",
                       *[f", project_id => {n}" for n in (10, 11, 12, 13)]]

    def run(self, command, *parameters):
        self.script.append((command, parameters))
        try:
            self.owner.execute(command, parameters)
            self.done += 1
        except psycopg.Error as error:
            if not error.sqlstate or error.sqlstate.startswith("XX"):
                raise
            d = error.diag
            self.told.append(" ".join(str(x) for x in (d.message_primary, d.message_detail, d.message_hint, d.context)))

    def secret(self, url):
        self.number += 1
        return f"hush-{self.number}@{url}"

    def fields(self):
        """Some fields, the secrets of which say what URL they are beside."""
        rng = self.rng
        url = rng.choice(URLS)
        fields = {"url": url} if url else {}
        fields |= {name: self.secret(url) for name in SECRETS if rng.random() < 0.4}
        if rng.random() < 0.3:
            fields["room"] = rng.randint(0, 9)
        return fields

    def table(self):
        level, own = self.rng.choice([("instance", "true"), ("group", "group_id = '1'"), ("group", "group_id = '2'"),
                                      *[("project", f"project_id = '{n}'") for n in (10, 11, 12, 13)]])
        return level, own

    def operation(self):
        rng = self.rng
        kind = rng.choice(TYPES)
        scope, (level, own) = rng.choice(self.scopes), self.table()
        fields = self.fields()
        given = json.dumps(fields)
        # `override_fields` without the URL keeps that of the row, or has that of the schema: so secrets are given with it
        whole = {"url": None, **fields} if rng.random() < 0.5 else fields
        some = json.dumps({k: v for k, v in whole.items() if v is not None})
        named = lambda name: json.dumps({name: rng.choice(URLS[1:])})
        if rng.random() < 0.25:  # behind the extension's back
            one, other = rng.choice(SECRETS), rng.choice(SECRETS + ("room", "url"))
            self.run("SET session_replication_role = replica")
            self.run(rng.choice([
                f"UPDATE {level}_settings SET settings = settings || '{named('url')}' WHERE {own}",
                f"UPDATE {level}_settings SET settings = settings - 'url' WHERE {own}",
                f"UPDATE {level}_settings SET settings = settings || jsonb_build_object('{other}', coalesce(settings -> '{one}', '1')) WHERE {own}",
                f"UPDATE {level}_settings t SET settings = t.settings || coalesce((SELECT jsonb_build_object('{other}', x.settings -> '{one}')"
                f" FROM (TABLE all_rows) x WHERE x.settings ? '{one}' ORDER BY md5(x::text || {rng.random()}) LIMIT 1), '{{}}') WHERE {own}",
                f"UPDATE {level}_settings SET settings = jsonb_set(settings, '{{{one},bound}}', '[]', false) WHERE {own}",
                f"UPDATE {level}_settings SET settings = jsonb_set(settings, '{{{one},mask}}', '\"0123456789abcdef\"', false) WHERE {own}"]))
            self.run("RESET session_replication_role")
            return
        choices = [
            lambda: self.run(f"SELECT override_fields('{kind}', %s{scope})", given if "url" in fields or not set(fields) & set(BOUND) else '{"room": 1}'),
            lambda: self.run(f"SELECT override_fields('{kind}', %s{scope})", named("url")),
            lambda: self.run(f"SELECT set_default('{kind}', %s{scope})" if "project" not in scope else
                             f"SELECT set_custom('{kind}', {scope[-2:]}, %s)", some),
            lambda: self.run(f"SELECT set_default('{kind}', settings || %s{scope}) FROM resolve('{kind}'{scope})" if "project" not in scope else
                             f"SELECT set_custom('{kind}', {scope[-2:]}, settings || %s) FROM resolve('{kind}'{scope})",
                             rng.choice(['{"room": 2}', '{"room": 3}', named("url")])),
            lambda: self.run(f"SELECT override_fields('{kind}', settings{scope}) FROM resolve('{kind}'{rng.choice(self.scopes)})"),
            lambda: self.run(f"SELECT inherit_fields('{kind}', %s{scope})", rng.sample(sorted(FIELDS), 2)),
            lambda: self.run(f"SELECT use_default('{kind}'{scope})" if scope else f"SELECT reset_default('{kind}')"),
            lambda: self.run(f"SELECT lock_fields('{kind}', %s{scope})", rng.sample(sorted(FIELDS), 1)) if "project" not in scope else None,
            lambda: self.run(f"SELECT unlock_fields('{kind}'{scope})") if "project" not in scope else None,
            # a view overrides what differs: not the URL, if that stays
            lambda: self.run(f"UPDATE {level}_integrations SET settings = settings || %s WHERE {own} AND integration = '{kind}'",
                             rng.choice([json.dumps({"alone": self.secret(None)}), named("url"), '{"room": 4}'])),
            lambda: self.run(f"UPDATE hook_settings SET room = %s, token = token WHERE id = {rng.choice([10, 11, 12])}", json.dumps(rng.randint(0, 9))),
            lambda: self.run(f"UPDATE hook_settings SET alone = %s WHERE id = {rng.choice([10, 11, 12])}", self.secret(None)),
            lambda: self.run(f"UPDATE {level}_settings SET settings = settings || %s WHERE {own}", rng.choice(['{"room": 6}', named("url")])),
            lambda: self.run(f"UPDATE {level}_settings SET settings = %s WHERE {own} AND integration = '{kind}'", some),
            lambda: self.run("UPDATE app.projects SET group_id = %s WHERE id = %s", rng.choice([None, 1, 2, 3]), rng.choice([10, 11, 12, 13])),
            lambda: self.run("SELECT set_default('hook', %s)", '{"token": "(secret 0123456789abcdef)"}'),
            lambda: self.run("SELECT undo(transaction) FROM (SELECT DISTINCT transaction FROM history ORDER BY 1 DESC LIMIT 12) t"
                             f" ORDER BY md5(transaction::text || {rng.random()}) LIMIT 1"),
            lambda: self.run("UPDATE integrations SET schema = %s WHERE name = 'other'", json.dumps(
                {**SCHEMA, "x-atomic": rng.choice([[["url", "token", "key"]], [["url", "token", "key", "room"]]])})),
        ]
        if rng.random() < 0.02:
            choices = [self.rotate]
        rng.choice(choices)()

    def rotate(self):
        self.server.rotate()
        self.owner.execute("SELECT pg_reload_conf()")
        self.owner.execute("SELECT pg_sleep(0.05)")
        done = self.done
        self.run("SELECT seal_secrets()")
        # what does not open where it is stays as it is, with its key, and is told of: so older keys stay, too
        if self.done > done and not any("stays as it is" in told for told in self.told):
            del self.server.lines[2:]

    def check(self):
        """What is wrong with what the worker has, or what others see of it."""
        for kind in TYPES:
            for scope in self.scopes:
                try:
                    row = self.owner.execute(f"SELECT active_settings('{kind}'{scope})").fetchone()[0]
                except psycopg.errors.ObjectNotInPrerequisiteState as error:
                    self.told.append(f"{error} {error.diag.message_detail} {error.diag.context}")
                    self.closed += 1
                    continue
                if row is None:
                    continue
                for name in BOUND:
                    value = row.get(name)
                    if isinstance(value, str) and value.startswith("hush-"):
                        self.opened += 1
                        if value.split("@")[1] != str(row.get("url")):
                            return f"{kind}{scope}: {name} {value} beside {row.get('url')}"
                shown = self.reader.execute(f"SELECT settings FROM resolve('{kind}'{scope})").fetchone()[0]
                for name in SECRETS:
                    if str(row.get(name)).startswith("hush-"): # what was put there in clear, behind the back, has no mask
                        mask = self.owner.execute("SELECT mask(%s, %s, %s)", (kind, name, json.dumps(row[name]))).fetchone()[0]
                        if shown[name] != mask:
                            return f"{kind}{scope}: {name} is shown as {shown[name]}, and its mask is {mask}"
        return None

    def surfaces(self):
        """Where a secret is found in clear."""
        reads = self.owner.execute(
            "SELECT proname, proargnames[1:pronargs], proargtypes::regtype[]::text[] FROM pg_proc WHERE pronamespace = 'integration_defaults'::regnamespace"
            " AND provolatile <> 'v' AND prorettype <> 'trigger'::regtype AND proname NOT IN ('active_settings', 'all_active_settings')"
            " AND NOT proargtypes::oid[] && ARRAY['internal'::regtype::oid, 'cstring'::regtype::oid]").fetchall()
        seen = 0
        for name, names, types in reads:
            names = names or []
            if names[:1] != ["integration"] or any(kind not in ("text", "integration_defaults.external_id", "external_id") for kind in types):
                continue
            for kind in TYPES:
                for scope in self.scopes if "project_id" in names else ["", ", group_id => 1"] if "group_id" in names else [""]:
                    if "group_id" in names and types[names.index("group_id")] == "text":
                        scope = ", NULL::text"
                    if "other_project_id" in names:
                        scope = ", 10, 12"
                    for row in self.reader.execute(f"SELECT t::text FROM {name}('{kind}'{scope}) t").fetchall():
                        seen += 1
                        if "hush" in str(row):
                            return f"{name}{scope}: {row}", seen
        for (at,) in self.owner.execute("SELECT at FROM history_transactions WHERE at >= %s ORDER BY random() LIMIT 3", (self.began,)).fetchall():
            for name in ("resolve_at", "explain_at"):
                for scope in self.scopes:
                    for row in self.reader.execute(f"SELECT t::text FROM {name}(%s, 'hook'{scope}) t", (at,)).fetchall():
                        seen += 1
                        if "hush" in str(row):
                            return f"{name}{scope}: {row}", seen
        relations = self.owner.execute("SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace IN"
                                       " ('integration_defaults'::regnamespace, 'public'::regnamespace)").fetchall()
        for (relation,) in [*relations, ("pg_stats",), ("resolve_all(10)",)]:
            for row in self.owner.execute(f"SELECT t::text FROM {relation} t").fetchall():
                seen += 1
                if "hush" in str(row):
                    return f"{relation}: {row}", seen
        for told in self.told:
            if "hush" in told:
                return f"told: {told}", seen
        self.told.clear()
        with open(self.server.log, encoding="utf-8", errors="replace") as log:
            for line in log:
                if "hush" in line:
                    return f"logged: {line}", seen
        return None, seen


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", default="1..6")
    parser.add_argument("--ops", type=int, default=120)
    given = parser.parse_args()
    first, last = map(int, given.seeds.split(".."))
    server = Server()
    try:
        return search(server, range(first, last + 1), given.ops)
    finally:
        server.stop()


def search(server, seeds, operations):
    passed = done = opened = closed = seen = 0
    with server.connect("postgres") as owner:
        owner.execute("CREATE EXTENSION integration_defaults")
        owner.execute("SET search_path = integration_defaults, public")
        owner.execute("ALTER DATABASE postgres SET search_path = integration_defaults, public")
        owner.execute("CREATE SCHEMA app; CREATE TABLE app.groups (id int PRIMARY KEY, parent_id int);"
                      "CREATE TABLE app.projects (id int PRIMARY KEY, group_id int)")
        owner.execute("SELECT track_groups('app.groups'), track_projects('app.projects')")
        owner.execute("CREATE VIEW all_rows AS SELECT settings FROM instance_settings UNION ALL SELECT settings FROM group_settings"
                      " UNION ALL SELECT settings FROM project_settings")
        owner.execute("CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA public, app TO reader")
        owner.execute("SELECT grant_access('reader', 'read')")
        owner.execute("SET client_min_messages = debug1")
        with server.connect("reader") as reader:
            for seed in seeds:
                one = Search(server, owner, reader, seed)
                owner.add_notice_handler(lambda d, told=one.told: told.append(f"{d.message_primary} {d.message_detail} {d.context}"))
                for n in range(operations):
                    one.operation()
                    found = one.check()
                    if not found and n % 20 == 19:
                        found, looked_at = one.surfaces()
                        seen += looked_at
                    if found:
                        print(f"seed {seed}: {found}")
                        for command, parameters in one.script:
                            print(command, parameters)
                        print(f"{passed} passed, 1 failed")
                        return 1
                    passed += 1
                done, opened, closed = done + one.done, opened + one.opened, closed + one.closed
    print(f"{done} statements were done; {opened} tokens were opened beside their URL, {closed} answers refused; {seen} rows looked at")
    # a search that finds next to nothing to look at proves nothing
    right = opened > passed / 4 and closed > passed / 10 and seen > passed
    print(f"{passed} passed, {int(not right)} failed")
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
