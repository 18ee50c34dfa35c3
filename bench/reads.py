"""Reading one project's settings: by statement, and inside one."""

import statistics

from timing import query, ratios, rounds, seconds_of, tps
from tree import CHAIN

OURS = "SELECT integration_defaults.active_settings('slack', :id)"
LIMIT = "SELECT settings FROM plain.effective WHERE project_id = :id AND integration = 'slack' AND active"
COPY = "SELECT settings FROM copy.integrations WHERE project_id = :id AND integration = 'slack' AND active"
# The nearest settings on the way up.
RECURSIVE = """WITH RECURSIVE up AS (
    SELECT p.group_id AS id, 1 AS steps FROM app.projects p WHERE p.id = :id
    UNION ALL SELECT g.parent_id, up.steps + 1 FROM up JOIN app.groups g ON g.id = up.id)
SELECT settings FROM (
    SELECT 0 AS steps, s.active, s.settings FROM app.settings s WHERE s.project_id = :id AND s.integration = 'slack'
    UNION ALL SELECT up.steps, s.active, s.settings FROM up JOIN app.settings s ON s.group_id = up.id
        WHERE s.integration = 'slack'
    UNION ALL SELECT 1000000, s.active, s.settings FROM app.settings s
        WHERE s.project_id IS NULL AND s.group_id IS NULL AND s.integration = 'slack'
    ORDER BY steps LIMIT 1) nearest WHERE active"""
FIND = "SELECT * FROM integration_defaults.project_integrations WHERE project_id = :id::text AND integration = 'slack'"
FIND_LIMIT = "SELECT * FROM plain.effective WHERE project_id = :id AND integration = 'slack'"
ALL = "SELECT * FROM integration_defaults.resolve_all(:id)"
ALL_COPY = "SELECT integration, active, settings FROM copy.sample WHERE project_id = :id"


def agree(data):
    """All contenders say the same, or the run fails: of projects all over the tree, and of the chain. Gives how many."""
    ids = [1 + n * 7919 % data.projects for n in range(1000)] + [data.tree.chain_projects(CHAIN)[0]]
    with data.connect() as connection:
        for project in ids:
            said = [connection.execute(sql.replace(":id", str(project))).fetchone()
                    for sql in (OURS, LIMIT, COPY, RECURSIVE)]
            if said != [said[0]] * 4:
                raise RuntimeError(f"project {project}: {said}")
    return len(ids)


def script(sql, first, last):
    return f"\\set id random({first}, {last})\n{sql.replace(chr(10), ' ')};\n"


def by_statement(results, data, count, seconds, largest):
    """pgbench: random projects, one and two clients, at the depth as generated and at the chain's end."""
    with data.connect() as connection:
        connection.execute("CHECKPOINT")
    anywhere, deepest = (1, data.projects), data.tree.chain_projects(CHAIN)
    places = [("", anywhere, 0.9)] + ([(f", depth {CHAIN}", deepest, 0.85)] if largest else [])
    for where, ids, target in places:
        contenders = {(who, clients): tps(data, script(sql, *ids), clients=clients, seconds=seconds)
                      for clients in ((1, 2) if largest else (1,))
                      for who, sql in (("ours", OURS), ("limit", LIMIT), ("copy", COPY), ("recursive CTE", RECURSIVE))
                      if clients == 1 or who in ("ours", "limit")}
        taken = rounds(count, contenders, warm_up=False)
        for clients in (1, 2) if largest else (1,):
            work = f"active_settings, a statement each{where}, {clients} client{'s' * (clients > 1)}"
            results.add(work, data.projects, "limit", taken["ours", clients], taken["limit", clients], "tps",
                        ("≥", target) if largest else None)
            for who in ("copy", "recursive CTE"):
                if clients == 1:
                    results.add(work, data.projects, who, taken["ours", 1], taken[who, 1], "tps")
        if largest:
            limit = statistics.median(ratios(taken["limit", 2], taken["limit", 1]))
            results.add(f"active_settings, a statement each{where}, two backends at once", data.projects,
                        "one backend", taken["ours", 2], taken["ours", 1], "tps", ("≥", 1.9),
                        note=f"the limit itself: {limit:.2f}")
    if largest:
        find(results, data, count, seconds)


