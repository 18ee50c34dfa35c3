#!/usr/bin/python3
"""Two sessions, and each pair of operations in two transactions: how a pair ends is a letter in a matrix of docs/locking.md,
and after each pair must hold: what is there is what the reference model has after the operations that have committed, in one
of their orders; whom the extension refused the model refuses, too, in such an order; the rows of effective_settings are those
of the view; nobody who does one thing has met a deadlock.

Connects by the PG* environment variables to a database where the extension is installed and empty. `run.py PART...` plays
only these parts; with `--write` it puts the matrices that it finds into docs/locking.md. Whether a session waits is asked of
the server: nothing depends on time. The last line is `N passed, N failed` (pairs)."""

import os
import sys
from multiprocessing import Pool

import psycopg

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENT = os.path.join(HERE, "../../docs/locking.md")
sys.path.insert(0, os.path.join(HERE, "../model"))

import matrix  # noqa: E402
from operations import MEET_TRACKED, OPERATIONS, TRACKED  # noqa: E402
from serial import Serial  # noqa: E402
from sessions import Session  # noqa: E402
from world import World  # noqa: E402

# As another trigger of a client's own statement on a table of ours would: what is tracked is followed at once, not at commit.
FOLLOW = "UPDATE integration_defaults.instance_settings SET active = active WHERE false"


class Play:
    """One pair. order: what happens one after the other, as in `begin1 begin2 op1 op2 commit1 commit2`. A step that has to
    wait for the other session ends when that one lets it."""

    def __init__(self, sessions, level, order, first, second):
        self.sessions, self.error, self.waited = sessions, [None, None], [set(), set()]
        self.steps = {
            "begin": f"BEGIN ISOLATION LEVEL {level}; SELECT FROM integration_defaults.groups", "commit": "COMMIT",
            "follow": FOLLOW}
        self.operations = first, second
        for step in order.split():
            self.step(int(step[-1]) - 1, step[:-1])
        while any(session.blocked for session in sessions):
            self.end(0), self.end(1)

    def step(self, who, what):
        session, other = self.sessions[who], self.sessions[1 - who]
        while session.blocked and not self.end(who):  # both wait: the server ends one
            if not other.blocked:
                raise RuntimeError("the next step of a session that waits for the other one")
            self.end(1 - who)
        session.send(self.operations[who].sql.format(n=who + 1) if what == "op" else self.steps[what])
        if not self.end(who):
            self.waited[who].add(what)
        self.end(1 - who)

    def end(self, who):
        """Whether the session does not wait."""
        session = self.sessions[who]
        if session.blocked and session.end_or_wait():
            self.error[who] = self.error[who] or session.error
        return not session.blocked

    def letter(self):
        first, second = self.error
        if "40P01" in self.error:
            return "d"
        if first and second:
            return "x"
        if first:
            return "S" if first == "40001" else "R"
        if second:
            return "s" if second == "40001" else "r"
        return "c" if self.waited[0] else "w" if self.waited[1] else "."


TOGETHER = "begin1 begin2 op1 op2 commit1 commit2"
TURNED = "begin1 begin2 op1 op2 commit2 commit1"
AFTER = "begin1 begin2 op1 commit1 op2 commit2"
# Two statements, the second of which locks what follows: the only way that may end in a deadlock, in the cells that say so.
FOLLOWED = "begin1 begin2 op1 follow1 op2 commit1 commit2"


class Part:
    """A matrix: a line for each operation of the first session, a column for each of the second, and in a cell a letter for
    each way to play them: what they meet in, and in which order."""

    def __init__(self, name, level, pairs, ways):
        self.name, self.level, self.ways = name, level, ways
        self.pairs = [(first, second) for lines, columns in pairs for first in lines for second in columns]


EVERYTHING = [(OPERATIONS, OPERATIONS)]
THROUGH_TRACKED = [(TRACKED, TRACKED + MEET_TRACKED), (MEET_TRACKED, TRACKED)]
PARTS = [
    Part("READ COMMITTED", "READ COMMITTED", EVERYTHING, [("plain", TOGETHER), ("materialized", TOGETHER)]),
    Part("REPEATABLE READ", "REPEATABLE READ", EVERYTHING,
         [("materialized", TOGETHER), ("materialized", AFTER)]),
    Part("READ COMMITTED, through tracked tables", "READ COMMITTED", THROUGH_TRACKED,
         [("tracked", TOGETHER), ("tracked", FOLLOWED)]),
    Part("REPEATABLE READ, through tracked tables", "REPEATABLE READ", THROUGH_TRACKED,
         [("tracked", TOGETHER), ("tracked", AFTER)]),
]
# What SERIALIZABLE refuses beyond that is a matter of pages, and another one on each major.
SERIALIZABLE = Part("SERIALIZABLE", "SERIALIZABLE", EVERYTHING, [("materialized", TOGETHER)])
ALL = [*PARTS, SERIALIZABLE]


