#!/usr/bin/python3
"""Everything in RESULTS.md, or some parts of it, on the server that the PG* variables name:
run.py --out FOLDER [--quick] [PART...]."""

import argparse
import datetime
import pathlib
import time

import psycopg

import changes
import history
import previews
import reads
import report
import scans
import writes
from load import SAMPLE, load
from materialized import materialized
from results import Results

SIZES, QUICK_SIZES = [1_000, 10_000, 100_000, 1_000_000], [1_000, 10_000]
ROUNDS, IMPORT_ROUNDS = 5, 3
CALLS, QUICK_CALLS = 200_000, 20_000  # in one statement


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--sizes", type=lambda given: [int(each) for each in given.split(",")])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    given = parser.parse_args()
    if unknown := [each for each in given.parts if each not in PARTS]:
        parser.error(f"there is no part {unknown[0]}: {', '.join(PARTS)}")
    given.parts = given.parts or list(PARTS)
    given.sizes = given.sizes or (QUICK_SIZES if given.quick else SIZES)
    given.seconds = 1 if given.quick else 2
    return given


class Progress:
    """Says what begins, and which section of the results it is for."""

    def __init__(self, results):
        self.results, self.began = results, time.monotonic()

    def minutes(self):
        return (time.monotonic() - self.began) / 60

    def __call__(self, what, section=None):
        print(f"\n== {what} ({self.minutes():.1f} minutes)")
        self.results.section = section


def read(given, results, sizes):
    for data in sizes:
        largest = data is sizes[-1]
        reads.agree(data)
        reads.by_statement(results, data, ROUNDS, given.seconds, largest)
        reads.in_one_statement(results, data, ROUNDS, QUICK_CALLS if given.quick else CALLS, largest)


def scan(_, results, sizes):
    scans.scans(results, sizes[-1], ROUNDS)
    scans.custom_settings(results, sizes, ROUNDS)


def change(_, results, sizes):
    changes.one_row_changes(results, sizes, ROUNDS)
    for data in sizes:
        changes.seen_at_once(data)
        changes.against_copy(results, data, ROUNDS)


def move(_, results, sizes):
    changes.move(results, sizes[-1], ROUNDS)


def before(_, results, sizes):
    previews.previews(results, sizes, ROUNDS)


def note(given, results, sizes):
    history.one_change(results, sizes[-1], ROUNDS)
    history.bulk_import(results, given.sizes[-1], IMPORT_ROUNDS)


def materialize(_, results, sizes):
    materialized(results, sizes[-1], ROUNDS)


def insert(given, results, sizes):
    writes.tracking(results, given.sizes[-1], ROUNDS, given.seconds)
    writes.left_out(results, given.sizes[-1], ROUNDS, given.seconds)
    writes.disk(results, sizes[-1], given.sizes[-1])


# In this order: reading comes before changing, because changes give slack shorter settings than the contenders have.
PARTS = {
    "reading": ("Reading one project", read),
    "scanning": ("Reading all projects", scan),
    "changing": ("Changing a default", change),
    "moving": ("Moving a group", move),
    "before": ("Before a change", before),
    "history": ("History", note),
    "materialized": ("Materialized", materialize),
    "inserting": ("Inserting projects", insert),
}


def measure(given, results, progress):
    sizes = []
    for projects in given.sizes:
        progress(f"loading {projects:,} projects")
        sizes.append(load(f"bench_{projects}", projects, SAMPLE if projects == given.sizes[-1] else 0))
    for part, (section, run) in PARTS.items():
        if part in given.parts:
            progress(part, section)
            run(given, results, sizes)
    return sizes


def server():
    with psycopg.connect() as connection:
        run = connection.execute
        return (run("SELECT version()").fetchone()[0],
                [(name, run("SELECT current_setting(%s)", (name,)).fetchone()[0]) for name in report.SETTINGS])


def main():
    given = arguments()
    given.out.mkdir(exist_ok=True)
    results = Results()
    progress = Progress(results)
    machine = report.machine()
    sizes = measure(given, results, progress)
    report.write(given.out, results, sizes, server(),
                 {"when": datetime.datetime.now().strftime("%Y-%m-%d %H:%M"), "minutes": progress.minutes(),
                  "quick": given.quick, "machine": machine})
    print("\n" + report.summary(results))


main()