def find(results, data, count, seconds):
    taken = rounds(count, {"ours": tps(data, script(FIND, 1, data.projects), seconds=seconds),
                           "limit": tps(data, script(FIND_LIMIT, 1, data.projects), seconds=seconds)}, warm_up=False)
    results.add("project_integrations by project and integration, a statement each", data.projects, "limit",
                taken["ours"], taken["limit"], "tps", ("≥", 0.7))
    ids = (1, data.sample)
    taken = rounds(count, {"ours": tps(data, script(ALL, *ids), seconds=seconds),
                           "copy": tps(data, script(ALL_COPY, *ids), seconds=seconds)}, warm_up=False)
    cost = {who: [1 / each for each in taken[who]] for who in taken}
    results.add("resolve_all, 45 integrations, a statement each", data.projects, "copy", cost["ours"], cost["copy"],
                "us", ("≤", 1.5))


def inside(connection, sql, calls, projects, first):
    """A function that asks for many projects in one statement, and gives the seconds each."""
    ids = f"(SELECT {first} + (n * 7919::bigint) % {projects} AS id FROM generate_series(1, {calls}) n OFFSET 0) ids"
    if sql is OURS:
        statement = f"SELECT count(integration_defaults.active_settings('slack', ids.id)) FROM {ids}"
    else:
        statement = f"SELECT count(found.settings) FROM {ids}, LATERAL ({sql.replace(':id', 'ids.id')}) found"
    run = query(connection, statement)
    return lambda: seconds_of(run) / calls


def wanted(calls):
    return [("ours", OURS, calls), ("limit", LIMIT, calls), ("recursive CTE", RECURSIVE, calls // 10)]


def in_one_statement(results, data, count, calls, largest):
    """Many calls in one statement; the limit joins by its index, in a nested loop."""
    connection = data.connect()
    for setting in ("enable_hashjoin", "enable_mergejoin", "enable_seqscan"):
        connection.execute(f"SET {setting} = off")
    connection.execute("CHECKPOINT")
    taken = rounds(count, {who: inside(connection, sql, n, data.projects, 1) for who, sql, n in wanted(calls)})
    work = f"active_settings, {calls:,} calls in one statement"
    targets = (("limit", ("≤", 3), False), ("recursive CTE", ("≥", 5), True))
    for who, target, faster in targets:
        results.add(work, data.projects, who, taken["ours"], taken[who], "us", target if largest else None, faster)
    for who in taken:
        results.point("read_by_projects", "integration_defaults" if who == "ours" else who, data.projects, taken[who])
    if largest:
        by_depth(results, data, connection, count, calls // 10)
        resolve_all(results, data, connection, count)
    connection.close()


def by_depth(results, data, connection, count, calls):
    for level in (1, 2, 3, 5, 7, 10, 14, CHAIN):
        first, last = data.tree.chain_projects(level)
        taken = rounds(count, {who: inside(connection, sql, n, last - first + 1, first)
                               for who, sql, n in wanted(calls)})
        for who in taken:
            results.point("read_by_depth", "integration_defaults" if who == "ours" else who, level, taken[who])
        if level == CHAIN:
            work = f"active_settings, {calls:,} calls in one statement, depth {CHAIN}"
            results.add(work, data.projects, "limit", taken["ours"], taken["limit"], "us")
            results.add(work, data.projects, "recursive CTE", taken["ours"], taken["recursive CTE"], "us", faster=True)


def resolve_all(results, data, connection, count):
    projects = 2000
    ours = (f"SELECT count(r.settings), count(r.active) FROM generate_series(1, {projects}) p,"
            f" LATERAL integration_defaults.resolve_all(1 + (p * 7919::bigint) % {data.sample}) r")
    copy = (f"SELECT count(c.settings), count(c.active) FROM generate_series(1, {projects}) p"
            f" JOIN copy.sample c ON c.project_id = 1 + (p * 7919::bigint) % {data.sample}")
    taken = rounds(count, {"ours": query(connection, ours), "copy": query(connection, copy)})
    taken = {who: [each / projects for each in taken[who]] for who in taken}
    results.add(f"resolve_all, 45 integrations, {projects:,} calls in one statement", data.projects, "copy",
                taken["ours"], taken["copy"], "us", ("≤", 1.5))
