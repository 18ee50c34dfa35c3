"""Random trees, types and operations. Values come from small pools, so that equal values, pins and locked values with
their effective value all happen often."""

import uuid

from model import INSTANCE, Broken, same

WORDS = ["a", "b", "äß", "", "it's", "much too long for that"]


class Generator:
    def __init__(self, rng, model, can):
        self.rng = rng
        self.model = model
        self.can = can  # kinds of operations that the extension has
        self.counter = 0
        self.id_type = rng.choice(["text", "text", "bigint", "uuid"])
        self.tracked = rng.random() < 0.4 and "track" in can
        if not self.tracked:
            self.id_type = "text"
        self.filtered = self.tracked and rng.random() < 0.5

    # ---- the start

    def start_types(self):
        return [("register_integration", {"name": name, "schema": self.schema()})
                for name in ["Slack", "jira", "hook"][: self.rng.randint(1, 3)]]

    def start_tree(self):
        """(groups, projects) as [(id, parent)]."""
        rng = self.rng
        groups, projects = [], []
        for _ in range(rng.randint(0, 9)):
            groups.append((self.new_id(), rng.choice([None] + [g for g, _ in groups[-4:]])))
        for _ in range(rng.randint(1, 9)):
            projects.append((self.new_id(), rng.choice([None] + [g for g, _ in groups] * 3)))
        return groups, projects

    def new_id(self):
        self.counter += 1
        if self.id_type == "uuid":
            return str(uuid.UUID(int=self.rng.getrandbits(128)))
        if self.id_type == "bigint":
            return str(self.counter * 7)
        return self.rng.choice(["{}", "x{}", "äß {}", "it's {}", str(uuid.UUID(int=self.counter)), "-{}",
                                '"{{}}' + "{}", "0{}"]).format(self.counter)

    def schema(self):
        rng = self.rng
        names = rng.sample(["url", "token", "key", "room", "level", "on", "ß", "it's"], rng.randint(1, 6))
        properties = {name: self.property_schema() for name in names}
        schema = {"properties": properties}
        if "register_integration" not in self.can:  # no checks of settings yet
            for property_ in properties.values():
                for rule in ("type", "enum", "minimum", "maxLength"):
                    property_.pop(rule, None)
            return schema
        if rng.random() < 0.6:
            schema["additionalProperties"] = False
        if rng.random() < 0.5:
            schema["required"] = rng.sample(names, rng.randint(1, min(2, len(names))))
        if rng.random() < 0.6 and len(names) > 1:
            schema["x-atomic"] = [rng.sample(names, rng.randint(2, min(3, len(names))))
                                  for _ in range(rng.randint(1, 2))]
        if rng.random() < 0.2:
            schema["x-levels"] = rng.sample(["instance", "group", "project"], rng.randint(1, 3))
        return schema

    def property_schema(self):
        rng = self.rng
        kind = rng.choice(["string", "string", "integer", "boolean", ["string", "null"], None])
        found = {} if kind is None else {"type": kind}
        if kind == "string" and rng.random() < 0.4:
            found["maxLength"] = 5
        if kind == "integer" and rng.random() < 0.4:
            found["minimum"] = 0
        if kind == "string" and rng.random() < 0.2:
            found["enum"] = ["a", "b"]
        if kind in ("string", None) and rng.random() < 0.35:
            found["writeOnly"] = True
        if rng.random() < 0.35:
            found["default"] = {"integer": 1, "boolean": rng.random() < 0.5}.get(
                kind if isinstance(kind, str) else "", "a")
        return found

    # ---- arguments

    def some_type(self):
        rng = self.rng
        if rng.random() < 0.02:
            return rng.choice(["none", "slack", ""])
        return rng.choice(sorted(self.model.types) or ["none"])

    def some_id(self, level, unknown=0.03):
        ids = list(self.model.groups if level == "group" else self.model.projects)
        if not ids or self.rng.random() < unknown:
            return self.new_id()
        return self.rng.choice(ids)

    def some_scope(self, levels=("instance", "group", "project")):
        level = self.rng.choice(levels)
        return INSTANCE if level == "instance" else (level, self.some_id(level))

    def parent(self, unknown=0.03):
        return None if self.rng.random() < 0.2 else self.some_id("group", unknown)

    def value(self, schema):
        rng = self.rng
        kind = schema.get("type")
        if rng.random() < 0.06 or kind is None:
            return rng.choice([None, True, 0, 1, 1.0, "a", [], {"a": None}, ["b", {"c": 1}]])
        if "enum" in schema and rng.random() < 0.8:
            return rng.choice(schema["enum"])
        if kind == "integer":
            return rng.choice([0, 1, 2, 1.0, -1 if rng.random() < 0.3 else 3])
        if kind == "boolean":
            return rng.random() < 0.5
        if isinstance(kind, list) and rng.random() < 0.3:
            return None
        return rng.choice(WORDS if rng.random() < 0.3 else WORDS[:3])

    def settings(self, scope, name, most=1.0):
        rng, model = self.rng, self.model
        if rng.random() < 0.01:
            return rng.choice([[], "a", 1])
        if name not in model.types:
            return {"url": "a"}
        kind = model.types[name]
        try:
            fold = model.fold_at(scope, name) if model.exists(scope) else None
        except Broken:
            fold = None
        row = model.rows.get((scope, name))
        found = {}
        share = rng.random() * most
        for key, schema in kind.properties.items():
            need = key in kind.required and rng.random() < 0.8
            if not need and rng.random() > share:
                continue
            if fold and key in fold.settings and rng.random() < 0.2:
                found[key] = fold.settings[key]
            elif row and key in row.settings and rng.random() < 0.2:
                found[key] = row.settings[key]
            elif fold and scope != INSTANCE and model.fold_above(scope, name).locked_by(key):
                if rng.random() < 0.5:
                    if key in fold.settings and rng.random() < 0.85:
                        found[key] = fold.settings[key]
                    else:
                        found[key] = self.value(schema)
            else:
                found[key] = self.value(schema)
        if rng.random() < 0.04:
            found[rng.choice(["other", "url", "täg"])] = rng.choice(["a", 1, None])
        return found

    def names(self, name, few=False):
        rng = self.rng
        known = ["active"] + list(self.model.types[name].properties if name in self.model.types else [])
        found = rng.sample(known, rng.randint(0 if rng.random() < 0.1 else 1, 1 if few else min(3, len(known))))
        if rng.random() < 0.02:
            found.append("unknown")
        return found

    def active(self, none=0.5):
        return None if self.rng.random() < none else self.rng.random() < 0.6

    # ---- operations

    WEIGHTS = {
        "set_default": 10, "reset_default": 4, "set_custom": 10, "use_default": 5, "override_fields": 9,
        "inherit_fields": 5, "set_active": 5, "lock_fields": 5, "unlock_fields": 4, "reset_below": 1.5, "drop_redundant": 1.5,
        "sql_insert": 10, "sql_update": 12, "sql_delete": 4, "sql_insert_all": 1, "sql_update_all": 1,
        "view_insert": 3, "view_update": 9, "view_delete": 2,
        "register_integration": 1.5, "unregister_integration": 0.5, "allow_integrations": 1, "sql_allow": 0.5,
        "add_group": 2, "move_group": 3, "remove_group": 1.5, "add_project": 2, "move_project": 2,
        "remove_project": 1, "tree": 5}

    def operation(self):
        weights = {k: w for k, w in self.WEIGHTS.items() if k in self.can}
        if self.tracked:  # those functions are refused then; the app's tables are changed instead
            weights = {k: 20 if k == "tree" else 0.1 if k.startswith(("add", "move", "remove")) else w
                       for k, w in weights.items()}
        kind = self.rng.choices(list(weights), list(weights.values()))[0]
        if kind == "tree":
            return self.app_operation() if self.tracked else self.tree_operation()
        return getattr(self, "op_" + kind, self.by_scope)(kind)

    def by_scope(self, kind):
        """The functions that take a type and a scope."""
        rng = self.rng
        name = self.some_type()
        default = kind in ("set_default", "reset_default", "lock_fields", "unlock_fields", "reset_below", "drop_redundant")
        levels = ("instance", "group", "group") if default else ("instance", "group", "project", "project")
        if kind == "set_custom":
            levels = ("project",)
        scope = self.some_scope(levels)
        given = {"integration": name}
        if scope[0] != "instance":
            given[scope[0] + "_id"] = scope[1] if rng.random() > 0.005 else None
        if not default and kind != "set_custom" and rng.random() < 0.01:
            given.update(project_id=self.some_id("project"), group_id=self.some_id("group"))
        if kind in ("set_default", "set_custom"):
            given["settings"] = self.settings(scope, name)
        if kind == "override_fields":
            given["fields"] = self.settings(scope, name, 0.6)
        if kind in ("inherit_fields", "lock_fields", "unlock_fields"):
            given["fields"] = self.names(name)
        if kind in ("lock_fields", "unlock_fields") and rng.random() < 0.15:
            given["fields"] = None
        if kind == "reset_below" and rng.random() < 0.6:
            given["fields"] = self.names(name)
        if kind in ("set_default", "set_custom", "override_fields") and rng.random() < 0.4:
            given["active"] = self.active(0.2)
        if kind == "set_active":
            given["active"] = self.active(0.2)
        return kind, given

    def columns(self, scope, name):
        rng = self.rng
        found = {}
        if rng.random() < 0.5:
            found["custom"] = rng.random() < 0.4
        if rng.random() < 0.5:
            found["active"] = self.active(0.3)
        if rng.random() < 0.7 or not found:
            found["settings"] = self.settings(scope, name, 0.7)
        if scope[0] != "project" and rng.random() < 0.35:
            found["locked"] = frozenset(["*"] if rng.random() < 0.1 else self.names(name))
        return found

    def op_view_insert(self, kind):
        scope, name = self.some_scope(), self.some_type()
        columns = {"settings": self.settings(scope, name)}
        if self.rng.random() < 0.4:
            columns["active"] = self.active(0.3)
        return kind, {"scope": scope, "integration": name, "columns": columns}

    def op_view_delete(self, kind):
        return kind, {"scope": self.some_scope(), "integration": self.some_type()}

    def op_view_update(self, kind):
        """What an ORM saves: the row as it was loaded, with a key or two changed."""
        rng, model = self.rng, self.model
        scope, name = self.some_scope(), self.some_type()
        try:
            seen = model.resolve(scope, name) if name in model.types and model.exists(scope) else None
        except Broken:
            seen = None
        if seen is None:
            return kind, {"scope": scope, "integration": name, "columns": {"active": True}}
        columns = {}
        row = model.rows.get((scope, name))
        if rng.random() < 0.8:
            settings, new = dict(seen["settings"]), self.settings(scope, name, 0.5)
            if isinstance(new, dict):
                settings.update(new)
                changed = {k for k in new if k not in seen["settings"] or not same(new[k], seen["settings"][k])}
                removable = sorted(set(row.settings if row else []) - model.types[name].units(changed))
                if removable and rng.random() < 0.3 and not self.locked(scope, name, removable):
                    settings.pop(rng.choice(removable), None)
                elif rng.random() < 0.03 and settings:
                    settings.pop(rng.choice(sorted(settings)))
            else:
                settings = new
            columns["settings"] = settings
        if rng.random() < 0.3 or not columns:
            columns["active"] = self.active(0.15)
        if not seen["inherited"] and rng.random() < 0.1:
            columns = {**(columns if rng.random() < 0.3 else {}), "inherited": True}
        return kind, {"scope": scope, "integration": name, "columns": columns}

    def locked(self, scope, name, fields):
        above = self.model.fold_above(scope, name) if scope != INSTANCE else None
        return above is not None and any(above.locked_by(field) for field in fields)

    def op_sql_insert(self, kind):
        scope, name = self.some_scope(), self.some_type()
        for _ in range(3):
            if (scope, name) in self.model.rows:
                scope, name = self.some_scope(), self.some_type()
        return kind, {"scope": scope, "integration": name, "columns": self.columns(scope, name)}

    def op_sql_update(self, kind):
        if not self.model.rows:
            return self.op_sql_insert("sql_insert")
        (scope, name), row = self.rng.choice(list(self.model.rows.items()))
        columns = self.columns(scope, name)
        if isinstance(columns.get("settings"), dict) and self.rng.random() < 0.6:
            merged = {**row.settings, **columns["settings"]}
            for key in list(merged):
                if self.rng.random() < 0.15:
                    del merged[key]
            columns["settings"] = merged
        return kind, {"scope": scope, "integration": name, "columns": columns}

    def op_sql_delete(self, kind):
        if not self.model.rows:
            return self.op_sql_insert("sql_insert")
        scope, name = self.rng.choice(list(self.model.rows))
        return kind, {"scope": scope, "integration": name}

    def op_sql_insert_all(self, kind):
        name = self.some_type()
        projects = [p for p in self.model.projects
                    if (("project", p), name) not in self.model.rows and self.rng.random() < 0.5]
        scope = ("project", projects[0] if projects else self.new_id())
        return kind, {"integration": name, "projects": projects or [scope[1]], "columns": self.columns(scope, name)}

    def op_sql_update_all(self, kind):
        name = self.some_type()
        return kind, {"integration": name, "columns": self.columns(("project", self.some_id("project")), name)}

    def op_register_integration(self, kind):
        rng = self.rng
        name = rng.choice(["Slack", "jira", "hook", "new"])
        schema = self.schema()
        if name in self.model.types and rng.random() < 0.8:  # a field comes, goes or changes
            old = self.model.types[name].schema
            properties = dict(old["properties"])
            if len(properties) > 1 and rng.random() < 0.4:
                del properties[rng.choice(list(properties))]
            if rng.random() < 0.5:
                properties[rng.choice(["url", "token", "room", "later"])] = self.property_schema()
            schema = {**old, "properties": properties}
            schema["x-atomic"] = [g for g in ([f for f in group if f in properties]
                                              for group in old.get("x-atomic", [])) if len(g) > 1]
            if not schema["x-atomic"] or rng.random() < 0.2:
                del schema["x-atomic"]
            if rng.random() < 0.1:
                schema.pop("x-levels", None)
            if rng.random() < 0.3:
                field = rng.choice(list(properties))
                properties[field] = {k: x for k, x in properties[field].items() if k != "writeOnly"}
        given = {"name": name, "schema": schema}
        if "force" in self.can and rng.random() < 0.7:
            given["force"] = True
        return kind, given

    def op_unregister_integration(self, kind):
        return kind, {"name": self.some_type()}

    def op_allow_integrations(self, kind):
        rng = self.rng
        known = sorted(self.model.types)
        names = None if rng.random() < 0.6 else [n for n in known if rng.random() < 0.7]
        if names and rng.random() < 0.05:
            names.append("none")
        return kind, {"names": names}

    def op_sql_allow(self, kind):
        return kind, {"name": self.some_type(), "allowed": self.rng.random() < 0.7}

    def op_add_group(self, kind):
        known = self.rng.random() < 0.05
        given = {"group_id": self.some_id("group") if known else self.new_id()}
        if self.rng.random() < 0.8:
            given["parent_id"] = self.parent()
        return kind, given

    def op_add_project(self, kind):
        known = self.rng.random() < 0.05
        given = {"project_id": self.some_id("project") if known else self.new_id()}
        if self.rng.random() < 0.8:
            given["group_id"] = self.parent()
        return kind, given

    def op_move_group(self, kind):
        return kind, {"group_id": self.some_id("group"), "parent_id": self.parent()}

    def op_move_project(self, kind):
        return kind, {"project_id": self.some_id("project"), "group_id": self.parent()}

    def op_remove_group(self, kind):
        return kind, {"group_id": self.some_id("group")}

    def op_remove_project(self, kind):
        return kind, {"project_id": self.some_id("project")}

    def tree_operation(self):
        rng = self.rng
        level = rng.choice(["group", "project"])
        what = rng.choice(["insert", "move", "move", "rename", "delete"])
        ids = [self.some_id(level) for _ in range(rng.randint(1, 2))]
        if what == "insert":
            rows = [(self.new_id(), self.parent()) for _ in range(rng.randint(1, 2))]
            if level == "group" and len(rows) == 2 and rng.random() < 0.5:
                rows[0] = (rows[0][0], rows[1][0])  # the child first
            return "tree_insert", {"level": level, "rows": rows}
        if what == "rename":
            new = self.some_id(level) if rng.random() < 0.05 else self.new_id()
            return "tree_rename", {"level": level, "old": ids[0], "new": new}
        if what == "move":
            return "tree_move", {"level": level, "ids": ids, "parent": self.parent()}
        return "tree_delete", {"level": level, "ids": ids[:1]}

    def app_operation(self):
        rng, (groups, projects) = self.rng, self.model.app
        level = rng.choice(["group", "project"])

        def known(table):
            return rng.choice(list(table)) if table and rng.random() > 0.03 else self.new_id()

        def parent():
            return None if rng.random() < 0.2 else known(groups)

        def passes():
            return not self.filtered or rng.random() < 0.75
        own = groups if level == "group" else projects
        ids = [known(own) for _ in range(rng.randint(1, 2))]
        what = rng.choice(["insert"] * 6 + ["move"] * 5 + ["rename"] * 2 + ["delete"] * 2
                          + ["filter"] * (4 if self.filtered else 0) + ["truncate"] * (rng.random() < 0.05))
        if what == "truncate":
            return "app_truncate_projects", {}
        if what == "insert":
            rows = [(self.new_id(), parent(), passes()) for _ in range(rng.randint(1, 3))]
            if level == "group" and len(rows) > 1 and rng.random() < 0.5:
                rows[0] = (rows[0][0], rows[1][0], rows[0][2])
            return "app_insert", {"level": level, "rows": rows}
        if what == "move":
            return "app_move", {"level": level, "ids": ids, "parent": parent()}
        if what == "filter":
            return "app_filter", {"level": level, "ids": ids, "passes": passes()}
        if what == "rename":
            return "app_rename", {"level": level, "old": ids[0], "new": self.new_id()}
        return "app_delete", {"level": level, "ids": ids[:1]}
