#!/usr/bin/python3
"""Everything in SCALE.md, on the server that the PG* variables name: what reading costs as the tree grows, and beside
writers. scale.py --out FOLDER [--quick]."""

import argparse
import datetime
import pathlib
import subprocess
import tempfile
import time

import psycopg

import report
import writes
from plot import svg
from results import Results, number
from scans import COLUMNS
from timing import query, rounds, seconds_of, several, tps
from tree import Tree

SIZES, QUICK_SIZES = [100_000, 1_000_000, 10_000_000], [10_000, 100_000, 1_000_000]
ROUNDS = 3
CALLS, QUICK_CALLS = 200_000, 50_000  # in one statement
RATES = [0, 1, 10, 100]  # commits a second
TEMPLATE = pathlib.Path(__file__).parent / "scale_template.md"

SETTINGS = '{"url": "https://hooks.example/all", "events": ["push", "merge"], "verify": true}'
VIEW, COPIES = "integration_defaults.project_integrations", "copies"
ACTIVE = "integration_defaults.active_settings('hook', %s)"
COPY = f"SELECT settings FROM {COPIES} WHERE project_id = %s AND integration = 'hook' AND active"

FILL = """
INSERT INTO integration_defaults.projects
    SELECT n::text, (1 + n * 7919 % {groups})::text FROM generate_series(1, {projects}::bigint) n;
SELECT integration_defaults.set_default('hook', '{settings}');
INSERT INTO integration_defaults.group_settings (group_id, integration, custom, active, settings)
    SELECT n::text, 'hook', true, true, jsonb_build_object('url', 'https://hooks.example/group-' || n)
    FROM generate_series(50, {groups}, 100) n;
INSERT INTO integration_defaults.project_settings (project_id, integration, custom, active, settings)
    SELECT n::text, 'hook', true, true, jsonb_build_object('url', 'https://hooks.example/project-' || n)
    FROM generate_series(100, {projects}, 200) n;
VACUUM (ANALYZE);
CREATE TABLE copies AS SELECT project_id::bigint, integration, active, settings, inherited, source_level, source_id
    FROM integration_defaults.project_integrations ORDER BY 1;
ALTER TABLE copies ADD PRIMARY KEY (project_id, integration);
CREATE TABLE one_row (LIKE integration_defaults.instance_settings INCLUDING ALL);
INSERT INTO one_row SELECT * FROM integration_defaults.instance_settings;
VACUUM (ANALYZE);
CHECKPOINT
"""


