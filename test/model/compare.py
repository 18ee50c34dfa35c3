"""What the extension answers and what the model answers, in one form: plain lists and dicts."""

import json
import re

from model import INSTANCE, same
from sqltext import FUNCTIONS, SCHEMA, external_id, text

READS = ("resolve", "resolve_all", "active_settings", "explain", "projects_using_custom_settings",
         "projects_using_default")
VIEWS = ("instance_integrations", "group_integrations", "project_integrations")

MASK = re.compile(r"\(secret( [0-9a-f]{16})?\)$")
SCOPES = f"""(SELECT 'instance' AS level, NULL AS id UNION ALL SELECT 'group', id FROM {SCHEMA}.groups
    UNION ALL SELECT 'project', id FROM {SCHEMA}.projects) s"""
ROWS = f"""
SELECT 'instance', NULL, integration, custom, active, settings, locked FROM {SCHEMA}.instance_settings
UNION ALL SELECT 'group', group_id, integration, custom, active, settings, locked FROM {SCHEMA}.group_settings
UNION ALL SELECT 'project', project_id, integration, custom, active, settings, '{{}}' FROM {SCHEMA}.project_settings"""

VALUES = ("value", "own_value", "inherited_value")
EXPLAINED = ", ".join(f"'{name}', r.{name}::text" for name in VALUES)  # absent is null then, and null is 'null'


def at_scope(function, integration):
    """Calls a reading function for the scope s, whatever its level; a row each of the branches that does not apply is
    spared by calling with a scope of its own level only."""
    first = "i.name, " if integration else ""
    return {"instance": f"{SCHEMA}.{function}({first.rstrip(', ')})",
            "group": f"{SCHEMA}.{function}({first}group_id => s.id)",
            "project": f"{SCHEMA}.{function}({first}project_id => s.id)"}


def everywhere(function, integration):
    """For all scopes (and types): level, id, type, the answer as JSON."""
    parts = []
    for level, call in at_scope(function, integration).items():
        types = f"{SCHEMA}.integrations i" if integration else "(SELECT NULL AS name) i"
        if function == "explain":
            parts.append(
                f"SELECT s.level, s.id, i.name, (SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(r) ||"
                f" pg_catalog.jsonb_build_object({EXPLAINED})) FROM {call} r)"
                f" FROM {SCOPES}, {types} WHERE s.level = '{level}'")
        elif function == "active_settings":
            parts.append(f"SELECT s.level, s.id, i.name, {call} FROM {SCOPES}, {types} WHERE s.level = '{level}'")
        else:
            parts.append(
                f"SELECT s.level, s.id, i.name, (SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(r)) FROM {call} r)"
                f" FROM {SCOPES}, {types} WHERE s.level = '{level}'")
    return " UNION ALL ".join(parts)


def unmarked(settings, locked):
    """What is stored, without the marks of secrets; the locks; and which are secrets, with what each is bound to."""
    secrets = {field: value for field, value in settings.items()
               if isinstance(value, dict) and set(value) == {"$secret", "bound", "mask"}}
    return ({**settings, **{field: value["$secret"] for field, value in secrets.items()}}, locked,
            listed({field: value["bound"] for field, value in secrets.items()}))


def listed(secrets):
    return {field: sorted(bound) for field, bound in secrets.items()}


