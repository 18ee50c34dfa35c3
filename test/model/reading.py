"""The fold, the one rule of inheritance, and the functions that read."""

from typing import NamedTuple, Optional

from shape import same


INSTANCE = ("instance", None)


class Row(NamedTuple):
    """What people set on one scope for one type. Never changed in place."""
    custom: bool
    active: Optional[bool]
    settings: dict
    locked: frozenset = frozenset()
    secrets: dict = {}  # of the fields that are stored as secrets: the fields that each is bound to

    @property
    def sets(self):
        return self.custom or bool(self.settings) or self.active is not None

    @property
    def empty(self):
        return not self.sets and not self.locked


class Broken(Exception):
    """The chain of a scope meets a cycle or a parent that is not there; possible inside a transaction only."""


class Fold:
    """What is known after some scopes of a chain: values with who supplied them, active, and the locks so far."""

    def __init__(self, kind):
        self.kind = kind
        self.values = {}  # field -> (value, scope, the row's secrets); what is missing has its schema default or nothing
        self.active = (False, None)
        self.locks = []  # (scope, names), from the top down: the first that binds a field is the highest
        self.source = None  # the nearest scope whose row sets something

    def hides(self, field):
        """Whether its value is a secret: of the type, or as it is stored."""
        return field in self.kind.secrets or field in self.values and field in self.values[field][2]

    def locked_by(self, field):
        unit = self.kind.unit(field)
        for scope, names in self.locks:
            if "*" in names or unit & names:
                return scope
        return None

    def add(self, scope, row):
        if row is None:
            return
        if row.sets:
            self.source = scope
        if row.custom:
            self.values = {k: v for k, v in self.values.items() if self.locked_by(k)}
            if not self.locked_by("active"):
                self.active = (False, None)
        decided = self.kind.units(row.settings)
        for field in decided:
            if self.locked_by(field):
                continue
            self.values.pop(field, None)
            if field in row.settings:
                self.values[field] = (row.settings[field], scope, row.secrets)
        if row.active is not None and not self.locked_by("active"):
            self.active = (row.active, scope)
        if row.locked:
            self.locks.append((scope, row.locked))

    @property
    def settings(self):
        return {**self.kind.defaults, **{k: v for k, (v, *_) in self.values.items()}}

    @property
    def is_active(self):
        return self.active[0] and self.kind.allowed


