"""The functions that set things, and what plain SQL on the three settings tables does."""

from reading import INSTANCE, Broken, Row
from shape import same

GIVEN_NOT = object()  # an argument that is left out
LOCKED = ("23514", "setting_not_locked")


class Writing:
    # ---- what every write needs

    def _integration(self, v, name):
        if name is None:
            v.refuse("22023")
        elif name not in self.types:
            v.refuse("42704")
        return self.types.get(name)

    def _target(self, v, name, project_id, group_id, document=None):
        """The type and the scope of a write; which of several wrong arguments is named is left open."""
        kind = self._integration(v, name)
        scope = INSTANCE
        for level, scope_id in (("project", project_id), ("group", group_id)):
            if scope_id is GIVEN_NOT:
                continue
            if scope != INSTANCE:
                v.refuse("22023")
            scope = (level, scope_id)
            if scope_id is None:
                v.refuse("22004")
            elif not self.exists(scope):
                v.refuse("42704")
        if document is not None and not isinstance(document[0], dict):
            v.refuse("22023")
        if v.must:
            v.stop()
        return kind, scope

    def _above(self, v, scope, name):
        """What the scope inherits; a write cannot be judged while its chain is broken."""
        try:
            return self.fold_above(scope, name)
        except Broken:
            v.refuse_any()
            v.stop()

    def _put(self, key, row):
        if row is None or row.empty:
            self.rows.pop(key, None)
        else:
            self.rows[key] = row

    def _secrets(self, v, kind, old, row, given, in_clear):
        """Which fields are stored as secrets. That a value is one travels with it: what stays and is not given is one,
        whatever the schema says today. It stays bound to what it was set beside; what is in clear is bound anew."""
        def stays(key):
            return key in old.secrets and key not in given and same(old.settings[key], row.settings[key])
        some = {key for key, value in row.settings.items() if value is not None}
        former = {key for key in some - kind.secrets if stays(key)}
        found = {}
        for key in some & (kind.secrets | former):
            if key in in_clear or key not in old.secrets:
                bound = kind.unit(key) - {key} if key in kind.secrets else old.secrets[key]
                found[key] = frozenset(bound) - kind.secrets - former
                continue
            found[key] = old.secrets[key]
            for name in found[key]:
                if (name in old.settings) != (name in row.settings) or not same(old.settings.get(name), row.settings.get(name)):
                    v.refuse("22000")
        return found

    def _bound_anew(self, kind, row):
        """The row after a change of the schema: what it makes a secret is one, bound to its atomic group."""
        some = {key for key, value in row.settings.items() if value is not None}
        stored = row.secrets.keys() - kind.secrets
        found = {key: frozenset(kind.unit(key) - {key} - kind.secrets - stored) for key in some & kind.secrets}
        return row._replace(secrets={**{key: row.secrets[key] - kind.secrets for key in stored}, **found})

    def _loose(self, row, units):
        """The row's secrets that go with these atomic groups: they are in them, or bound to what is."""
        return {key for key, bound in row.secrets.items() if key in units or bound & units}

    def _without(self, row, going):
        going = going | self._loose(row, going)
        return row._replace(settings={key: value for key, value in row.settings.items() if key not in going},
                            secrets={key: bound for key, bound in row.secrets.items() if key not in going})

    def _finish(self, v, scope, name, row, given, careful, changes_settings=True, in_clear=None):
        """Stores the row and checks it: the keys given against their schemas, then what the scope ends up with, of
        which only new violations count, unless the write is of a kind that is never refused for it (not careful).
        given: key -> whether its violation is certainly refused. in_clear: the keys that a plain write of the row has;
        of a function those that are given."""
        kind = self.types[name]
        row = row._replace(secrets=self._secrets(v, kind, self.rows.get((scope, name)) or Row(False, None, {}), row,
                                                 given if in_clear is None else (), given if in_clear is None else in_clear))
        for key, (value, surely) in given.items():
            if kind.check_field(key, value):
                (v.refuse if surely else v.might)("23514", "setting_matches_schema")
        off = row.active is False and not row.settings  # which is possible everywhere
        if row.sets and scope[0] not in kind.levels and not off:
            surely = given if row.active is False else changes_settings
            (v.refuse if surely else v.might)("23514", "setting_level_allowed")
        before = self.fold_at(scope, name) if careful else None
        self._put((scope, name), row)
        if not careful:
            try:
                self.chain(scope)
            except Broken:
                v.might_any()
            return
        after = self.fold_at(scope, name)
        added = (kind.check_whole(after.settings, after.is_active)
                 - kind.check_whole(before.settings, before.is_active))
        for path, rule in added:
            v.refuse("23514", "setting_is_complete" if rule.startswith("required ") else "setting_matches_schema")

    def _unlocked(self, v, above, settings, old):
        """Of the settings given, those that are stored; a locked one is accepted with its effective value only."""
        kept = {}
        for key, value in settings.items():
            if not above.locked_by(key):
                kept[key] = value
            elif above.hides(key) or key not in above.settings or not same(above.settings[key], value):
                v.refuse(*LOCKED)
        return kept

    def _given(self, above, old, settings):
        """For _finish: whether a key is checked that a lock holds is left open."""
        return {k: (value, not above.locked_by(k)) for k, value in settings.items()}

    def _unlocked_active(self, v, above, active, old, otherwise):
        """What of a given `active` is stored; under a lock it can only be the effective one, and stays as it was."""
        if not above.locked_by("active"):
            return active
        if active is not above.active[0]:
            v.refuse(*LOCKED)
        return old if old is not None else otherwise

    # ---- whole settings

    def _set_whole(self, v, scope, name, settings, active):
        old = self.rows.get((scope, name)) or Row(False, None, {})
        above = self._above(v, scope, name)
        stored = {k: value for k, value in old.settings.items() if above.locked_by(k)}
        stored.update(self._unlocked(v, above, settings, old))
        if active is not None:
            active = self._unlocked_active(v, above, active, old.active, active)
        elif old.active is not None:
            active = old.active
        else:
            active = above.active[0] if above.locked_by("active") else True
        given = self._given(above, old, settings)
        self._finish(v, scope, name, Row(True, active, stored, old.locked), given, careful=True)

    def set_default(self, v, integration, settings, group_id=GIVEN_NOT, active=None):
        _, scope = self._target(v, integration, GIVEN_NOT, group_id, [settings])
        self._set_whole(v, scope, integration, settings, active)

    def set_custom(self, v, integration, project_id, settings, active=None):
        _, scope = self._target(v, integration, project_id, GIVEN_NOT, [settings])
        self._set_whole(v, scope, integration, settings, active)

    def _remove(self, scope, name):
        return self.rows.pop((scope, name), None) is not None

    def reset_default(self, v, integration, group_id=GIVEN_NOT):
        _, scope = self._target(v, integration, GIVEN_NOT, group_id)
        return self._remove(scope, integration)

    def use_default(self, v, integration, project_id=GIVEN_NOT, group_id=GIVEN_NOT):
        if project_id is GIVEN_NOT and group_id is GIVEN_NOT:
            v.refuse("22023")
        _, scope = self._target(v, integration, project_id, group_id)
        return self._remove(scope, integration)

    # ---- field by field

    def _override(self, v, above, old, fields):
        """(the row's settings with these fields, which of them were not left unstored)."""
        kind = above.kind
        taken = self._unlocked(v, above, fields, old)
        stored = {**old.settings, **taken}
        changed = {key for key, value in taken.items() if not (key in old.settings and same(old.settings[key], value))}
        units = kind.units(changed)
        for secret in (units & kind.secrets | self._loose(old, units)) - fields.keys():
            stored.pop(secret, None)
        return stored, taken

    def override_fields(self, v, integration, fields, project_id=GIVEN_NOT, group_id=GIVEN_NOT, active=None):
        kind, scope = self._target(v, integration, project_id, group_id, [fields])
        old = self.rows.get((scope, integration)) or Row(False, None, {})
        above = self._above(v, scope, integration)
        stored, taken = self._override(v, above, old, fields)
        now = old.active
        if active is not None:
            now = self._unlocked_active(v, above, active, old.active, None)
        given = self._given(above, old, fields)
        only_off = not fields and active is not True
        self._finish(v, scope, integration, old._replace(settings=stored, active=now), given, careful=not only_off,
                     changes_settings=bool(taken) or active is not None)

    def inherit_fields(self, v, integration, fields, project_id=GIVEN_NOT, group_id=GIVEN_NOT):
        if fields is None or None in fields:
            v.refuse("22023")
        kind, scope = self._target(v, integration, project_id, group_id)
        old = self.rows.get((scope, integration))
        for name in fields:
            if name != "active" and name not in kind.properties and not (old and name in old.settings):
                v.refuse("22023")
        if v.must or old is None:
            return
        if old.custom:
            (v.refuse if fields else v.might)("22023")
            return
        going = kind.units(fields)  # what is named goes, shadowed or not
        stored = self._without(old, going).settings
        active = None if "active" in going else old.active
        self._finish(v, scope, integration, old._replace(settings=stored, active=active), {}, careful=False,
                     changes_settings=False)

    # ---- what is below

    def reset_below(self, v, integration, group_id=GIVEN_NOT, fields=None):
        if fields is not None and None in fields:
            v.refuse("22023")
        kind, top = self._target(v, integration, GIVEN_NOT, group_id)
        self._above(v, top, integration)
        below = {scope: row for (scope, of), row in self.rows.items()
                 if of == integration and scope != top and self.exists(scope) and top in self.chain(scope)}
        for name in fields or ():
            if name != "active" and name not in kind.properties and not any(name in r.settings for r in below.values()):
                v.refuse("22023")
        if v.must:
            return
        going = kind.units(fields or ())
        changed = 0
        for scope, row in below.items():
            new = None
            if fields is not None:
                active = row.active if row.custom or "active" not in fields else None
                new = self._without(row, going)._replace(active=active)
            changed += new != row
            self._put((scope, integration), new)
        return changed

    def drop_redundant(self, v, integration, group_id=GIVEN_NOT):
        kind, top = self._target(v, integration, GIVEN_NOT, group_id)
        self._above(v, top, integration)
        fields = {}
        for scope, field in self.redundant_overrides(integration, top):
            fields.setdefault(scope, []).append(field)
        for scope, going in fields.items():
            row = self.rows[scope, integration]
            if None in going:
                row = Row(False, None, {}, row.locked)
            else:
                row = self._without(row, kind.units(going))._replace(active=None if "active" in going else row.active)
            self._put((scope, integration), row)
        return len(fields)

    def set_active(self, v, integration, active, project_id=GIVEN_NOT, group_id=GIVEN_NOT):
        _, scope = self._target(v, integration, project_id, group_id)
        old = self.rows.get((scope, integration)) or Row(False, None, {})
        if active is None and old.custom:
            v.refuse("22023")
            return
        above = self._above(v, scope, integration)
        if active is None:
            now = None
        else:
            now = self._unlocked_active(v, above, active, old.active, None)
        self._finish(v, scope, integration, old._replace(active=now), {}, careful=active is True,
                     changes_settings=active is not None)

    # ---- locks

    def lock_fields(self, v, integration, fields=None, group_id=GIVEN_NOT):
        kind, scope = self._target(v, integration, GIVEN_NOT, group_id)
        names = {"*"} if fields is None else set(fields)
        if not all(kind.knows(name) for name in names):
            v.refuse("22023")
            return
        if names:
            old = self.rows.get((scope, integration)) or Row(False, None, {})
            row = old._replace(locked=old.locked | frozenset(kind.units(names)))
            self._finish(v, scope, integration, row, {}, careful=False, changes_settings=False)

    def unlock_fields(self, v, integration, fields=None, group_id=GIVEN_NOT):
        kind, scope = self._target(v, integration, GIVEN_NOT, group_id)
        old = self.rows.get((scope, integration))
        for name in fields or []:
            if not kind.knows(name):
                (v.might if old and name in old.locked else v.refuse)("22023")
        if v.must or old is None or fields == []:
            return
        if fields is None:
            locked = frozenset()
        else:
            locked = set(old.locked)
            if "*" in locked:
                locked = (locked - {"*"}) | set(kind.properties) | {"active"}
            locked = frozenset(locked - kind.units(fields))
        self._finish(v, scope, integration, old._replace(locked=locked), {}, careful=False, changes_settings=False)

    # ---- plain SQL on the settings tables

    def sql_insert(self, v, scope, integration, columns):
        """columns: of custom, active, settings, locked, those that are given."""
        key = (scope, integration)
        if key in self.rows:
            v.refuse("23505")
            for other in (("22023", None), ("23514", None)) + (() if self.exists(scope) else (("23503", None),)):
                v.might(*other)
            if self.exists(scope):
                self._above(v, scope, integration)  # that it is broken may be what is told
            v.stop()
        new = Row(True, None, {})._replace(**columns)
        self._sql_write(v, scope, integration, None, new)

    def sql_update(self, v, scope, integration, columns):
        old = self.rows.get((scope, integration))
        if old is not None:
            self._sql_write(v, scope, integration, old, old._replace(**columns))

    def sql_delete(self, v, scope, integration):
        self.rows.pop((scope, integration), None)

    def sql_insert_all(self, v, integration, projects, columns):
        for project in projects:
            self.sql_insert(v, ("project", project), integration, columns)

    def sql_update_all(self, v, integration, columns):
        for (level, scope_id), name in list(self.rows):
            if level == "project" and name == integration:
                self.sql_update(v, (level, scope_id), name, columns)

    def _sql_write(self, v, scope, name, old, new):
        if name not in self.types or not self.exists(scope):
            if old is not None and old == new:
                if old.secrets:  # given in clear, which is not how they are stored
                    v.might("23503")
                return  # nothing is written
            v.refuse("23503")
            v.might("22023")
            v.stop()
        kind = self.types[name]
        if not isinstance(new.settings, dict):
            v.refuse("22023")
            v.stop()
        was = old or Row(False, None, {})
        if not all(kind.knows(n) for n in new.locked - was.locked):
            v.refuse("22023")
        above = self._above(v, scope, name)

        stored, given, in_clear = {}, {}, set()
        for key, value in new.settings.items():
            unchanged = key in was.settings and same(was.settings[key], value)
            if not unchanged:
                given[key] = (value, not above.locked_by(key))
            if unchanged or not above.locked_by(key):
                stored[key] = value
                in_clear.add(key)
            elif above.hides(key) or key not in above.settings or not same(above.settings[key], value):
                v.refuse(*LOCKED)
        for key, value in was.settings.items():
            if above.locked_by(key):
                stored.setdefault(key, value)

        bound = above.locked_by("active")
        active = new.active
        if active is None:
            if new.custom:
                active = was.active
                if active is None:
                    active = above.active[0] if bound else True
            elif bound:
                active = was.active
        elif bound and active is not was.active:
            if active is not above.active[0]:
                v.refuse(*LOCKED)
            active = was.active
            if active is None and new.custom:
                active = above.active[0]

        row = Row(new.custom, active, stored, new.locked)
        removed = was.settings.keys() - stored.keys()
        back = not given and (new.custom == was.custom) and (not removed or not new.custom)
        careful = not (back and (active is not True or was.active is True))
        taken = any(unlocked for _, unlocked in given.values())  # a locked field is dropped, not set
        touched = (taken or (new.custom and not was.custom) or not was.sets
                   or active is True and was.active is not True)
        self._finish(v, scope, name, row, given, careful, changes_settings=touched, in_clear=in_clear)
