"""Reading one integration of many projects."""

from load import FIXED_ANSWER
from timing import query, rounds, several

# Every column is computed, none is sent: sending would cost the same on both sides, and hide the difference.
COLUMNS = "count(project_id), count(active), count(settings), count(inherited), count(source_level), count(source_id)"
VIEW, TABLE = "integration_defaults.project_integrations", "plain.effective"


def scans(results, data, count):
    """The view against a table that has the answers."""
    with data.connect() as connection:
        connection.execute("CHECKPOINT")
        for work, condition in (("all", ""), ("filtered by a key of settings", " AND settings ->> 'channel' = '#own'")):
            _compare(results, connection, data, count, f"project_integrations of slack, {work}", ("≤", 2),
                     f"SELECT {COLUMNS} FROM %s WHERE integration = 'slack'{condition}")
        _compare(results, connection, data, count, "project_integrations of slack, all, as text", None,
                 "COPY (SELECT * FROM %s WHERE integration = 'slack') TO '/dev/null'")
        taken = rounds(count, {
            "ours": query(connection, "SELECT count(*) FROM integration_defaults.tree('slack', whole => true)"),
            "groups": query(connection, "SELECT count(settings) FROM integration_defaults.group_integrations"
                                        " WHERE integration = 'slack'")})
        results.add("tree of slack, every group", data.projects, "group_integrations", taken["ours"], taken["groups"], "ms")


def _compare(results, connection, data, count, work, target, sql):
    def run(source):
        if not sql.startswith("COPY"):
            return query(connection, sql % source)
        return lambda: connection.execute(sql % source) and None
    taken = rounds(count, {"ours": run(VIEW), "limit": run(TABLE)})
    results.add(work, data.projects, "limit", taken["ours"], taken["limit"], "ms", target)


def custom_settings(results, sizes, count):
    """projects_using_custom_settings with the same answer at growing sizes, and with a growing answer."""
    sql = "SELECT count(*) FROM integration_defaults.projects_using_custom_settings(%s)"
    connections = {data.name: data.connect() for data in sizes}
    answers = {(data.name, name): connections[data.name].execute(sql, (name,)).fetchone()[0]
               for data in sizes for name in (FIXED_ANSWER, "slack")}
    for connection in connections.values():
        connection.execute("CHECKPOINT")
    taken = rounds(count, {key: several(10, query(connections[key[0]], sql, key[1])) for key in answers})
    first, last = sizes[0], sizes[-1]
    for data in sizes:
        results.point("custom_by_projects", f"{answers[data.name, FIXED_ANSWER]} projects at every size", data.projects,
                      taken[data.name, FIXED_ANSWER])
        results.point("custom_by_projects", "1 of 200 projects", data.projects, taken[data.name, "slack"])
    fixed, growing = (last.name, FIXED_ANSWER), (last.name, "slack")
    results.add(f"projects_using_custom_settings, {answers[fixed]} in both answers", last.projects,
                f"itself at {first.projects:,}", taken[fixed], taken[first.name, FIXED_ANSWER], "us", ("≤", 2),
                note="grows with the answer, not with the number of projects")
    results.add(f"projects_using_custom_settings, {answers[growing]:,} in the answer", last.projects,
                f"{answers[fixed]} in the answer", taken[growing], taken[fixed], "us",
                note=f"the answer is {answers[growing] / answers[fixed]:g} times as long")
    for connection in connections.values():
        connection.close()
