"""Statements at random, for one role."""
from values import Values, literal

TYPES = ("bigint", "integer", "boolean", "text", "text", "text", "jsonb", "text[]", "timestamptz", "uuid", "numeric", "name", "bytea", "point", "integer[]",
         "double precision", "date", "char(5)", "interval", "integration_defaults.external_id", "oid")
COLUMNS = {
    "groups": (("id", "text"), ("parent_id", "text")), "projects": (("id", "text"), ("group_id", "text")),
    "project_settings": (("project_id", "text"), ("integration", "text"), ("custom", "boolean"), ("active", "boolean"), ("settings", "jsonb"), ("updated_at", "timestamptz"), ("updated_by", "text")),
    "group_settings": (("group_id", "text"), ("integration", "text"), ("custom", "boolean"), ("active", "boolean"), ("settings", "jsonb"), ("locked", "text[]"), ("updated_at", "timestamptz"), ("updated_by", "text")),
    "instance_settings": (("integration", "text"), ("custom", "boolean"), ("active", "boolean"), ("settings", "jsonb"), ("locked", "text[]"), ("updated_at", "timestamptz"), ("updated_by", "text")),
    "integrations": (("name", "text"), ("title", "text"), ("category", "text"), ("schema", "jsonb"), ("allowed", "boolean")),
    "project_integrations": (("project_id", "text"), ("integration", "text"), ("active", "boolean"), ("settings", "jsonb"), ("inherited", "boolean"), ("source_level", "text"), ("source_id", "text")),
    "group_integrations": (("group_id", "text"), ("integration", "text"), ("active", "boolean"), ("settings", "jsonb"), ("inherited", "boolean"), ("source_level", "text"), ("source_id", "text")),
    "instance_integrations": (("integration", "text"), ("active", "boolean"), ("settings", "jsonb"), ("inherited", "boolean"), ("source_level", "text"), ("source_id", "text")),
    "all_project_integrations": (("project_id", "text"), ("integration", "text"), ("active", "boolean"), ("settings", "jsonb"), ("inherited", "boolean"), ("source_level", "text"), ("source_id", "text"), ("locked", "text[]")),
    "generations": (("changes", "bigint"), ("moves", "bigint"), ("additions", "bigint")),
    "effective_settings": (("project_id", "text"), ("integration", "text"), ("active", "boolean"), ("settings", "jsonb"), ("inherited", "boolean"), ("source_level", "text"), ("source_id", "text")),
    "typed": (("id", "bigint"), ("active", "boolean"), ("inherited", "boolean"), ("source_level", "text"), ("source_id", "text"), ("locked", "text[]"), ("channel", "text"), ("limit_", "bigint"), ("on_", "boolean")),
}
OURS = tuple(f"integration_defaults.{name}" for name in COLUMNS if name != "typed")
APP = ("app.groups", "app.projects", "public.chat_settings", "public.project_integrations")
APP_COLUMNS = {"app.groups": (("id", "bigint"), ("parent_id", "bigint"), ("kind", "text")), "app.projects": (("id", "bigint"), ("group_id", "bigint"), ("name", "text")),
               "public.chat_settings": (("id", "bigint"), ("active", "boolean"), ("inherited", "boolean"), ("channel", "text"), ("list", "jsonb"), ('"limit"', "bigint")),
               "public.project_integrations": (("project_id", "bigint"), *COLUMNS["project_integrations"][1:])}