class Size:
    def __init__(self, projects):
        self.name, self.projects = f"scale_{projects}", projects
        tree = Tree(projects)
        self.groups = tree.random_groups
        with psycopg.connect(autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {self.name}")
        with self.connect() as connection:
            run = connection.execute
            run("SET synchronous_commit = off")
            run("CREATE EXTENSION integration_defaults")
            run("SELECT integration_defaults.keep_history(false), integration_defaults.register_integration('hook')")
            with connection.cursor() as cursor, cursor.copy("COPY integration_defaults.groups FROM STDIN") as copy:
                for group, parent in tree.groups():
                    copy.write_row((group, parent))
            for command in FILL.format(projects=projects, groups=self.groups, settings=SETTINGS).split(";"):
                run(command)

    def connect(self, **more):
        return psycopg.connect(dbname=self.name, autocommit=True, **more)

    def spread(self, calls):
        """That many ids, from all over the tree."""
        return f"(SELECT 1 + n * 7919::bigint % {self.projects} AS id FROM generate_series(1, {calls}) n OFFSET 0) ids"


def scan(results, size):
    with size.connect() as connection:
        taken = rounds(ROUNDS, {who: query(connection, f"SELECT {COLUMNS} FROM {source}")
                                for who, source in (("ours", VIEW), ("copies", COPIES))})
    results.add("all of project_integrations", size.projects, "copies", taken["ours"], taken["copies"], "ms",
                results.target(size, ("≤", 2.5)))
    for who, name in (("ours", "integration_defaults"), ("copies", "copies")):
        results.point("scan", name, size.projects, [each / size.projects for each in taken[who]])


def in_one_statement(results, size, calls):
    with size.connect() as connection:
        for setting in ("enable_hashjoin", "enable_mergejoin", "enable_seqscan"):
            connection.execute(f"SET {setting} = off")
        ours = query(connection, f"SELECT count({ACTIVE % 'ids.id'}) FROM {size.spread(calls)}")
        copies = query(connection, f"SELECT count(c.settings) FROM {size.spread(calls)}, "
                                   f"LATERAL ({COPY % 'ids.id'}) c")
        taken = rounds(ROUNDS, {"ours": lambda: seconds_of(ours) / calls, "copies": lambda: seconds_of(copies) / calls})
    results.add(f"active_settings, {calls:,} calls in one statement", size.projects, "a join by primary key",
                taken["ours"], taken["copies"], "us", results.target(size, ("≤", 3)))
    results.point("calls", "integration_defaults", size.projects, taken["ours"])
    results.point("calls", "a join by primary key", size.projects, taken["copies"])


def by_statement(results, size, seconds):
    def script(sql):
        return f"\\set id random(1, {size.projects})\n{sql % ':id'};\n"
    taken = rounds(ROUNDS, {"ours": tps(size, script(f"SELECT {ACTIVE}"), seconds=seconds),
                            "copies": tps(size, script(COPY), seconds=seconds)}, warm_up=False)
    results.add("active_settings, a statement each", size.projects, "a lookup by primary key", taken["ours"],
                taken["copies"], "tps")


def memory(results, size):
    """What a session takes more when it has read all, and what a first read costs."""
    of_all = "SELECT sum(total_bytes)::float8 FROM pg_backend_memory_contexts"
    with size.connect() as connection:
        first = seconds_of(query(connection, f"SELECT {ACTIVE % size.projects}"))
        before = connection.execute(of_all).fetchone()[0]
        connection.execute(f"SELECT {COLUMNS} FROM {VIEW}")
        after = connection.execute(of_all).fetchone()[0]
    results.memory.append((size, after - before, first))


def change(results, size):
    change = iter(range(1, 1000))
    with size.connect() as connection:
        taken = rounds(ROUNDS, {
            "ours": several(20, lambda: connection.execute(
                "SELECT integration_defaults.set_default('hook', %s)", (f'{{"url": "{next(change)}"}}',)) and None),
            "row": several(20, lambda: connection.execute(
                "UPDATE one_row SET settings = %s", (f'{{"url": "{next(change)}"}}',)) and None)})
    results.add("change of the instance's default, which all of these inherit", size.projects, "one-row UPDATE",
                taken["ours"], taken["row"], "ms", results.target(size, ("≤", 2)))


def tracked(results, size):
    """Many projects come at once, in no order of their groups."""
    database = writes.Database("scale_tracked", size.projects, writes.BIGINT)
    writes.many(results, database, 1, ("≤", 2))
    database.connection.close()


class Writer:
    """Commits that many times a second beside what is measured."""

    def __init__(self, size, script, rate):
        self.script = tempfile.NamedTemporaryFile("w", suffix=".sql")
        self.script.write(script)
        self.script.flush()
        command = ["pgbench", "-n", "-M", "prepared", "-R", str(rate), "-T", "3600", "-f", self.script.name, size.name]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) if rate else None

    def __enter__(self):
        time.sleep(0.3 if self.process else 0)

    def __exit__(self, *_):
        if self.process:
            if self.process.poll() is not None:
                raise RuntimeError(f"pgbench has ended with {self.process.returncode}")
            self.process.terminate()
            self.process.wait()
        self.script.close()