class Comparison:
    def __init__(self, connection, model, has):
        self.connection = connection
        self.model = model
        self.has = has
        self.masks = {}

    def ask(self, sql):
        return self.connection.execute(sql).fetchall()

    # ---- one scope

    def scope(self, scope, name):
        """None, or (question, expected, got). The scope and the type exist and its chain is whole."""
        if "resolve" not in self.has or name not in self.model.types or not self.model.exists(scope):
            return None
        level, scope_id = scope
        own = "" if level == "instance" else f", {level}_id => {external_id(scope_id)}"
        sql = (f"SELECT pg_catalog.to_jsonb(r) FROM {SCHEMA}.resolve({text(name)}{own}) r")
        expected = self.expect_resolve(scope, name)  # may find the chain broken: then nothing is asked
        got = [r[0] for r in self.ask(sql)]
        self.read_masked(got, expected)
        return differs(sql, expected, got)

    def expect_resolve(self, scope, name):
        answer = self.model.resolve(scope, name)
        return [answer] if answer else []

    # ---- effective_settings

    def materialized(self):
        """The rows that are there against those of the view, for the types that the table's trigger names."""
        if not self.ask(f"SELECT FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass('{SCHEMA}.effective_settings')"):
            return None
        types = [name for (arguments,) in self.ask(
            "SELECT tgargs FROM pg_catalog.pg_trigger"
            f" WHERE tgrelid = '{SCHEMA}.effective_settings'::pg_catalog.regclass AND tgname = 'materialized'")
            for name in bytes(arguments).decode().split("\0")[:-1]]
        sql = f"SELECT e.*::text FROM {SCHEMA}.effective_settings e ORDER BY 1"
        wanted = f"SELECT v.*::text FROM {SCHEMA}.project_integrations v WHERE integration = ANY (%s) ORDER BY 1"
        return differs(sql, self.connection.execute(wanted, (types,)).fetchall(), self.ask(sql))

    # ---- everything

    def everything(self, rng):
        for check in (self.tree, self.rows, self.types, self.reads, self.lists, self.reports, self.views):
            found = check(rng)
            if found:
                return found
        return None

    def tree(self, rng):
        for table, parent, expected in (("groups", "parent_id", self.model.groups),
                                        ("projects", "group_id", self.model.projects)):
            sql = f"SELECT id, {parent} FROM {SCHEMA}.{table}"
            found = differs(sql, expected, dict(self.ask(sql)))
            if found:
                return found
        return None

    def types(self, rng):
        sql = f"SELECT name, schema, allowed FROM {SCHEMA}.integrations"
        return differs(sql, {n: [t.schema, t.allowed] for n, t in self.model.types.items()},
                       {r[0]: list(r[1:]) for r in self.ask(sql)})

    def rows(self, rng):
        expected = {key(*scope, name): [row.custom, row.active, row.settings, locks(row.locked), listed(row.secrets)]
                    for (scope, name), row in self.model.rows.items()}
        got = {key(*r[:3]): [*r[3:5], *unmarked(r[5], locks(r[6]))] for r in self.ask(ROWS)}
        return differs(ROWS, expected, got)

    def scopes(self):
        return ([INSTANCE] + [("group", g) for g in self.model.groups] + [("project", p) for p in self.model.projects])

    def reads(self, rng):
        model = self.model
        answers = {
            "resolve": lambda s, n: self.expect_resolve(s, n) or None,
            "resolve_all": lambda s, n: model.resolve_all(s) or None,
            "active_settings": lambda s, n: model.active_settings(s, n),
            "explain": lambda s, n: model.explain(s, n) or None}
        for function, answer in answers.items():
            if function not in self.has:
                continue
            names = [None] if function == "resolve_all" else list(model.types)
            sql = everywhere(function, function != "resolve_all")
            got = {key(*r[:3]): r[3] for r in self.ask(sql)}
            expected = {key(*s, n): answer(s, n) for s in self.scopes() for n in names}
            if function == "explain":
                for s in self.scopes():
                    for n in names:
                        self.read_explained(got.get(key(*s, n)), expected[key(*s, n)], model.types[n])
            elif function != "active_settings":
                for where, answer in got.items():
                    self.read_masked(answer, expected.get(where))
            found = differs(f"{function} for all scopes", expected, got)
            if found:
                return found
        return None

    def read_explained(self, got, expected, kind):
        """Brings the extension's lines of explain into the model's form. Secrets are masked."""
        for number, line in enumerate(got or []):
            same_line = expected[number] if expected and number < len(expected) else {}
            for name in [n for n in line if line[n] is None]:
                del line[name]
            for name in VALUES:
                if name not in line:
                    continue
                line[name] = json.loads(line[name])
                line[name] = self.unmasked(line["field"] in kind.secrets, line[name], same_line.get(name))
            if line["field"] == "active" and line["reason"] == "not allowed":
                for name in ("source_level", "source_id"):  # left open by the design
                    line.pop(name, None), same_line.pop(name, None)

    def unmasked(self, secret, shown, expected):
        """What a shown value stands for: of a mask the value that is expected, if no other one has that mask. A secret in
        clear is given as such; JSON null is none. A value that was a secret once may still be masked."""
        if expected is None or not isinstance(shown, str) or not MASK.match(shown):
            return {"in clear": shown} if secret and expected is not None else shown
        if shown == "(secret)" or same(self.masks.setdefault(shown, expected), expected):
            return expected
        return {"the mask of": self.masks[shown]}

    def read_masked(self, got, expected):
        """Brings rows of resolve() into the model's form."""
        for row, wanted in zip(got or [], expected or []):
            kind = self.model.types.get(row.get("integration"))
            if kind and isinstance(row.get("settings"), dict) and row.get("integration") == wanted.get("integration"):
                row["settings"] = {field: self.unmasked(field in kind.secrets, value, wanted["settings"].get(field))
                                   for field, value in row["settings"].items()}

    def some_scopes(self, rng):
        groups = sorted(self.model.groups)
        return [INSTANCE] + [("group", g) for g in rng.sample(groups, min(3, len(groups)))]

    def lists(self, rng):
        model = self.model
        scopes = self.some_scopes(rng)
        columns = {"projects_using_custom_settings": ("custom", "active", "fields"),
                   "projects_using_default": ("active", "source_level", "source_id")}
        for function, names in columns.items():
            if function not in self.has:
                continue
            for scope in scopes:
                group = "" if scope == INSTANCE else f", {external_id(scope[1])}"
                sql = (f"SELECT i.name, pg_catalog.to_jsonb(r) FROM {SCHEMA}.integrations i,"
                       f" {SCHEMA}.{function}(i.name{group}) r")
                got = {}
                for name, row in self.ask(sql):
                    row["fields"] = sorted(row.get("fields") or [])
                    if (name, row["project_id"]) in got:
                        return sql, "one row for each project", row
                    got[name + " " + row["project_id"]] = {n: row[n] for n in names}
                expected = {name + " " + p: row for name in model.types
                            for p, row in getattr(model, function)(name, scope).items()}
                found = differs(sql, expected, got)
                if found:
                    return found
        return None

    def reports(self, rng):
        model = self.model
        if "invalid_settings" in self.has:
            sql = f"SELECT integration, scope_level, scope_id, violation FROM {SCHEMA}.invalid_settings()"
            expected = {key(*s, n): True for n in model.types for s in model.invalid(n)}
            found = differs(sql, expected, {key(r[1], r[2], r[0]): True for r in self.ask(sql)})
            if found:
                return found
        if "redundant_overrides" in self.has:
            for scope in self.some_scopes(rng):
                group = "" if scope == INSTANCE else f", {external_id(scope[1])}"
                sql = (f"SELECT i.name, r.scope_level, r.scope_id, r.field FROM {SCHEMA}.integrations i,"
                       f" {SCHEMA}.redundant_overrides(i.name{group}) r")
                expected = {f"{key(*s, n)} {f}": 1 for n in model.types for s, f in model.redundant_overrides(n, scope)}
                got = {f"{key(level, scope_id, n)} {field}": 1 for n, level, scope_id, field in self.ask(sql)}
                found = differs(sql, expected, got)
                if found:
                    return found
        return None

    def views(self, rng):
        for view in VIEWS:
            if view not in self.has:
                continue
            level = view.split("_")[0]
            own = "NULL" if level == "instance" else level + "_id"
            sql = f"SELECT {own}, integration, pg_catalog.to_jsonb(v) FROM {SCHEMA}.{view} v"
            rows = self.ask(sql)
            got = {}
            for scope_id, name, row in rows:
                row.pop(level + "_id", None)
                got[key(level, scope_id, name)] = row
            if len(got) != len(rows):
                return sql, "one row for each scope and integration", rows
            expected = {key(*s, n): self.model.resolve(s, n) for s in self.scopes() if s[0] == level
                        for n in self.model.types}
            for where, row in got.items():
                self.read_masked([row], [expected.get(where)] if expected.get(where) else None)
            found = differs(sql, {k: a for k, a in expected.items() if a}, got)
            if found:
                return found
        return None