class Reading:
    def parent(self, scope):
        level, scope_id = scope
        above = (self.groups if level == "group" else self.projects)[scope_id]
        return INSTANCE if above is None else ("group", above)

    def exists(self, scope):
        level, scope_id = scope
        return level == "instance" or scope_id in (self.groups if level == "group" else self.projects)

    def chain(self, scope):
        """From the instance down to the scope."""
        up = [scope]
        while up[-1] != INSTANCE:
            if not self.exists(up[-1]) or len(up) > len(self.groups) + 2:
                raise Broken()
            up.append(self.parent(up[-1]))
        return up[::-1]

    def fold(self, chain, name):
        fold = Fold(self.types[name])
        for scope in chain:
            fold.add(scope, self.rows.get((scope, name)))
        return fold

    def fold_at(self, scope, name):
        return self.fold(self.chain(scope), name)

    def fold_above(self, scope, name):
        return self.fold(self.chain(scope)[:-1], name)

    def subtree(self, scope):
        """The projects below a scope, itself included."""
        return [p for p in self.projects if scope in self.chain(("project", p))]

    # ---- answers, as the SQL face gives them; the callers make sure that everything named exists

    def resolve(self, scope, name):
        fold = self.fold_at(scope, name)
        if fold.source is None:
            return None
        return {"integration": name, "active": fold.is_active, "settings": fold.settings,
                "inherited": fold.source != scope, "source_level": fold.source[0], "source_id": fold.source[1]}

    def resolve_all(self, scope):
        answers = (self.resolve(scope, name) for name in sorted(self.types, key=str.encode))
        return [answer for answer in answers if answer]

    def active_settings(self, scope, name):
        fold = self.fold_at(scope, name)
        return fold.settings if fold.source is not None and fold.is_active else None

    def projects_using_custom_settings(self, name, scope):
        found = {}
        for project in self.subtree(scope):
            row = self.rows.get((("project", project), name))
            if row and row.sets:
                found[project] = {"custom": row.custom, "active": self.resolve(("project", project), name)["active"],
                                  "fields": sorted(row.settings)}
        return found

    def projects_using_default(self, name, scope):
        found = {}
        for project in self.subtree(scope):
            row = self.rows.get((("project", project), name))
            answer = self.resolve(("project", project), name)
            if answer and not (row and row.sets):
                found[project] = {k: answer[k] for k in ("active", "source_level", "source_id")}
        return found

    def invalid(self, name):
        """Scopes that set something and whose effective settings break the schema, with what they break."""
        found = {}
        for (scope, of), row in self.rows.items():
            if of == name and row.sets and self.exists(scope):
                fold = self.fold_at(scope, name)
                found[scope] = fold.kind.check_whole(fold.settings, fold.is_active)
        return {scope: violations for scope, violations in found.items() if violations}

    def redundant_overrides(self, name, below):
        """(scope, field): what is equal to what would be inherited, and what a lock shadows, if it is equal to the
        locked value; field None: custom settings as a whole. Where nothing is configured above, `active` has nothing
        to be equal to, and something has to stay."""
        found = []
        for (scope, of), row in self.rows.items():
            if of != name or not self.exists(scope) or below not in self.chain(scope):
                continue
            above = self.fold_above(scope, name) if scope != INSTANCE else Fold(self.types[name])
            active = above.source is not None and row.active is above.active[0]
            if row.custom:
                if active and self._ends_up_alike(scope, name, row, above):
                    found.append((scope, None))
                continue
            own = {**above.kind.defaults, **row.settings}
            fields = []
            for field in row.settings:
                unit = [field] if above.locked_by(field) else above.kind.unit(field)
                bound = {f for secret, names in row.secrets.items() for f in names - above.kind.unit(secret)}
                if not bound & set(unit) and all((f in own) == (f in above.settings) and same(own.get(f), above.settings.get(f)) for f in unit):
                    fields.append((scope, field))
            if above.source is None and row.active is None and len(fields) == len(row.settings):
                fields = []
            found += fields + ([(scope, "active")] if active else [])
        return found

    def _ends_up_alike(self, scope, name, row, above):
        at = self.fold_at(scope, name)
        return (at.is_active is above.is_active and at.settings.keys() == above.settings.keys()
                and all(same(value, above.settings[key]) for key, value in at.settings.items())
                and all(key in above.settings and same(value, above.settings[key])
                        for key, value in row.settings.items()))

    def explain(self, scope, name):
        """Rows as dicts; absent values are missing keys. None where nothing is configured: no rows."""
        fold = self.fold_at(scope, name)
        if fold.source is None:
            return []
        kind = fold.kind
        above = self.fold_above(scope, name) if scope != INSTANCE else Fold(kind)
        row = self.rows.get((scope, name)) or Row(False, None, {})

        def line(field, supplier, default):
            lock = above.locked_by(field)
            if lock:
                reason = "locked"
            elif supplier:
                reason = "own" if supplier == scope else "inherited"
            else:
                reason = default
            found = {"field": field, "reason": reason}
            if supplier:
                found["source_level"] = supplier[0]
                if supplier != INSTANCE:
                    found["source_id"] = supplier[1]
            if lock:
                found["locked_by"] = "instance" if lock == INSTANCE else "group " + lock[1]
            return found

        first = line("active", fold.active[1], "not set")
        first["value"] = fold.is_active
        first["inherited_value"] = above.active[0] and kind.allowed
        if row.active is not None:
            first["own_value"] = row.active
        if not kind.allowed:
            first["reason"] = "not allowed"
        lines = [first]
        others = (set(fold.settings) | set(above.settings) | set(row.settings)) - set(kind.properties)
        for field in sorted(kind.properties, key=str.encode) + sorted(others, key=str.encode):
            supplier = fold.values[field][1] if field in fold.values else None
            found = line(field, supplier, "schema default" if field in kind.defaults else "not set")
            for key, settings in (("value", fold.settings), ("own_value", row.settings),
                                  ("inherited_value", above.settings)):
                if field in settings:
                    found[key] = settings[field]
            lines.append(found)
        return lines
