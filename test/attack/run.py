"""Attacks at random: roles with few rights, and the owner of the database, call every function with any arguments, hang
every trigger function on any relation, write everything, alter what they own, and are interrupted. The server stays up,
says what is wrong by a proper SQLSTATE, and nobody changes what he may not change or becomes more than he was.

ATTACK_SECONDS (40) says how long, SEED repeats a run, SEED and ROUND repeat one of its rounds, ROLE names who attacks,
VERBOSE shows each statement.
"""
import os
import random
import sys
import time

import psycopg

from session import Session, Watch
from statements import Statements
from world import POWERLESS, ROLES, build, digest, rights

SECONDS = int(os.environ.get("ATTACK_SECONDS", "40"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(10**6)))
ONLY = os.environ.get("ROUND")
ROLE = os.environ.get("ROLE")
STEPS = 80
LOG = os.path.join(os.environ["PGHOST"], "server", "server.log")

# Errors of the server's own that any extension's user can cause by altering what is in use.
ALLOWED = (
    "tuple concurrently updated", "tuple concurrently deleted", "cache lookup failed for relation", "could not open relation with OID",
    "attribute number", "unrecognized node type: 0", "could not find trigger",
)


class Failure(Exception):
    pass


def attack(control, name, number):
    rng = random.Random(f"{SEED} {number}")
    role = ROLE or rng.choice(list(ROLES))
    control.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    control.execute(f"CREATE DATABASE {name} TEMPLATE attack_template OWNER dbo")
    with psycopg.connect(dbname=name, autocommit=True) as judge:
        judge.execute("SET lock_timeout = '5s'; SET search_path = pg_catalog")
        before_rights, before = rights(judge), digest(judge)
        session = Session(name, role, rng)
        statements = Statements(rng, role, judge)
        done = []
        try:
            for step in range(STEPS):
                sql = statements.next()
                done.append(sql)
                if os.environ.get("VERBOSE"):
                    print(f"[{role}] {sql[:2000]}", flush=True)
                error = session.run(sql)
                if os.environ.get("VERBOSE"):
                    print(f"    {'done' if error is None else (error.sqlstate or '') + ' ' + str(error)[:200]}", flush=True)
                if error is not None and (error.sqlstate or "").startswith("XX") and not any(
                        allowed in str(error) for allowed in ALLOWED):
                    raise Failure(f"an internal error: {error}")
                if session.memory() > 400 * 1024 * 1024:
                    raise Failure(f"the backend has {session.memory() >> 20} MB")
                if role in POWERLESS and step % 4 == 3:
                    compare(judge, before)
                if rights(judge) != before_rights:
                    raise Failure(f"{role} has gained rights: {rights(judge)}")
            session.end()
            if role in POWERLESS:
                compare(judge, before)
            if rights(judge) != before_rights:
                raise Failure(f"{role} has gained rights: {rights(judge)}")
        except (Failure, psycopg.OperationalError) as failure:
            print(f"SEED={SEED} ROUND={number}: as {role}: {failure}\n-- the statements of the session")
            print(";\n".join(done[-STEPS:]) + ";")
            return False, statements.count
        finally:
            session.close()
    control.execute(f"DROP DATABASE {name} WITH (FORCE)")
    return True, statements.count


def compare(judge, before):
    try:
        now = digest(judge)
    except psycopg.errors.LockNotAvailable:
        return
    for table, value in before.items():
        if now[table] != value:
            raise Failure(f"{table} has changed")


def went_down(since):
    with open(LOG, errors="replace") as log:
        log.seek(since)
        return [line.strip() for line in log
                if any(sign in line for sign in ("terminated by signal", "PANIC", "TRAP", "terminate called"))]


def main():
    since = os.path.getsize(LOG)
    with psycopg.connect(dbname="postgres", autocommit=True) as control:
        build(control)
        good = bad = count = 0
        end = time.monotonic() + SECONDS
        number = int(ONLY) if ONLY else 0
        print(f"SEED={SEED}: {SECONDS} seconds of attacks", flush=True)
        while good == bad == 0 or (time.monotonic() < end and not ONLY):
            with Watch(f"attack_{number}"):
                try:
                    passed, statements = attack(control, f"attack_{number}", number)
                except psycopg.OperationalError as error: # the server has thrown out everybody
                    passed, statements = False, 0
                    print(f"SEED={SEED} ROUND={number}: {error}")
            count += statements
            good, bad = good + passed, bad + (not passed)
            down = went_down(since)
            if down:
                print("\n".join(down))
                print(f"SEED={SEED} ROUND={number} has brought the server down")
                bad += passed
            if bad:
                break
            number += 1
    print(f"{count} statements in {good + bad} rounds")
    print(f"{good} passed, {bad} failed")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
