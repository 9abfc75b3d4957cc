# SPDX-License-Identifier: Apache-2.0
"""Line charts as SVG, without a library: axes, grid, legend, and a bar from the least to the greatest at each point."""

import math
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 920, 480
LEFT, RIGHT, TOP, BOTTOM = 70, 260, 74, 58
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
INK, FAINT, GRID = "#222222", "#666666", "#e3e3e3"
FONT = "'DejaVu Sans', Verdana, Helvetica, Arial, sans-serif"
# Points are kept off the frame by this much on either side.
MARGIN = 24
TICKS_WANTED = 6
CAP = 3.5
# Points of neighbouring series at one place do not hide each other's bars.
DODGE = 2.5
DASHES = {"solid": "", "dashed": ' stroke-dasharray="7 4"', "dotted": ' stroke-dasharray="2 3"'}


@dataclass(frozen=True)
class Series:
    """A line: POINTS are (X, middle, least, greatest). DASH is one of DASHES."""
    name: str
    colour: str
    points: list
    dash: str = "solid"


@dataclass(frozen=True)
class Chart:
    """X is logarithmic, or by name when it holds words; no line leads from a number to a word. Y is from zero, or
    logarithmic."""
    title: str
    note: str
    x_label: str
    y_label: str
    series: list = field(default_factory=list)
    y_log: bool = False

    def places(self):
        """All places on the x axis in their order."""
        places = list(dict.fromkeys(point[0] for one in self.series for point in one.points))
        return places if any(isinstance(place, str) for place in places) else sorted(places)


def draw(chart):
    """The chart as a document."""
    across, ticks = _x_axis(chart)
    down, levels = _y_axis(chart)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
             f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="{FONT}">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
             _text(LEFT, 28, chart.title, size=17, weight="bold"), _text(LEFT, 48, chart.note, size=12, colour=FAINT)]
    bottom = TOP + PLOT_HEIGHT
    for level in levels:
        y = down(level)
        parts.append(_line(LEFT, y, LEFT + PLOT_WIDTH, y, GRID))
        parts.append(_text(LEFT - 8, y + 4, _number(level), size=12, anchor="end"))
    for place in ticks:
        x = across(place)
        parts.append(_line(x, bottom, x, bottom + 5, INK))
        parts.append(_text(x, bottom + 20, _number(place), size=12, anchor="middle"))
    parts += [_line(LEFT, bottom, LEFT + PLOT_WIDTH, bottom, INK), _line(LEFT, TOP, LEFT, bottom, INK),
              _text(LEFT + PLOT_WIDTH / 2, bottom + 44, chart.x_label, size=13, anchor="middle"),
              _text(18, TOP + PLOT_HEIGHT / 2, chart.y_label, size=13, anchor="middle", turned=True)]
    for index, one in enumerate(chart.series):
        shift = (index - (len(chart.series) - 1) / 2) * DODGE
        parts += _curve(one, lambda place, shift=shift: across(place) + shift, down)
        parts += _legend(one, LEFT + PLOT_WIDTH + 22, TOP + 10 + 24 * index)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x_axis(chart):
    """Where places are, and which of them have a tick."""
    places = chart.places()
    room = PLOT_WIDTH - 2 * MARGIN
    if all(isinstance(place, (int, float)) and place > 0 for place in places) and places:
        low, high = math.log10(places[0]), math.log10(places[-1])
        spread = high - low or 1
        return lambda place: LEFT + MARGIN + (math.log10(place) - low) / spread * room, places
    step = room / max(len(places) - 1, 1)
    return lambda place: LEFT + MARGIN + places.index(place) * step, places


def _y_axis(chart):
    """Where values are, and the levels that have a line."""
    values = [value for one in chart.series for point in one.points for value in point[1:]]
    if chart.y_log:
        low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        high = max(high, low + 1)
        levels = [factor * 10.0 ** power for power in range(low, high) for factor in (1, 2, 5)] + [10.0 ** high]
        return lambda value: TOP + PLOT_HEIGHT * (high - math.log10(value)) / (high - low), levels
    step = _step(max(values) / TICKS_WANTED)
    count = max(math.ceil(max(values) / step * 1.02), 1)
    return lambda value: TOP + PLOT_HEIGHT * (1 - value / (step * count)), [step * index for index in range(count + 1)]


def _step(least):
    """A round number not below LEAST."""
    power = 10.0 ** math.floor(math.log10(least)) if least > 0 else 1.0
    return next((factor * power for factor in (1, 2, 2.5, 5) if factor * power >= least), 10 * power)


def _curve(one, across, down):
    parts = []
    for kind in (str, (int, float)):
        way = " ".join(f"{across(place):.1f},{down(middle):.1f}" for place, middle, _, _ in one.points
                       if isinstance(place, kind))
        parts.append(f'<polyline points="{way}" fill="none" stroke="{one.colour}" stroke-width="2"'
                     f'{DASHES[one.dash]}/>')
    for place, middle, low, high in one.points:
        x = across(place)
        parts += [_line(x, down(low), x, down(high), one.colour),
                  *(_line(x - CAP, down(end), x + CAP, down(end), one.colour) for end in (low, high)),
                  _dot(x, down(middle), one)]
    return parts


def _legend(one, x, y):
    return [f'<line x1="{x}" y1="{y}" x2="{x + 28}" y2="{y}" stroke="{one.colour}" stroke-width="2"'
            f'{DASHES[one.dash]}/>', _dot(x + 14, y, one), _text(x + 36, y + 4, one.name, size=12)]


def _dot(x, y, one):
    fill = one.colour if one.dash == "solid" else "#ffffff"
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{fill}" stroke="{one.colour}" stroke-width="1.5"/>'


def _line(x1, y1, x2, y2, colour):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x, y, text, size, anchor="start", weight="normal", colour=INK, turned=False):
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
            f'fill="{colour}"{turn}>{escape(text)}</text>')


def _number(value):
    """As short as it can be read."""
    if isinstance(value, str):
        return value
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if value >= unit and value % (unit / 10) == 0:
            return f"{value / unit:g}{name}"
    return f"{value:g}"
