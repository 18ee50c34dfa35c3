#!/usr/bin/python3
"""Random operations, as run.py has them, and then questions about the past: history.py --seeds A..B --ops N.

The model keeps every state that was committed. Of random times resolve_at() has to give what the model gave then, for every
scope and type that was there. undo() of a random transaction has to put back every row of settings as the model had it
before, and nothing else, or be refused: it must be if one of them has changed since."""

import argparse
import random
import re
import sys

import psycopg

from compare import differs, what_is_there
from model import Broken, Model, Row, Verdict, same
from run import Difference, Session, next_steps
from sqltext import SCHEMA, external_id, text

MASK = re.compile(r"\(secret [0-9a-f]{16}\)$")


class Past(Session):
    def __init__(self, connection, seed, kinds):
        super().__init__(connection, seed, kinds)
        self.states = []  # (a time at which nothing ran, the state then)
        self.made = []  # (a transaction's number, the state before it, the state after it)
        self.secrets = {}
        self.asked = self.undone = self.refused = 0

    def keep(self):
        if self.transaction is None:
            (now,) = self.connection.execute("SELECT pg_catalog.clock_timestamp()").fetchone()
            before = self.states[-1][1] if self.states else None
            self.states.append((now, self.model.snapshot()))
            known = self.made[-1][0] if self.made else 0
            numbers = [n for (n,) in self.connection.execute(
                f"SELECT transaction FROM {SCHEMA}.history_transactions WHERE transaction > {known} ORDER BY 1")]
            if len(numbers) == 1 and before:
                self.made.append((numbers[0], before, self.states[-1][1]))
            elif numbers:
                self.made.append((numbers[-1], None, None))

    def undo(self):
        """What it gives and what is set then; or that it is refused."""
        known = [made for made in self.made[-12:] if made[1]]
        if not known:
            return
        number, before, after = self.rng.choice(known)
        was, left, now = before[3], after[3], self.model.rows
        changed = [k for k in {**was, **left} if not same_row(was.get(k), left.get(k))]
        must = any(not same_row(left.get(k), now.get(k)) or k[1] not in self.model.types or not self.model.exists(k[0])
                   for k in changed)
        sql = f"SELECT {SCHEMA}.undo({number})"
        try:
            (count,) = self.sql(sql).fetchone()
        except psycopg.Error as error:
            # the rules of writes hold, and a secret may be needed that was not kept
            if error.sqlstate not in ("55000", "23514") or (must and error.sqlstate != "55000"):
                raise Difference(sql, "55000 or 23514", f"{error.sqlstate} {error}") from error
            if error.sqlstate == "55000" and not must:
                again = [k for k in changed if was.get(k) and self.hides(k, was[k], now.get(k))]
                if not again and "can't be put back as they were" not in str(error):
                    raise Difference(sql, f"{len(changed)} rows put back", str(error.diag.message_detail)) from error
            self.refused += 1
            return
        if must:
            raise Difference(sql, "55000: changed since, or gone", count)
        for k in changed:
            if was.get(k):
                self.model.rows[k] = self.put_back(k, was[k], now.get(k))
            else:
                del self.model.rows[k]
        self.check(differs(sql, len(changed), count))
        self.check(self.compare.rows(self.rng))
        self.undone += 1 if changed else 0

    def put_back(self, k, row, present):
        """The row as one writes it who gives nothing anew."""
        secrets = self.model._secrets(Verdict(), self.model.types[k[1]], present or Row(False, None, {}), row, (), row.settings)
        return row._replace(secrets=secrets)

    def hides(self, k, row, present):
        """Whether a secret of the row is not the present one. What the schema does not name now may have been taken out
        of the history as a secret of a schema in between."""
        kind = self.model.types[k[1]]
        return any(not present or not same(value, present.settings.get(field)) or field not in present.secrets
                   for field, value in row.settings.items()
                   if field in kind.secrets or field in row.secrets or (kind.properties and field not in kind.properties))

    def look_back(self):
        time, state = self.rng.choice(self.states)
        then = Model()
        then.restore(state)
        for scope in [("instance", None)] + [("group", g) for g in then.groups] + [("project", p) for p in then.projects]:
            if self.rng.random() < 0.7:
                continue
            level, scope_id = scope
            own = "" if level == "instance" else f", {level}_id => {external_id(scope_id)}"
            for name in then.types:
                try:
                    expected = then.resolve(scope, name)
                except Broken:
                    continue
                sql = f"SELECT pg_catalog.to_jsonb(r) FROM {SCHEMA}.resolve_at('{time}', {text(name)}{own}) r"
                got = [row[0] for row in self.connection.execute(sql).fetchall()]
                if got and expected:
                    got[0]["settings"] = {field: self.unmasked(value, expected["settings"].get(field))
                                          for field, value in got[0]["settings"].items()}
                self.asked += 1
                self.check(differs(sql, [expected] if expected else [], got))

    def unmasked(self, shown, value):
        """The same mask is that of the same value; one without digits of any."""
        if shown == "(secret)" and value is not None:
            return value
        if isinstance(shown, str) and MASK.match(shown) and value is not None and \
                same(self.secrets.setdefault(shown, value), value):
            return value
        return shown


def same_row(a, b):
    if not a or not b:
        return not a and not b
    def all_but_values(row):
        return row.custom, row.active, sorted(row.locked), row.secrets.keys()
    return all_but_values(a) == all_but_values(b) and same(a.settings, b.settings)


def run_seed(connection, seed, count, kinds):
    session = Past(connection, seed, kinds)
    session.start(session.generator.start_types(), session.generator.start_tree())
    session.keep()
    for number in range(count):
        try:
            session.step(*next_steps(session))
        except psycopg.Error as error:
            raise Difference(session.script[-1], "no error here", str(error)) from error
        session.keep()
        if number % 10 == 9 and session.transaction is None:
            session.look_back()
        if number % 4 == 3 and session.transaction is None:
            session.undo()
            session.keep()
    if session.transaction is not None:
        session.step("commit", {}, False)
    for _ in range(5):
        session.look_back()
    return session


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="1..25")
    parser.add_argument("--ops", type=int, default=120)
    options = parser.parse_args()
    first, _, last = options.seeds.partition("..")
    passed = failed = undone = 0
    with psycopg.connect(autocommit=True) as connection:
        kinds = what_is_there(connection)
        for seed in range(int(first), int(last or first) + 1):
            try:
                session = run_seed(connection, seed, options.ops, kinds)
                passed += session.asked + session.undone + session.refused
                undone += session.undone
            except Difference as difference:
                failed += 1
                print(f"seed {seed}: {difference}", flush=True)
        Session(connection, 0, kinds).clear()
    print(f"{undone} transactions were undone")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed or not undone else 0


if __name__ == "__main__":
    sys.exit(main())