def key(level, scope_id, name):
    return f"{level} {scope_id} {name}"


def locks(names):
    return ["*"] if "*" in names else sorted(names)


def differs(question, expected, got):
    if same(expected, got):
        return None
    if isinstance(expected, dict) and isinstance(got, dict):  # only what differs
        keys = [k for k in {**expected, **got} if k not in expected or k not in got or not same(expected[k], got[k])]
        return (question, {k: expected.get(k, "nothing") for k in keys[:2]},
                {k: got.get(k, "nothing") for k in keys[:2]})
    return question, expected, got


def what_is_there(connection):
    """The names of the functions and views, and the settings tables that have their triggers."""
    has = {r[0] for r in connection.execute(
        f"SELECT proname FROM pg_catalog.pg_proc WHERE pronamespace = '{SCHEMA}'::pg_catalog.regnamespace"
        f" UNION SELECT relname FROM pg_catalog.pg_class WHERE relnamespace = '{SCHEMA}'::pg_catalog.regnamespace"
        " AND relkind = 'v'")}
    triggers = {r[0] for r in connection.execute(
        "SELECT relname FROM pg_catalog.pg_class c WHERE relnamespace = %s::pg_catalog.regnamespace AND EXISTS"
        " (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)", (SCHEMA,))}
    can = FUNCTIONS & has
    if connection.execute(
            "SELECT FROM pg_catalog.pg_proc WHERE pronamespace = %s::pg_catalog.regnamespace"
            " AND proname = 'register_integration' AND 'force' = ANY (proargnames)", (SCHEMA,)).fetchall():
        can |= {"force"}
    if "project_settings" in triggers:
        can |= {"sql_insert", "sql_update", "sql_delete", "sql_insert_all", "sql_update_all"}
    if "groups" in triggers:
        can |= {"tree"}
    if "project_integrations" in triggers:
        can |= {"view_insert", "view_update", "view_delete"}
    if {"track_groups", "track_projects"} <= has:
        can |= {"track"}
    can |= {"sql_allow"}
    return has, can