def play_all(job):
    """(the letters of a part in one way, what is wrong)"""
    number = job[1]
    part = ALL[job[0]]  # an operation can't be sent to another process
    kind, order = part.ways[number]
    database = f"{kind}_{os.getpid()}"
    world = World(kind, database)
    letters, wrong = {}, []

    def play(order, first, second):
        nonlocal world
        found, letter, errors = None, "!", None
        try:
            world.reset()
            played = Play(world.sessions, part.level, order, first, second)
            world.anew = first.materializes or second.materializes
            letter, errors = played.letter(), played.error
            found = Serial.explain(world, played)
        except (RuntimeError, psycopg.Error) as stuck:
            found = f"{type(stuck).__name__}: {stuck}"
            world.drop()
            world = World(kind, database)
        if found:
            wrong.append(f"{part.name}, {kind}: {first.name}, {second.name}: {order}: {letter}: {found}; errors: {errors}")
        return letter

    _, documented = matrix.Document(DOCUMENT).read(part.name)
    for first, second in part.pairs:
        letter = play(order, first, second)
        # Once the server has told a session of so many changes that it forgets all that it knows of tables, the session looks
        # at those of the app again, and waits for who truncates one. That happens at any time; what was wrong then stays wrong.
        if letter != documented.get((first.name, second.name), "").ljust(number + 1, letter)[number]:
            letter = play(order, first, second)
        letters[first.name, second.name] = letter
        if letter == "x" or letter == "d" and order != FOLLOWED:
            wrong.append(f"{part.name}, {kind}: {first.name}, {second.name}: {order}: both fail, or in a deadlock")
        if letter == "." and part is PARTS[0] and play(TURNED, first, second) in "dx":
            wrong.append(f"{part.name}, {kind}: {first.name}, {second.name}: {TURNED}: both fail, or in a deadlock")
    world.drop()
    return letters, wrong


def set_autovacuum(command):
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM {command}")
        connection.execute("SELECT pg_catalog.pg_reload_conf()")


def main(arguments):
    document = matrix.Document(DOCUMENT)
    wanted = [a for a in arguments if a != "--write"]
    parts = [p for p in ALL if not wanted or p.name in wanted]
    jobs = [(ALL.index(part), number) for part in parts for number in range(len(part.ways))]
    # It has sessions look at changed tables again, which may have to wait for that.
    set_autovacuum("SET autovacuum = off")
    with Pool(4) as pool:
        played = pool.map(play_all, jobs, 1)
    set_autovacuum("RESET autovacuum")
    plays = sum(len(letters) for letters, _ in played)
    failed = 0
    for part in parts:
        ways = [letters for (of, _), (letters, _) in zip(jobs, played) if ALL[of] is part]
        found = {pair: "".join(letters[pair] for letters in ways) for pair in ways[0]}
        wrong = [line for (of, _), (_, lines) in zip(jobs, played) if ALL[of] is part for line in lines]
        if part is SERIALIZABLE:
            _, expected = document.read("REPEATABLE READ")
            for pair, letter in found.items():
                if letter not in (expected.get(pair, "?")[0], "s", "S"):
                    wrong.append(f"SERIALIZABLE: {', '.join(pair)}: {letter}, not s, S or {expected.get(pair)}")
        else:
            text = matrix.draw(part.name, found)
            if "--write" in arguments:
                document.write(part.name, text)
            known, expected = document.read(part.name)
            for pair in sorted({*found, *expected}):
                if found.get(pair) != expected.get(pair):
                    wrong.append(f"{part.name}: {', '.join(pair)}: {found.get(pair)}, not {expected.get(pair)}")
            if known != text:
                print(text)
        for line in wrong:
            print(line)
        failed += len(wrong)
    print(f"{plays - min(failed, plays - 1)} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
