"""What it costs that every change is noted."""

import time

import psycopg

from changes import SETTINGS, TRANSACTIONS
from timing import pgbench, rounds

KEEP = "SELECT integration_defaults.keep_history(%s)"
CHANGE = f"""
\\set n random(1, 1000000000)
SELECT integration_defaults.set_default('slack', {SETTINGS});
"""

# What is imported has all fields that people would give.
TABLES = """
CREATE EXTENSION integration_defaults;
SELECT integration_defaults.load_catalog('gitlab');
INSERT INTO integration_defaults.projects SELECT n::text FROM generate_series(1, {projects}) n;
CREATE TABLE given AS SELECT n::text AS project_id, jsonb_build_object('webhook', 'https://chat.example/' || n,
    'username', 'robot', 'channel', '#general', 'notify_only_broken_pipelines', true, 'push_events', n % 2 = 0,
    'labels_to_be_notified', '~backend,~frontend') AS settings FROM generate_series(1, {projects}) n;
"""
IMPORT = """INSERT INTO integration_defaults.project_settings (project_id, integration, custom, active, settings)
            SELECT project_id, 'slack', true, true, settings FROM given"""
TRIGGER = "ALTER TABLE integration_defaults.project_settings {} TRIGGER note_history_insert"


def one_change(results, data, count):
    """A change of a default with history, as it is kept from the start, beside the same without."""
    with data.connect() as connection:
        def change(kept, options):
            def run():
                connection.execute(KEEP, (kept,))
                return pgbench(data, CHANGE, transactions=TRANSACTIONS, options=options)[1][0] / 1e3
            return run

        for label, options, target in (("", "", ("≤", 1.5)),
                                       (", commit not waited for", "-c synchronous_commit=off", None)):
            taken = rounds(count, {kept: change(kept, options) for kept in (True, False)})
            results.add(f"change of the instance default, history kept{label}", data.projects, "not kept", taken[True],
                        taken[False], "ms", target)
        connection.execute(KEEP, (True,))


def bulk_import(results, projects, count):
    """Custom settings of all projects in one statement: history kept; not kept; and without the trigger that asks."""
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("CREATE DATABASE bench_import")
    with psycopg.connect(dbname="bench_import", autocommit=True) as connection:
        connection.execute(TABLES.format(projects=projects))

        def imported(kept, asked=True):
            def run():
                connection.execute(KEEP, (False,))
                connection.execute("TRUNCATE integration_defaults.project_settings")
                connection.execute("TRUNCATE integration_defaults.history_changes")
                connection.execute(KEEP, (kept,))
                connection.execute(TRIGGER.format("ENABLE" if asked else "DISABLE"))
                connection.execute("VACUUM (ANALYZE)")
                connection.execute("CHECKPOINT")
                began = time.perf_counter()
                connection.execute(IMPORT)
                return time.perf_counter() - began
            return run

        taken = rounds(count, {"kept": imported(True), "not kept": imported(False),
                               "no trigger": imported(False, asked=False)}, warm_up=False)
        work = f"import of {projects:,} custom settings"
        results.add(f"{work}, history kept", projects, "not kept", taken["kept"], taken["not kept"], "ms", ("≤", 1.6))
        results.add(f"{work}, history not kept", projects, "without the trigger for it", taken["not kept"],
                    taken["no trigger"], "ms", ("≤", 1.05))
