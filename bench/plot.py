"""Plots with logarithmic axes, as SVG."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 90, 210, 50, 60  # RIGHT is for the names of the lines
COLOURS = {"integration_defaults": "#0b6e4f", "limit": "#3366cc", "one-row UPDATE": "#3366cc", "copy": "#c0392b",
           "recursive CTE": "#c77700"}
OTHERS = ["#0b6e4f", "#7048a8"]


def seconds(value):
    for factor, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= factor * 0.9999:
            return f"{value / factor:g} {unit}"
    return f"{value * 1e9:g} ns"


def plain(value):
    return f"{value:,.0f}"


class Axis:
    """From values to pixels, and where its ticks are."""

    def __init__(self, values, start, end, ticks=None):
        self.start, self.end = start, end
        if ticks:
            low, high, self.ticks = min(ticks), max(ticks), ticks
        else:
            low, high = (10.0 ** math.floor(math.log10(min(values))), 10.0 ** math.ceil(math.log10(max(values))))
            high = max(high, low * 10)
            self.ticks = [low * 10 ** i for i in range(round(math.log10(high / low)) + 1)]
        self.low, self.span = math.log10(low), math.log10(high) - math.log10(low)

    def __call__(self, value):
        return self.start + (math.log10(value) - self.low) / self.span * (self.end - self.start)


def spread(places, apart):
    """Moves {name: y} so that names do not overlap."""
    moved, last = {}, -math.inf
    for name, y in sorted(places.items(), key=lambda each: each[1]):
        moved[name] = last = max(y, last + apart)
    return moved


def svg(title, x_title, lines, x_ticks=None):
    """lines: {name: [(x, seconds)]}."""
    xs = [x for line in lines.values() for x, _ in line]
    ys = [y for line in lines.values() for _, y in line]
    x_axis = Axis(xs, LEFT, WIDTH - RIGHT, x_ticks)
    y_axis = Axis(ys, HEIGHT - BOTTOM, TOP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
           ' font-family="sans-serif" font-size="13">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="28" font-size="16" font-weight="bold">{escape(title)}</text>']
    for tick in x_axis.ticks:
        x = x_axis(tick)
        out.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        out.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{plain(tick)}</text>')
    for tick in y_axis.ticks:
        y = y_axis(tick)
        out.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{seconds(tick)}</text>')
    centre = (LEFT + WIDTH - RIGHT) / 2
    out.append(f'<text x="{centre}" y="{HEIGHT - 15}" text-anchor="middle">{escape(x_title)}</text>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    out.append(f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">time</text>')
    names = spread({name: y_axis(line[-1][1]) for name, line in lines.items()}, 18)
    for i, (name, line) in enumerate(lines.items()):
        colour = COLOURS.get(name) or OTHERS[i % len(OTHERS)]
        points = " ".join(f"{x_axis(x):.1f},{y_axis(y):.1f}" for x, y in line)
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        out += [f'<circle cx="{x_axis(x):.1f}" cy="{y_axis(y):.1f}" r="4" fill="{colour}"/>' for x, y in line]
        out.append(f'<text x="{WIDTH - RIGHT + 10}" y="{names[name] + 4:.1f}" fill="{colour}">{escape(name)}</text>')
    return "\n".join(out + ["</svg>", ""])
