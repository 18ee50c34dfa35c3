"""Reading one integration of all projects, from the view and from a table that has the answers."""

from timing import query, rounds

# Every column is computed, none is sent: sending would cost the same on both sides, and hide the difference.
COLUMNS = "count(project_id), count(active), count(settings), count(inherited), count(source_level), count(source_id)"
VIEW, TABLE = "integration_defaults.project_integrations", "plain.effective"


def scans(results, data, count):
    with data.connect() as connection:
        connection.execute("CHECKPOINT")
        for work, condition in (("all", ""), ("filtered by a key of settings", " AND settings ->> 'channel' = '#own'")):
            _compare(results, connection, data, count, f"project_integrations of slack, {work}", ("≤", 2),
                     f"SELECT {COLUMNS} FROM %s WHERE integration = 'slack'{condition}")
        _compare(results, connection, data, count, "project_integrations of slack, all, as text", None,
                 "COPY (SELECT * FROM %s WHERE integration = 'slack') TO '/dev/null'")


def _compare(results, connection, data, count, work, target, sql):
    def run(source):
        if not sql.startswith("COPY"):
            return query(connection, sql % source)
        return lambda: connection.execute(sql % source) and None
    taken = rounds(count, {"ours": run(VIEW), "limit": run(TABLE)})
    results.add(work, data.projects, "limit", taken["ours"], taken["limit"], "ms", target)
