"""A change of a default while effective settings are kept as rows."""

import time

from timing import rounds

# The same rows with the same columns and indexes, and no triggers.
PLAIN = """
CREATE TABLE plain.materialized (LIKE integration_defaults.effective_settings INCLUDING ALL);
INSERT INTO plain.materialized SELECT * FROM integration_defaults.effective_settings;
"""
OURS = "SELECT integration_defaults.set_default('slack', %s::jsonb)"
UPDATE = ("UPDATE plain.materialized SET settings = %s::jsonb WHERE integration = 'slack'"
          " AND source_level = 'instance'")


def materialized(results, data, count):
    work = "materialized: change of the instance default"
    with data.connect() as connection:
        if not connection.execute("SELECT count(*) FROM pg_proc WHERE proname = 'materialize'"
                                  " AND pronamespace = 'integration_defaults'::regnamespace").fetchone()[0]:
            results.skip(work, "there is no function materialize")
            return
        connection.execute("SELECT integration_defaults.materialize('slack')")
        connection.execute(PLAIN)
        touched = connection.execute("SELECT count(*) FROM plain.materialized WHERE integration = 'slack'"
                                     " AND source_level = 'instance'").fetchone()[0]
        turn = 0

        def change(sql):
            def run():
                nonlocal turn
                turn += 1
                connection.execute("VACUUM (ANALYZE) integration_defaults.effective_settings, plain.materialized")
                connection.execute("CHECKPOINT")
                settings = f'{{"webhook": "https://chat.example/{turn}", "channel": "#general", "username": "robot"}}'
                began = time.perf_counter()
                connection.execute(sql, (settings,))
                return time.perf_counter() - began
            return run

        taken = rounds(count, {"ours": change(OURS), "plain": change(UPDATE)})
        results.add(f"{work}, {touched:,} rows change", data.projects, "one plain UPDATE of the rows", taken["ours"],
                    taken["plain"], "ms", ("≤", 1.25))
        connection.execute("DROP TABLE plain.materialized")
        connection.execute("SELECT integration_defaults.dematerialize('slack')")
