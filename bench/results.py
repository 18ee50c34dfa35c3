"""What was measured: rows of the table, and points of the plots."""

import statistics

UNITS = {"ms": (1e3, "ms"), "us": (1e6, "µs"), "tps": (1, "/s"), "bytes": (1, "bytes")}


class Row:
    def __init__(self, work, projects, contender, ours, theirs, unit, target, at_most, ratio, faster, note, section):
        self.work, self.projects, self.contender, self.note = work, projects, contender, note
        self.ours, self.theirs, self.unit = ours, theirs, unit
        self.ratio, self.faster, self.section = ratio, faster, section
        self.target = target  # of the ratio: ("≤" or "≥", number), or None
        self.at_most = at_most  # of ours, whatever theirs is, or None; if both are: for comparison only

    @property
    def median(self):
        return statistics.median(self.ratio)

    @property
    def wanted(self):
        """As text; empty: nothing."""
        if self.at_most is not None:
            return f"≤ {figure([self.at_most], self.unit)}"
        return f"{self.target[0]} {self.target[1]:,}" if self.target else ""

    @property
    def passes(self):
        if self.at_most is not None:
            return statistics.median(self.ours) <= self.at_most
        if self.target is None:
            return None
        return self.median <= self.target[1] if self.target[0] == "≤" else self.median >= self.target[1]


class Results:
    def __init__(self):
        self.rows = []
        self.section = None  # that rows are added to
        self.sizes = []  # of the disk: (what, bytes, at most)
        self.skipped = []  # (work, why)
        self.points = {}  # plot -> contender -> [(x, y)]

    def add(self, work, projects, contender, ours, theirs, unit, target=None, faster=False, note="", at_most=None):
        """ours, theirs: a figure each round (seconds, transactions a second, bytes). The ratio is ours / theirs; with
        `faster`, theirs / ours."""
        ratio = [b / a if faster else a / b for a, b in zip(ours, theirs)]
        row = Row(work, projects, contender, ours, theirs, unit, target, at_most, ratio, faster, note, self.section)
        self.rows.append(row)
        verdict = {None: "", True: "passes", False: "FAILS"}[row.passes]
        wanted = f"(target {row.wanted})" if row.wanted else ""
        print(f"{projects:>9,}  {work}: {figure(ours, unit)} against {contender} {figure(theirs, unit)}: "
              f"{number(row.median)} x {wanted} {verdict}")

    def skip(self, work, why):
        self.skipped.append((work, why))
        print(f"           {work}: skipped, {why}")

    def point(self, plot, contender, x, values):
        self.points.setdefault(plot, {}).setdefault(contender, []).append((x, statistics.median(values)))


def number(value):
    """With three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.095 else f"{value:.2g}"


def figure(values, unit):
    factor, name = UNITS[unit]
    value = statistics.median(values) * factor
    if name == "µs" and value >= 1000 or name == "ms" and value >= 10000:
        value, name = value / 1000, {"µs": "ms", "ms": "s"}[name]
    return f"{number(value)}{'' if name == '/s' else ' '}{name}"