class Statements:
    def __init__(self, rng, role, judge):
        self.rng, self.role, self.values = rng, role, Values(rng)
        self.count = 0
        self.made = {}  # our role's own relations: their columns, and kind
        self.cursors = 0
        rows = judge.execute("SELECT proname, proargtypes::oid[]::regtype[]::text[], proargnames, prorettype::regtype::text, pronargdefaults FROM pg_proc "
                             "WHERE pronamespace = 'integration_defaults'::regnamespace ORDER BY proname, proargtypes::text").fetchall()
        self.functions = [row for row in rows if row[3] != "trigger"]
        self.procedures = [row[0] for row in judge.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'integration_defaults'::regnamespace AND prokind = 'p'").fetchall()]
        self.triggers = [row[0] for row in rows if row[3] == "trigger"]

    def next(self):
        self.count += 1
        choices = [(self.call, 30), (self.relation, 10 if len(self.made) < 6 else 2), (self.trigger, 12), (self.hang, 12), (self.write, 22), (self.setting, 10),
                   (self.transaction, 7), (self.alter_own, 4), (self.plan, 3), (self.beside, 8), (self.several, 3), (self.code, 3)]
        if self.role == "dbo":
            choices += [(self.alter_ours, 14), (self.replace_ours, 4)]
        return self.rng.choices([c for c, _ in choices], [w for _, w in choices])[0]()

    # --- functions

    def call_of(self, function=None):
        rng = self.rng
        name, types, names, result, defaults = function or rng.choice(self.functions)
        arguments = [self.values.of(kind, names[n] if names else "") for n, kind in enumerate(types)]
        if defaults and rng.random() < 0.5:
            arguments = arguments[:len(arguments) - rng.randrange(defaults + 1)]
        if rng.random() < 0.03:
            arguments += ["1"]
        return f"integration_defaults.{name}({', '.join(arguments)})"

    def call(self):
        rng, call = self.rng, self.call_of()
        form = rng.random()
        if any(f".{name}(" in call for name in self.procedures):
            return f"CALL {call}"
        if form < 0.7:
            return f"SELECT * FROM {call}"
        if form < 0.8:
            return f"SELECT {call} FROM generate_series(1, {rng.randrange(1, 40)})"
        if form < 0.85:
            return f"SELECT (r).* FROM (SELECT {call} AS r OFFSET 0) s"
        if form < 0.9:
            return f"WITH RECURSIVE w AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM w, LATERAL (SELECT {call}) x WHERE n < 3) SELECT * FROM w"
        if form < 0.95:
            return f"SELECT array(SELECT {call}) IS NULL, EXISTS (SELECT FROM {self.call_of()}) LIMIT 1"
        return f"SELECT count(*) FROM {rng.choice(OURS + APP)} x, LATERAL {call} y"

    def code(self):
        """In a function of the role's own, with handlers: subtransactions."""
        body = "; ".join(f"BEGIN PERFORM {self.call_of()}; EXCEPTION WHEN OTHERS THEN NULL; END" for _ in range(self.rng.randrange(1, 4)))
        return f"DO $do$ BEGIN {body}; {'RAISE $$ended$$;' if self.rng.random() < 0.3 else ''} END $do$"

    def plan(self):
        rng = self.rng
        self.cursors += 1
        return rng.choice((
            f"EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM {rng.choice(OURS + APP)}", f"PREPARE p{self.cursors} AS SELECT * FROM {self.call_of()}; EXECUTE p{self.cursors}; EXECUTE p{self.cursors}",
            f"BEGIN; DECLARE c{self.cursors} SCROLL CURSOR WITH HOLD FOR SELECT * FROM {self.call_of()}; FETCH 2 FROM c{self.cursors}; FETCH BACKWARD 1 FROM c{self.cursors}",
            "DISCARD ALL", "DISCARD PLANS", f"SELECT * FROM {rng.choice(OURS)} LIMIT 3 FOR UPDATE"))

    def beside(self):
        """The views, and settings_at(), beside anything."""
        rng = self.rng
        name, columns = self.any_relation()
        columns = columns or [("x", "integer")]

        def column():
            listed, kind = rng.choice(columns)
            return f"x.{listed}" if kind == "text" and rng.random() < 0.8 else f"x.{listed}::text"
        if rng.random() < 0.5:
            view = rng.choice([of for of in COLUMNS if of.endswith("_integrations")])
            source = f"{name} x {rng.choice(('JOIN', 'LEFT JOIN', 'FULL JOIN'))} integration_defaults.{view} y ON y.{COLUMNS[view][0][0]} = {column()}"
        else:
            arguments = rng.choice((column(), "NULL", literal(self.values.text()[:200]))), rng.choice((column(), column() + " || ''", "NULL")), rng.choice(("true", "false", "NULL", "x IS NULL"))
            source = f"{name} x {rng.choice(('CROSS JOIN LATERAL', 'LEFT JOIN LATERAL'))} integration_defaults.settings_at({', '.join(arguments)}) y"
            source += " ON true" if "LEFT" in source else ""
        where = rng.choice(("", "", f" WHERE y.integration = {column()}", " WHERE y.integration = 'chat'", " WHERE y.active AND NOT y.active", " WHERE y.settings::text || y.integration < 'z'"))
        given = rng.choice(("*", "count(*), max(y.integration), max(y.settings::text)", "y", "x, y", "1", "y.source_id, coalesce(y.integration, 'none')"))
        lock = rng.choice(("", "", " FOR UPDATE OF x", " LIMIT 3 FOR SHARE", " ORDER BY 1 LIMIT 5")) if "max" not in given else ""
        return f"{rng.choice(('', '', '', 'EXPLAIN (ANALYZE, VERBOSE) '))}SELECT {given} FROM {source}{where}{lock}"

    def several(self):
        return "; ".join(self.rng.choice((self.call, self.write, self.setting))() for _ in range(3))

    # --- relations

    def shape(self):
        rng = self.rng
        columns = list(rng.choice(list(COLUMNS.values())))
        if rng.random() < 0.5:
            columns = [(name, rng.choice(TYPES) if rng.random() < 0.4 else kind) for name, kind in columns]
        if rng.random() < 0.2:
            columns.insert(rng.randrange(len(columns) + 1), ("more", rng.choice(TYPES)))
        if rng.random() < 0.15:
            columns.pop(rng.randrange(len(columns)))
        return columns

    def relation(self):
        rng = self.rng
        name = f"of_{self.role}.r{rng.randrange(1, 9)}"
        kind = rng.choice(("TABLE", "TABLE", "TABLE", "TEMP TABLE", "TEMP VIEW", "VIEW", "VIEW", "PARTITIONED", "MATERIALIZED VIEW", "INHERITED", "UNLOGGED TABLE", "VIEW OF OURS"))
        if kind.startswith("TEMP"):
            name = f"pg_temp.t{rng.randrange(1, 9)}"
        columns = self.shape()
        listed = ", ".join(f"{column} {of}" for column, of in columns) or "x integer"
        self.made[name] = columns
        drop = f"DROP {'VIEW' if kind.endswith('VIEW') and 'MAT' not in kind else 'TABLE'} IF EXISTS {name} CASCADE; " if rng.random() < 0.3 else ""
        if kind == "VIEW OF OURS":
            return f"{drop}CREATE VIEW {name} AS SELECT * FROM {rng.choice(OURS + APP)}"
        if kind.endswith("VIEW"):
            values = ", ".join(f"{self.values.column(of)}::{of} AS {column}" for column, of in columns) or "1"
            plain = kind.replace("TEMP VIEW", "TEMP VIEW")
            return f"{drop}CREATE {plain} {name.replace('pg_temp.', '') if 'TEMP' in kind else name} AS SELECT {values}"
        if kind == "PARTITIONED":
            return (f"{drop}CREATE TABLE {name} ({listed}) PARTITION BY HASH ({columns[0][0] if columns else 'x'}); "
                    f"CREATE TABLE {name}_p0 PARTITION OF {name} FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE {name}_p1 PARTITION OF {name} FOR VALUES WITH (MODULUS 2, REMAINDER 1)")
        if kind == "INHERITED":
            return f"{drop}CREATE TABLE {name} () INHERITS ({rng.choice(OURS + tuple(self.made))})"
        return f"{drop}CREATE {kind} {name.replace('pg_temp.', '') if 'TEMP' in kind else name} ({listed})"

    def any_relation(self):
        rng = self.rng
        if self.made and rng.random() < 0.6:
            name = rng.choice(sorted(self.made))
            return name, self.made[name]
        name = rng.choice(OURS + APP)
        return name, APP_COLUMNS.get(name) or COLUMNS[name.split(".")[1]]

    def trigger(self):
        rng = self.rng
        name, columns = self.any_relation()
        function = rng.choice(self.triggers)
        timing = rng.choice(("BEFORE", "AFTER", "AFTER", "INSTEAD OF"))
        level = "ROW" if timing == "INSTEAD OF" else rng.choice(("ROW", "ROW", "STATEMENT"))
        events = rng.sample(("INSERT", "UPDATE", "DELETE", "TRUNCATE"), rng.choice((1, 1, 1, 2, 3)))
        if level == "ROW":
            events = [event for event in events if event != "TRUNCATE"] or ["INSERT"]
        if "UPDATE" in events and columns and rng.random() < 0.2 and timing != "INSTEAD OF":
            events[events.index("UPDATE")] = f"UPDATE OF {rng.choice(columns)[0]}"
        tables = ""
        if timing == "AFTER" and rng.random() < 0.4:
            events = events[:1]
            if events[0] in ("INSERT", "UPDATE"):
                tables += " NEW TABLE AS " + rng.choice(("new_rows", "n"))
            if events[0] in ("DELETE", "UPDATE"):
                tables += " OLD TABLE AS " + rng.choice(("old_rows", "o"))
            tables = f" REFERENCING{tables}" if tables else ""
        constraint = "CONSTRAINT " if timing == "AFTER" and level == "ROW" and not tables and rng.random() < 0.3 else ""
        deferred = rng.choice(("", " DEFERRABLE INITIALLY DEFERRED", " DEFERRABLE")) if constraint else ""
        when = ""
        if level == "ROW" and timing != "INSTEAD OF" and rng.random() < 0.15:
            when = f" WHEN ({rng.choice(('true', 'pg_trigger_depth() < 3', 'NULL::boolean'))})"
        arguments = ", ".join(rng.choice(("'chat'", "'free'", "'webhook'", "'channel'", "'limit'", "'id'", "'parent_id'", "'group_id'", "''", "'x'", "'kind = 1'", literal(self.values.text()[:200])))
                              for _ in range(rng.choice((0, 0, 1, 2, 3, 5))))
        trigger = rng.choice(("t1", "t2", "a", "zz", "materialized", "integration_defaults_projects_insert", "integration_defaults_groups_update", "settle_insert"))
        return (f"CREATE {constraint}TRIGGER {trigger} {timing} {' OR '.join(events)} ON {name}{deferred}{tables} FOR EACH {level}{when} "
                f"EXECUTE FUNCTION integration_defaults.{function}({arguments})")

    def hang(self):
        """A trigger function on something much like what it is for, and a write there."""
        rng = self.rng
        number = rng.randrange(1, 9)
        temporary = rng.random() < 0.4
        name = f"h{number}" if temporary else f"of_{self.role}.h{number}"
        shown = "pg_temp." + name if temporary else name
        kind = rng.choice(("typed", "view", "follow", "follow", "follow", "ours"))
        if kind in ("typed", "view"):
            fields = rng.sample((("webhook", "text"), ("channel", "text"), ("limit", "bigint"), ("on", "boolean"), ("list", "jsonb"), ("token", "text")), rng.randrange(1, 5))
            key = rng.choice(("bigint", "text", "integer", "uuid"))
            plain = rng.choice(("project_integrations", "group_integrations", "instance_integrations"))
            columns = [("id", key), *COLUMNS["typed"][1:6], *((f'"{field}"', of) for field, of in fields)] if kind == "typed" else list(COLUMNS[plain])
            if kind == "view" and rng.random() < 0.4:
                columns[0] = ("id", key)
            for _ in range(rng.choice((0, 0, 1, 2))): # not quite
                at = rng.randrange(len(columns))
                columns[at] = (columns[at][0], rng.choice(TYPES))
            level = rng.choice(("", "", "'project'", "'group'", "'instance'"))
            function = f"write_typed({', '.join(literal(x) for x in ('chat', *(field for field, _ in fields)))})" if kind == "typed" else f"write_integrations({level})"
            values = ", ".join(f"{self.values.column(of)}::{of} AS {column}" for column, of in columns)
            made = (f"DROP VIEW IF EXISTS {shown}; CREATE {'TEMP ' if temporary else ''}VIEW {name} AS SELECT {values}; "
                    f"CREATE TRIGGER t INSTEAD OF INSERT OR UPDATE OR DELETE ON {shown} FOR EACH ROW EXECUTE FUNCTION integration_defaults.{function}")
        elif kind == "follow":
            parent, function = rng.choice((("parent_id", "groups"), ("group_id", "projects")))
            columns = [("id", rng.choice(("text", "bigint", "uuid", "text[]", "point", "bytea"))), (parent, rng.choice(("text", "bigint", "name", "jsonb"))), ("kind", "text")]
            arguments = rng.choice(("", "", f"'id', '{parent}'", f"'id', '{parent}', 'true'", "'id'", "'kind', 'kind'", f"'id', '{parent}', 'true', 'more'"))
            prefix = rng.choice((f"integration_defaults_{function}", "t"))
            call = f"integration_defaults.follow_{function}({arguments})"
            both = f"old.id IS DISTINCT FROM new.id OR old.{parent} IS DISTINCT FROM new.{parent}" if columns[0][1] != "point" and columns[1][1] != "jsonb" else "true"
            triggers = (
                f"CREATE TRIGGER {prefix}_insert AFTER INSERT ON {shown} REFERENCING NEW TABLE AS {rng.choice(('new_rows', 'n', 'inserted'))} FOR EACH STATEMENT EXECUTE FUNCTION {call}",
                f"CREATE TRIGGER {prefix}_update AFTER UPDATE ON {shown} FOR EACH ROW WHEN ({both}) EXECUTE FUNCTION {call}",
                f"CREATE TRIGGER {prefix}_delete AFTER DELETE ON {shown} {rng.choice(('FOR EACH ROW', 'REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT'))} EXECUTE FUNCTION {call}",
                f"CREATE TRIGGER {prefix}_truncate {rng.choice(('BEFORE', 'AFTER'))} TRUNCATE ON {shown} FOR EACH STATEMENT EXECUTE FUNCTION {call}",
                f"CREATE TRIGGER {prefix}_insert_row AFTER INSERT ON {shown} FOR EACH ROW EXECUTE FUNCTION {call}")
            made = (f"DROP TABLE IF EXISTS {shown}; CREATE {'TEMP ' if temporary else ''}TABLE {name} ({', '.join(f'{c} {of}' for c, of in columns)}); "
                    + "; ".join(rng.sample(triggers, rng.choice((1, 2, 5, 5)))))
        else:
            plain = rng.choice(("groups", "projects", "integrations", "project_settings", "group_settings", "instance_settings", "effective_settings", "generations"))
            columns = list(COLUMNS[plain])
            for _ in range(rng.choice((0, 0, 1, 2))):
                at = rng.randrange(len(columns))
                columns[at] = (columns[at][0], rng.choice(TYPES))
            made = f"DROP TABLE IF EXISTS {shown}; CREATE {'TEMP ' if temporary else ''}TABLE {name} ({', '.join(f'{c} {of}' for c, of in columns)}); " + "; ".join(
                f"CREATE TRIGGER {rng.choice(('a', 'z'))}{n} {rng.choice(('BEFORE', 'AFTER'))} INSERT OR UPDATE OR DELETE ON {shown} FOR EACH {rng.choice(('ROW', 'ROW', 'STATEMENT'))} "
                f"EXECUTE FUNCTION integration_defaults.{rng.choice(self.triggers)}({rng.choice(('', literal('chat')))})" for n in range(rng.randrange(1, 4)))
        self.made[shown] = columns
        writes = "; ".join(self.write_to(shown, columns) for _ in range(rng.randrange(1, 4)))
        return made + "; " + writes

    def write(self):
        return self.write_to(*self.any_relation())

    def write_to(self, name, columns):
        rng = self.rng
        columns = list(columns) or [("x", "integer")]
        some = rng.sample(columns, rng.randrange(1, len(columns) + 1)) if rng.random() < 0.5 else columns
        returning = rng.choice(("", "", " RETURNING *", f" RETURNING {name.split('.')[-1]}::text"))
        kind = rng.randrange(10)
        if kind < 4:
            rows = ", ".join("(" + ", ".join(self.values.column(of) for _, of in some) + ")" for _ in range(rng.choice((1, 1, 2, 30))))
            conflict = rng.choice(("", "", "", " ON CONFLICT DO NOTHING"))
            return f"INSERT INTO {name} ({', '.join(column for column, _ in some)}) VALUES {rows}{conflict}{returning}"
        if kind < 7:
            assigned = ", ".join(f"{column} = {rng.choice((column, self.values.column(of)))}" for column, of in some)
            return f"UPDATE {name} SET {assigned}{rng.choice(('', f' WHERE {columns[0][0]}::text = {literal(str(rng.randrange(9)))}'))}{returning}"
        if kind == 7:
            return f"DELETE FROM {name}{rng.choice(('', f' WHERE {columns[0][0]}::text = {literal(str(rng.randrange(9)))}'))}{returning}"
        if kind == 8:
            return f"TRUNCATE {name}{rng.choice(('', ' CASCADE', ', app.projects'))}"
        source = ", ".join(f"{self.values.column(of)}::{of} AS {column}" for column, of in columns)
        return (f"MERGE INTO {name} t USING (SELECT {source}) s ON t.{columns[0][0]}::text = s.{columns[0][0]}::text WHEN MATCHED THEN UPDATE SET {columns[-1][0]} = s.{columns[-1][0]} "
                f"WHEN NOT MATCHED THEN INSERT ({', '.join(c for c, _ in columns)}) VALUES ({', '.join('s.' + c for c, _ in columns)})")

    # --- what surrounds it

    def setting(self):
        rng = self.rng
        name, value = rng.choice((
            ("search_path", rng.choice((f"of_{self.role}, pg_catalog", "''", "pg_temp, public", "integration_defaults", "public"))),
            ("check_function_bodies", "off"), ("check_function_bodies", "on"), ("row_security", "off"), ("bytea_output", "escape"), ("datestyle", "'SQL, DMY'"),
            ("standard_conforming_strings", "off"), ("transform_null_equals", "on"), ("enable_hashjoin", "off"), ("enable_indexscan", "off"), ("enable_seqscan", "off"), ("enable_nestloop", "off"),
            ("work_mem", "'64kB'"), ("maintenance_work_mem", "'1MB'"), ("session_replication_role", "replica"), ("statement_timeout", "'20ms'"), ("statement_timeout", "'3s'"),
            ("default_transaction_isolation", rng.choice(("serializable", "'repeatable read'", "'read committed'"))), ("default_transaction_read_only", rng.choice(("on", "off"))),
            ("integration_defaults.actor", literal(self.values.text())), ("intervalstyle", "iso_8601"), ("extra_float_digits", "-15"), ("timezone", "'Asia/Kolkata'"), ("plan_cache_mode", "force_generic_plan"),
            ("debug_parallel_query", "on"), ("force_parallel_mode", "on"), ("max_stack_depth", "'100kB'"), ("temp_buffers", "'800kB'"), ("from_collapse_limit", "1"), ("geqo_threshold", "2"), ("jit_above_cost", "0"),
            ("xmlbinary", "hex"), ("default_toast_compression", "pglz"), ("lock_timeout", "'50ms'"), ("quote_all_identifiers", "on"), ("client_encoding", "LATIN1"), ("client_encoding", "UTF8")))
        return f"SET {rng.choice(('', '', 'LOCAL '))}{name} = {value}" if rng.random() < 0.9 else rng.choice((f"RESET {name}", "RESET ALL; SET statement_timeout = '3s'"))

    def transaction(self):
        return self.rng.choice(("BEGIN", "BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN ISOLATION LEVEL REPEATABLE READ", "COMMIT", "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s",
                                "SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL DEFERRED", "PREPARE TRANSACTION 'x'"))

    def alter(self, name, columns):
        rng = self.rng
        column = rng.choice(list(columns) or [("x", "integer")])[0]
        return rng.choice((
            f"ALTER TABLE {name} ALTER COLUMN {column} TYPE {rng.choice(TYPES)} USING NULL", f"ALTER TABLE {name} DROP COLUMN {column} CASCADE", f"ALTER TABLE {name} ADD COLUMN c{rng.randrange(9)} {rng.choice(TYPES)}",
            f"ALTER TABLE {name} RENAME COLUMN {column} TO {rng.choice(('id', 'renamed', 'settings'))}", f"ALTER TABLE {name} DISABLE TRIGGER {rng.choice(('ALL', 'USER'))}",
            f"ALTER TABLE {name} ENABLE {rng.choice(('', 'ALWAYS ', 'REPLICA '))}TRIGGER {rng.choice(('t1', 'a', 'USER'))}".replace("ALWAYS TRIGGER USER", "TRIGGER USER").replace("REPLICA TRIGGER USER", "TRIGGER USER"),
            f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY", f"ALTER TABLE {name} ALTER COLUMN {column} DROP NOT NULL",
            f"ALTER TABLE {name} ALTER COLUMN {column} SET DEFAULT NULL", f"CREATE INDEX ON {name} (({column}::text))", f"ALTER TABLE {name} SET UNLOGGED", f"ALTER TABLE {name} SET LOGGED",
            f"CREATE RULE r{rng.randrange(3)} AS ON {rng.choice(('INSERT', 'UPDATE', 'DELETE'))} TO {name} DO {rng.choice(('INSTEAD NOTHING', 'ALSO SELECT 1'))}", f"ALTER TABLE {name} REPLICA IDENTITY FULL",
            f"ALTER TABLE {name} INHERIT {rng.choice(OURS + tuple(self.made) or OURS)}", f"CREATE STATISTICS ON {column}, ctid FROM {name}", f"ALTER TABLE {name} CLUSTER ON {name.split('.')[-1]}_pkey"))

    def alter_own(self):
        if not self.made:
            return self.relation()
        name = self.rng.choice(sorted(self.made))
        return self.rng.choice((self.alter(name, self.made[name]), f"DROP TABLE {name} CASCADE", f"SELECT integration_defaults.track_projects('{name}', '{(self.made[name] or [('x', 0)])[0][0]}', '{(self.made[name] or [('x', 0)])[-1][0]}')",
                                f"SELECT integration_defaults.track_groups('{name}')", f"SELECT integration_defaults.resync('{name}')", f"SELECT integration_defaults.untrack('{name}')"))

    # --- the owner of the database

    def alter_ours(self):
        name = self.rng.choice(OURS + APP[:2])
        return self.alter(name, APP_COLUMNS.get(name) or COLUMNS[name.split(".")[1]])

    def replace_ours(self):
        rng = self.rng
        name = rng.choice(OURS)
        plain = name.split(".")[1]
        kind = "VIEW" if plain.endswith("_integrations") else "TABLE"
        columns = self.shape()
        listed = ", ".join(f"{column} {of}" for column, of in columns) or "x integer"
        values = ", ".join(f"{self.values.column(of)}::{of} AS {column}" for column, of in columns) or "1"
        away = rng.choice((f"ALTER {kind} {name} RENAME TO gone{rng.randrange(99)}", f"ALTER {kind} {name} SET SCHEMA of_dbo",
                           f"ALTER EXTENSION integration_defaults DROP {kind} {name}; DROP {kind} {name} CASCADE"))
        return f"{away}; " + rng.choice((f"CREATE TABLE {name} ({listed})", f"CREATE VIEW {name} AS SELECT {values}", f"CREATE TABLE {name} ({listed}) PARTITION BY HASH ({columns[0][0] if columns else 'x'})",
                                         f"CREATE MATERIALIZED VIEW {name} AS SELECT {values}", f"CREATE TYPE {name} AS ({listed})", f"CREATE SEQUENCE {name}", f"CREATE VIEW {name} AS SELECT * FROM of_dbo.{plain}"))
