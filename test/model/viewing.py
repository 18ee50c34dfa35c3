"""The three views as ORMs write them: an UPDATE overrides what differs, an INSERT sets custom settings, a DELETE uses the
default."""

from reading import Broken, Row
from shape import same


class Viewing:
    def _seen(self, v, scope, integration):
        """The view's row: there is one where something is configured."""
        if integration not in self.types or not self.exists(scope):
            return None
        try:
            return self.resolve(scope, integration)
        except Broken:
            v.refuse_any()
            v.stop()

    def view_insert(self, v, scope, integration, columns):
        if integration not in self.types or not self.exists(scope):
            v.refuse("42704")
            v.refuse("23503")
        settings = columns.get("settings", {})
        if not isinstance(settings, dict):
            v.refuse("22023")
        if not v.must:
            self._set_whole(v, scope, integration, settings, columns.get("active"))
        return 1

    def view_delete(self, v, scope, integration):
        seen = self._seen(v, scope, integration)
        self._remove(scope, integration) if seen else None
        return 1 if seen else 0

    def view_update(self, v, scope, integration, columns):
        """columns: of settings, active and inherited, those that are set."""
        seen = self._seen(v, scope, integration)
        if seen is None:
            return 0
        wanted = {**seen, **columns}
        if not isinstance(wanted["settings"], dict):
            v.refuse("22023")
            v.stop()
        kind, old = self.types[integration], self.rows.get((scope, integration)) or Row(False, None, {})

        at = self.fold_at(scope, integration)

        # A secret shows as a mask: one that is given differs from that.
        def stays(key, value):
            hidden = "settings" in columns and at.hides(key) and value is not None
            return not hidden and key in seen["settings"] and same(seen["settings"][key], value)

        changed = {k: value for k, value in wanted["settings"].items() if not stays(k, value)}
        removed = seen["settings"].keys() - wanted["settings"].keys()
        differs = bool(changed or removed or wanted["active"] is not seen["active"])
        if wanted["inherited"] is not seen["inherited"]:
            if differs:
                v.refuse("22023")
            else:
                self._remove(scope, integration)
            return 1
        if not differs:
            return 1
        above = self._above(v, scope, integration)
        if removed - old.settings.keys():
            v.refuse("22023")  # an inherited key cannot be removed
        stored, _ = self._override(v, above, old, changed)
        going = set()  # it goes alone where its atomic group is set anew, else the whole group is inherited again
        for key in removed:
            going |= {key} if kind.unit(key) & changed.keys() else kind.unit(key)
        for gone in going | self._loose(old, kind.units(removed)) - changed.keys():
            stored.pop(gone, None)
        active = old.active
        if wanted["active"] is None:
            active = None
            if old.custom:
                v.refuse("22023")
        elif wanted["active"] is not seen["active"]:
            active = self._unlocked_active(v, above, wanted["active"], old.active, None)
        self._finish(v, scope, integration, old._replace(settings=stored, active=active),
                     self._given(above, old, changed),
                     careful=bool(changed or removed and old.custom) or (wanted["active"] is True and seen["active"] is not True),
                     changes_settings=bool(changed) or wanted["active"] not in (None, seen["active"]))
        return 1
