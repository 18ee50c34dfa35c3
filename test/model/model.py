"""The reference model: all rules of the extension that concern state, in plain Python and written apart from its code,
so that it is a second opinion. An operation is run by
`Model.run(name, **arguments)`, which says how it may end; nothing is changed where it must be refused."""

from reading import INSTANCE, Broken, Fold, Reading, Row
from shape import Type, same
from tree import Tree
from viewing import Viewing
from writing import GIVEN_NOT, Writing

__all__ = ["ANY", "GIVEN_NOT", "INSTANCE", "Broken", "Fold", "Model", "Row", "Type", "Verdict", "same"]

ANY = ("any", None)


class Stop(Exception):
    pass


class Verdict:
    """How an operation may end. must: refusals of which one is certain to come (SQLSTATE, constraint name or None for
    none in particular); may: refusals that the design leaves open."""

    def __init__(self):
        self.must = set()
        self.may = set()
        self.result = None

    def refuse(self, state, constraint=None):
        self.must.add((state, constraint))

    def might(self, state, constraint=None):
        self.may.add((state, constraint))

    def refuse_any(self):
        self.must.add(ANY)

    def might_any(self):
        self.may.add(ANY)

    def stop(self):
        raise Stop()

    def allows(self, state, constraint):
        """Whether the operation may end with this error (None: with success)."""
        if state is None:
            return not self.must
        for want, name in self.must | self.may:
            if (want, name) == ANY and state[:2] == "23":
                return True
            if want == state and (name is None or name == constraint):
                return True
        return False

    def __str__(self):
        def words(pairs):
            return ", ".join(sorted(state + (" " + name if name else "") for state, name in pairs))
        if not self.must:
            return "success" + (" or " + words(self.may) if self.may else "")
        return words(self.must | self.may)


class Model(Tree, Reading, Writing, Viewing):
    def __init__(self):
        self.types = {}
        self.groups = {}
        self.projects = {}
        self.rows = {}
        self.removed = set()  # scopes that the transaction has removed: what is set on them goes if they are not there at commit
        self.app = None  # ({group: (parent, passes)}, {project: (group, passes)}) where the app's tables are tracked

    # ---- transactions

    def snapshot(self):
        app = self.app and tuple(dict(table) for table in self.app)
        return dict(self.types), dict(self.groups), dict(self.projects), dict(self.rows), set(self.removed), app

    def restore(self, snapshot):
        types, groups, projects, rows, removed, app = snapshot
        self.types, self.groups, self.projects, self.rows = dict(types), dict(groups), dict(projects), dict(rows)
        self.removed = set(removed)
        self.app = app and tuple(dict(table) for table in app)

    def run(self, name, arguments, at_commit=True):
        verdict = Verdict()
        before = self.snapshot()
        try:
            verdict.result = getattr(self, name)(verdict, **arguments)
        except Stop:
            pass
        except Broken:
            verdict.refuse_any()
        if at_commit and not verdict.must:
            verdict.must |= self.tree_problems()
        if verdict.must:
            self.restore(before)
        elif at_commit:
            self.remove_leftovers()
        return verdict

    # ---- types of integration

    def register_integration(self, v, name, schema, force=False):
        old = self.types.get(name)
        new = Type(schema, old.allowed if old else all(t.allowed for t in self.types.values()))
        if not force and old:
            try:
                before = self.invalid(name)
                self.types[name] = new
                after = self.invalid(name)
            except Broken:
                v.might_any()
                before = after = {}
            if any(violations - before.get(scope, set()) for scope, violations in after.items()):
                v.refuse("23514", "setting_matches_schema")
            elif after:  # what was invalid before, too, is left open
                v.might("23514", "setting_matches_schema")
        self.types[name] = new
        if old and not same(old.schema, schema):
            for key, row in [(key, row) for key, row in self.rows.items() if key[1] == name]:
                self.rows[key] = self._bound_anew(new, row)

    def unregister_integration(self, v, name):
        self._integration(v, name)
        if v.must:
            return
        if any(of == name and not self.goes(scope) for scope, of in self.rows):
            v.refuse("2BP01")
        else:
            del self.types[name]
            for key in [k for k in self.rows if k[1] == name]:
                del self.rows[key]

    def allow_integrations(self, v, names):
        if names is not None and not all(name in self.types for name in names):
            v.refuse("42704")
            return
        self.types = {n: t.with_allowed(names is None or n in names) for n, t in self.types.items()}

    def sql_allow(self, v, name, allowed):
        if name in self.types:
            self.types[name] = self.types[name].with_allowed(allowed)
