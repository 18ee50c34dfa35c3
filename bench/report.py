"""RESULTS.md and the plots."""

import os
import pathlib
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
    "Before a change": [],
    "History": [],
    "Materialized": [],
    "Inserting projects": [],
    "Disk": [],
}
SETTINGS = ["shared_buffers", "work_mem", "maintenance_work_mem", "effective_cache_size", "max_wal_size",
            "checkpoint_timeout", "random_page_cost", "autovacuum", "jit", "fsync", "synchronous_commit",
            "full_page_writes", "wal_level", "max_parallel_workers_per_gather"]
TEMPLATE = pathlib.Path(__file__).parent / "template.md"


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = int(next(line.split()[1] for line in open("/proc/meminfo") if line.startswith("MemTotal"))) / 1024 ** 2
    kernel = platform.release().split("-")[0]
    return (f"{os.cpu_count()} cores of {cpu}, {memory:.0f} GB of memory, {platform.system()} {kernel}; "
            f"load at the start {os.getloadavg()[0]:.1f}")


def table(rows):
    lines = ["projects | work | here | contender | its figure | ratio | rounds | target | ",
             "---: | --- | ---: | --- | ---: | --- | ---: | --- | ---"]
    for row in rows:
        verdict = {None: "", True: "passes", False: "**fails**"}[row.passes]
        ratio = f"{number(row.median)} ({number(min(row.ratio))} – {number(max(row.ratio))})"
        ratio += " faster" if row.faster else ""
        work = row.work + (f" ({row.note})" if row.note else "")
        lines.append(f"{row.projects:,} | {work} | {figure(row.ours, row.unit)} | {row.contender} | "
                     f"{figure(row.theirs, row.unit)} | {ratio} | {len(row.ours)} | {row.wanted} | {verdict}")
    return "\n".join(lines)


def summary(results):
    judged = [row for row in results.rows if row.wanted]
    failed = [row for row in judged if not row.passes]
    sizes = [each for each in results.sizes if each[1] > each[2]]
    judged_all, missed = len(judged) + len(results.sizes), len(failed) + len(sizes)
    lines = [f"{judged_all - missed} of {judged_all} targets are reached."]
    if failed or sizes:
        lines.append("Not reached:\n")
        lines += [f"- {row.work}, {row.projects:,} projects: {figure(row.ours, row.unit)}, {number(row.median)} × "
                  f"{row.contender}, to be {row.wanted}" for row in failed]
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


def sections(results):
    text = ""
    for section, plots in SECTIONS.items():
        rows = [row for row in results.rows if row.section == section]
        content = [table(rows)] if rows else [disk(results)] if section == "Disk" and results.sizes else []
        content += [f"![{PLOTS[plot][0]}]({plot}.svg)" for plot in plots if plot in results.points]
        if content:
            text += "\n\n".join([f"## {section}", *content]) + "\n\n"
    return text


def write(folder, results, sizes, server, run):
    """server: version and [(setting, value)]; run: when, minutes, quick, machine."""
    version, settings = server
    largest = sizes[-1]
    text = TEMPLATE.read_text().format(
        flag=" --quick" if run["quick"] else "", when=run["when"], minutes=run["minutes"], machine=run["machine"],
        version=version, settings=", ".join(f"`{name} = {value}`" for name, value in settings),
        data=" / ".join(f"{each.projects:,}" for each in sizes) + " projects", largest=largest.projects,
        mean_depth=largest.tree.mean_depth, deepest=largest.tree.deepest, width=largest.width,
        all_copies=largest.projects * 45, sample=largest.sample, summary=summary(results), sections=sections(results))
    (folder / "RESULTS.md").write_text(text)
    for plot, lines in results.points.items():
        title, x_title, ticks = PLOTS[plot]
        (folder / f"{plot}.svg").write_text(svg(title, x_title, lines, ticks))
