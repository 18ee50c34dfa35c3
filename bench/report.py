"""RESULTS.md and the plots."""

import os
import platform

from plot import svg
from results import figure, number

PLOTS = {  # file: title, name of the x axis, its ticks
    "change_by_projects": ("Change of the instance default until the last project has it", "projects", None),
    "read_by_projects": ("active_settings of one project, inside one statement", "projects", None),
    "read_by_depth": ("active_settings of one project, inside one statement", "groups above the project",
                      [1, 2, 3, 5, 7, 10, 14, 20]),
    "custom_by_projects": ("projects_using_custom_settings, by the size of the answer", "projects", None),
}
SECTIONS = {  # heading: plots
    "Changing a default": ["change_by_projects"],
    "Reading one project": ["read_by_projects", "read_by_depth"],
    "Reading all projects": ["custom_by_projects"],
    "Moving a group": [],
    "Materialized": [],
    "Inserting projects": [],
    "Disk": [],
}
SETTINGS = ["shared_buffers", "work_mem", "maintenance_work_mem", "effective_cache_size", "max_wal_size",
            "checkpoint_timeout", "random_page_cost", "autovacuum", "jit", "fsync", "synchronous_commit",
            "full_page_writes", "wal_level", "max_parallel_workers_per_gather"]

HEADER = """# Results

Written by `./dev bench{flag}` at {when}, in {minutes:.0f} minutes. All on one server made for it, contenders taking
turns round by round; a ratio is taken in each round, and the table has their median and, in brackets, the smallest and
the largest. Figures are medians of the rounds.

- **machine**: {machine}
- **server**: {version}
- **settings**: {settings}. Commits wait for the disk as they do by default; where a row says `commit not
  waited for`, `synchronous_commit` is off, which leaves the work itself to be compared
- **data**: {data}. {depth}. A tenth of everything is below the group that is moved. `slack` has a default on 1 % of the
  groups and custom settings in 0.5 % of the projects, {width} bytes of settings each; 45 integrations have an instance default
- **before each part**: `VACUUM ANALYZE` after loading, and `CHECKPOINT`

{summary}

"""
CONTENDERS = """## Contenders

- **copy**: a row for each project, each group and the instance in one table of 30 columns and 10 indexes (`contenders.sql`), the
  settings copied, a pointer to the row that they come from. A change is one `UPDATE` for each 10,000 ids, each a commit of
  its own, until the last project has it; a first default inserts rows in the same way; a reset is a cascading delete; a move of a group
  corrects the copies below it. Before each such measurement its table is vacuumed, which is not counted.
  Copies of all 45 integrations would be {all_copies} rows at {largest:,} projects: at every size only the copies of `slack` are there, and all
  45 in a table of their own for {sample:,} projects, for `resolve_all`. At 1,000,000 projects the copies' changes are
  measured in fewer rounds, because each takes so long; their ratios repeat those rounds.
- **recursive CTE**: the nearest settings on the way up the app's own tables, by `WITH RECURSIVE`. It knows neither locks nor overrides.
- **limit**: for a read, a primary-key lookup in a table that has the answers, with the columns of
  `project_integrations`; for a change, an `UPDATE` of one row of the same kind; for a scan, a scan of that table.
- **untracked**: a table with the same columns and indexes (primary key, group) and no trigger on it. It has no foreign key, which
  would cost both sides the same and hide the difference.

After each commit of a change, another session reads the last project that inherits, and has to see it; the run fails otherwise.
"""


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = int(next(line.split()[1] for line in open("/proc/meminfo") if line.startswith("MemTotal"))) / 1024 ** 2
    return (f"{os.cpu_count()} cores of {cpu}, {memory:.0f} GB of memory, {platform.system()} {platform.release()}; "
            f"load at the start {os.getloadavg()[0]:.1f}")


def table(rows):
    lines = ["projects | work | here | contender | its figure | ratio | rounds | target | ",
             "---: | --- | ---: | --- | ---: | --- | ---: | --- | ---"]
    for row in rows:
        verdict = {None: "", True: "passes", False: "**fails**"}[row.passes]
        target = f"{row.target[0]} {row.target[1]:,}" if row.target else ""
        ratio = f"{number(row.median)} ({number(min(row.ratio))} – {number(max(row.ratio))})"
        ratio += " faster" if row.faster else ""
        n = str(len(row.ours)) if len(row.ours) == len(row.theirs) else f"{len(row.ours)} / {len(row.theirs)}"
        work = row.work + (f" ({row.note})" if row.note else "")
        lines.append(f"{row.projects:,} | {work} | {figure(row.ours, row.unit)} | {row.contender} | "
                     f"{figure(row.theirs, row.unit)} | {ratio} | {n} | {target} | {verdict}")
    return "\n".join(lines)


def summary(results):
    judged = [row for row in results.rows if row.target]
    failed = [row for row in judged if not row.passes]
    sizes = [each for each in results.sizes if each[1] > each[2]]
    lines = [f"{len(judged) - len(failed) + len(results.sizes) - len(sizes)} of {len(judged) + len(results.sizes)} targets are reached."]
    if failed or sizes:
        lines.append("Not reached:\n")
        lines += [f"- {row.work}, {row.projects:,} projects: {number(row.median)} × {row.contender}, to be "
                  f"{row.target[0]} {row.target[1]:,}" for row in failed]
        lines += [f"- bytes {what}: {number(size)}, to be ≤ {target}" for what, size, target in sizes]
    if results.skipped:
        lines.append("\nNot measured:\n")
        lines += [f"- {work}: {why}" for work, why in results.skipped]
    return "\n".join(lines)


def disk(results):
    lines = ["bytes | here | target | ", "--- | ---: | --- | ---"]
    lines += [f"{what} | {number(size)} | ≤ {target} | {'passes' if size <= target else '**fails**'}"
              for what, size, target in results.sizes]
    return "\n".join(lines)


def write(folder, results, sizes, server, run):
    """server: version and [(setting, value)]; run: when, minutes, quick, machine."""
    version, settings = server
    largest = sizes[-1]
    depth = (f"The tree is random: at {largest.projects:,} projects its groups are {largest.tree.mean_depth:.1f} deep on"
             f" average and {largest.tree.deepest} at most; beside it hangs a chain of 20 groups with 200 projects on each level")
    text = HEADER.format(
        flag=" --quick" if run["quick"] else "", when=run["when"], minutes=run["minutes"], machine=run["machine"],
        version=version, settings=", ".join(f"`{name} = {value}`" for name, value in settings),
        data=" / ".join(f"{each.projects:,}" for each in sizes) + " projects, one group for each 20 of them", depth=depth,
        width=largest.width, summary=summary(results))
    for section, plots in SECTIONS.items():
        rows = [row for row in results.rows if row.section == section]
        text += f"## {section}\n\n" + (table(rows) + "\n\n" if rows else "")
        if section == "Disk":
            text += disk(results) + "\n\n"
        for plot in plots:
            title, x_title, ticks = PLOTS[plot]
            (folder / f"{plot}.svg").write_text(svg(title, x_title, results.points[plot], ticks))
            text += f"![{title}]({plot}.svg)\n\n"
    text += CONTENDERS.format(all_copies=f"{largest.projects * 45:,}", largest=largest.projects, sample=largest.sample)
    (folder / "RESULTS.md").write_text(text)
