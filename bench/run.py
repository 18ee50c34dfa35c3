#!/usr/bin/python3
"""Everything in RESULTS.md, on the server that the PG* variables name: run.py --out FOLDER [--quick]."""

import argparse
import datetime
import pathlib
import time

import psycopg

import changes
import reads
import report
import scans
import writes
from load import SAMPLE, load
from materialized import materialized
from results import Results

SIZES, QUICK_SIZES = [1_000, 10_000, 100_000, 1_000_000], [1_000, 10_000]
ROUNDS = 5
CALLS, QUICK_CALLS = 200_000, 20_000  # in one statement


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--sizes", type=lambda given: [int(each) for each in given.split(",")])
    given = parser.parse_args()
    given.sizes = given.sizes or (QUICK_SIZES if given.quick else SIZES)
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


def measure(given, results, progress):
    """Reading comes before changing, because changes give slack shorter settings than the contenders have."""
    sizes, quick = [], given.quick
    seconds = 1 if quick else 2
    for projects in given.sizes:
        progress(f"loading {projects:,} projects")
        sizes.append(load(f"bench_{projects}", projects, SAMPLE if projects == given.sizes[-1] else 0))
    largest = sizes[-1]
    progress("reading one project", "Reading one project")
    for data in sizes:
        reads.agree(data)
        reads.by_statement(results, data, ROUNDS, seconds, data is largest)
        reads.in_one_statement(results, data, ROUNDS, QUICK_CALLS if quick else CALLS, data is largest)
    progress("reading all projects", "Reading all projects")
    scans.scans(results, largest, ROUNDS)
    scans.custom_settings(results, sizes, ROUNDS)
    progress("changing a default", "Changing a default")
    changes.one_row_changes(results, sizes, ROUNDS)
    for data in sizes:
        changes.seen_at_once(data)
        changes.against_copy(results, data, ROUNDS)
    progress("moving a group", "Moving a group")
    changes.move(results, largest, ROUNDS)
    progress("materialized", "Materialized")
    materialized(results, largest, ROUNDS)
    progress("inserting projects", "Inserting projects")
    inserted = given.sizes[-1]
    writes.tracking(results, inserted, ROUNDS, seconds)
    writes.disk(results, largest, inserted)
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
