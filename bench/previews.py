"""What a change would change, before it does: preview() and max_affected."""

import psycopg

from scans import COLUMNS, VIEW
from timing import query, rounds, several

CHANGE = """SELECT integration_defaults.set_default('slack', '{"webhook": "https://chat.example/%s", "channel": "#all"}'%s)"""
GROUP, PROJECTS = 1_000_000_000, 10  # that are made for this
BOTH = ("count(scope_id), count(before_active), count(before), count(before_source_level), count(before_source_id),"
        " count(after_active), count(after), count(after_source_level), count(after_source_id)")


def preview(change):
    return f"integration_defaults.preview($${change}$$, 'slack')"


def previews(results, sizes, count):
    with sizes[-1].connect() as connection:
        _of_many(results, sizes[-1], connection, count)
        _limit(results, sizes[-1], connection, count)
    _of_few(results, sizes, count)


def _of_many(results, data, connection, count):
    """A preview says what was and what would be, the view what is."""
    connection.execute("CHECKPOINT")
    change = preview(CHANGE % ("preview", ""))
    source = f"FROM {VIEW} WHERE integration = 'slack'"
    shown = connection.execute(f"SELECT count(*) FROM {change} WHERE scope_level = 'project'").fetchone()[0]
    work = f"preview of a change of the instance default, which reaches all and changes {shown:,}"

    def copy(what):
        return lambda: connection.execute(f"COPY ({what}) TO '/dev/null'") and None
    taken = rounds(count, {"ours": copy(f"SELECT * FROM {change}"), "view": copy(f"SELECT * {source}")})
    results.add(f"{work}, as text", data.projects, "project_integrations", taken["ours"], taken["view"], "ms", ("≤", 2))
    taken = rounds(count, {"ours": query(connection, f"SELECT {BOTH} FROM {change}"),
                           "view": query(connection, f"SELECT {COLUMNS} {source}")})
    results.add(work, data.projects, "project_integrations", taken["ours"], taken["view"], "ms")


def _of_few(results, sizes, count):
    connections = {data.name: data.connect() for data in sizes}
    for connection in connections.values():
        connection.execute("SELECT integration_defaults.add_group(%s)", (GROUP,))
        connection.execute("SELECT integration_defaults.add_project(%s + n, %s) FROM generate_series(1, %s) n",
                           (GROUP, GROUP, PROJECTS))
        connection.execute("CHECKPOINT")
    sql = "SELECT count(*) FROM " + preview(CHANGE % ("few", f", group_id => {GROUP}"))
    taken = rounds(count, {name: several(20, query(connection, sql)) for name, connection in connections.items()})
    first, last = sizes[0], sizes[-1]
    results.add(f"preview of a change of a group's default that reaches {PROJECTS} projects", last.projects,
                f"itself at {first.projects:,}", taken[last.name], taken[first.name], "ms", at_most=5e-3)
    for connection in connections.values():
        connection.execute("SELECT integration_defaults.remove_project(%s + n) FROM generate_series(1, %s) n",
                           (GROUP, PROJECTS))
        connection.execute("SELECT integration_defaults.remove_group(%s)", (GROUP,))
        connection.close()


def _limit(results, data, connection, count):
    """All that it reaches is counted, or so much as is too much."""
    turn = 0

    def change(most):
        def run():
            nonlocal turn
            turn += 1
            connection.execute(f"SET integration_defaults.max_affected = {most}")
            try:
                connection.execute(CHANGE % (turn, ""))
            except psycopg.errors.CheckViolation:
                if most != REFUSED:
                    raise
            connection.execute("RESET integration_defaults.max_affected")
        return run

    taken = rounds(count, {most: change(most) for most in (-1, REFUSED, 2 * data.projects)})
    work = "change of the instance default, max_affected"
    results.add(f"{work} above what it changes", data.projects, "without a limit", taken[2 * data.projects], taken[-1],
                "ms")
    results.add(f"{work} = {REFUSED}, refused", data.projects, "without a limit", taken[REFUSED], taken[-1], "ms")


REFUSED = 100