def beside_writers(results, size, calls):
    """What a reader pays who asks again and again while others commit."""
    new = "\\set id random(1, 1000000000000)\nSELECT integration_defaults.add_group('new-' || :id);\n"
    default = (f"\\set id random(1, {size.groups // 100})\nSELECT integration_defaults.set_default('hook', "
               """('{"url": "' || random() || '"}')::jsonb, group_id => :id * 100 - 50);\n""")
    for work, script, target in (("new groups", new, ("≤", 1.2)), ("changes of a group's default", default, None)):
        with size.connect() as connection:
            run = query(connection, f"SELECT count({ACTIVE % 'ids.id'}) FROM {size.spread(calls)}")

            def read(rate):
                def measure():
                    with Writer(size, script, rate):
                        return several(4, run)() / calls
                return measure
            taken = rounds(ROUNDS, {rate: read(rate) for rate in RATES})
        for rate in RATES[1:]:
            results.add(f"active_settings, {calls:,} calls in one statement, beside {rate} {work} a second",
                        size.projects, "nobody beside it", taken[rate], taken[0], "us",
                        target if rate == RATES[-1] else None)
            results.point("beside", f"beside {work}", rate, taken[rate])
            results.point("beside", "beside nobody", rate, taken[0])


class Ladder(Results):
    def __init__(self, largest):
        super().__init__()
        self.largest, self.memory = largest, []

    def target(self, size, target):
        return target if size.projects == self.largest else None


PLOTS = {"scan": ("All of project_integrations, each project", "projects"),
         "calls": ("active_settings of one project, inside one statement", "projects"),
         "beside": ("active_settings of one project, inside one statement, beside writers", "commits a second")}


def memory_table(results):
    lines = ["projects | groups | memory of a session that has read all | bytes a group | the first read of a session",
             "---: | ---: | ---: | ---: | ---:"]
    lines += [f"{size.projects:,} | {size.groups:,} | {number(taken / 1024 / 1024)} MB | {number(taken / size.groups)} | "
              f"{number(first * 1e3)} ms" for size, taken, first in results.memory]
    return "\n".join(lines)


def write(folder, results, sizes, version, given, minutes):
    (folder / "SCALE.md").write_text(TEMPLATE.read_text().format(
        flag=" --quick" if given.quick else "", when=datetime.datetime.now().strftime("%Y-%m-%d %H:%M"), minutes=minutes,
        machine=given.machine, version=version,
        data=", ".join(f"{size.projects:,} projects in {size.groups:,} groups" for size in sizes),
        summary=report.summary(results), reading=report.table([row for row in results.rows if row.section == "reading"]),
        memory=memory_table(results), beside=report.table([row for row in results.rows if row.section == "beside"]),
        tracked=report.table([row for row in results.rows if row.section == "tracked"])))
    for plot, (title, x_title) in PLOTS.items():
        (folder / f"scale_{plot}.svg").write_text(svg(title, x_title, results.points[plot], RATES[1:] if plot == "beside" else None))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    given.out.mkdir(exist_ok=True)
    given.machine = report.machine()
    calls = QUICK_CALLS if given.quick else CALLS
    wanted = QUICK_SIZES if given.quick else SIZES
    results, sizes, began = Ladder(wanted[-1]), [], time.monotonic()

    def minutes():
        return (time.monotonic() - began) / 60
    for projects in wanted:
        print(f"\n== loading {projects:,} projects ({minutes():.1f} minutes)")
        size = Size(projects)
        sizes.append(size)
        results.section = "reading"
        scan(results, size)
        in_one_statement(results, size, calls)
        by_statement(results, size, 1 if given.quick else 3)
        memory(results, size)
        change(results, size)
    print(f"\n== beside writers ({minutes():.1f} minutes)")
    results.section = "beside"
    beside_writers(results, sizes[-1], calls // 2)
    print(f"\n== tracked ({minutes():.1f} minutes)")
    results.section = "tracked"
    tracked(results, sizes[-1])
    with psycopg.connect() as connection:
        version = connection.execute("SELECT version()").fetchone()[0]
    write(given.out, results, sizes, version, given, minutes())
    print("\n" + report.summary(results))


main()
