# SPDX-License-Identifier: Apache-2.0
"""What was measured as pictures: which lines of which case become which curve."""

from . import svg

COLOURS = {"testpmd": "#7f7f7f", "sluice L2": "#1f77b4", "sluice": "#d62728", "ovs-dpdk L2": "#2ca02c",
           "ovs-dpdk": "#9467bd"}
# What they are called, and how they are drawn.
PERCENTILES = {"p50": ("p50", "dashed"), "p99": ("p99", "solid"), "p999": ("p99.9", "dotted")}


def draw(record):
    """Write the pictures of the cases that were measured beside their file; returns the paths."""
    charts = {"throughput-flows": _rates(record, "throughput", "Throughput over flows", "flows each way"),
              "throughput-rules": _by_rules(record),
              "throughput-sizes": _rates(record, "frame-sizes", "Throughput over frame sizes", "bytes on the wire"),
              "bits-sizes": _bits(record), "latency": _latency(record)}
    paths = []
    for name, chart in charts.items():
        if chart is not None and chart.series:
            paths.append(record.path.parent / f"{name}.svg")
            paths[-1].write_text(svg.draw(chart))
    return paths


def _note(record, name):
    """What holds for all points of a picture."""
    labels = sorted({line.label for line in record.lines(name)})
    return f"One forwarding thread; bars from least to greatest; {', '.join(labels)} samples of {record.date(name)}"


def _rates(record, name, title, x_label):
    """Mpps of all switches; packed rings are dashed."""
    lines = [line for line in record.lines(name) if line.x is not None]
    if not lines:
        return None
    return svg.Chart(title, _note(record, name), x_label, "million packets a second",
                     [_series(case, rings, [_point(line, line.x) for line in found])
                      for (case, rings), found in _by_switch(lines).items()])


def _point(line, place):
    return place, line.mpps.median, line.mpps.low, line.mpps.high


def _bits(record):
    lines = [line for line in record.lines("frame-sizes") if line.gbps]
    if not lines:
        return None
    return svg.Chart("Gbit/s over frame sizes", _note(record, "frame-sizes"), "bytes on the wire", "Gbit/s",
                     [_series(case, rings, [(line.x, *_scaled(line)) for line in found])
                      for (case, rings), found in _by_switch(lines).items()])


def _scaled(line):
    """Gbit/s from millions of packets: middle, least, greatest."""
    factor = line.gbps / line.mpps.median if line.mpps.median else 0
    return line.gbps, line.mpps.low * factor, line.mpps.high * factor


def _by_rules(record):
    """One curve of Sluice, and those without rules as levels."""
    lines = record.lines("rule-scale")
    counted = sorted((line for line in lines if line.x is not None), key=lambda line: line.x)
    if not counted:
        return None
    places = [line.x for line in counted]
    levels = [_series(line.case, line.rings, [_point(line, place) for place in places])
              for line in lines if line.x is None]
    curve = _series("sluice, stateful groups", counted[0].rings,
                    [_point(line, line.x) for line in counted])
    return svg.Chart("Throughput over rules in force", _note(record, "rule-scale"), "rules",
                     "million packets a second", [*levels, curve])


def _latency(record):
    lines = [line for line in record.lines("latency") if line.latency]
    if not lines:
        return None
    series = []
    for (case, _), found in _by_switch([line for line in lines if line.rings == lines[0].rings]).items():
        for key, (name, dash) in PERCENTILES.items():
            spreads = [(f"{line.x:g} %", line.latency[key]) for line in found]
            points = [(place, *(max(ns, 1) / 1e3 for ns in (one.median, one.low, one.high))) for place, one in spreads]
            series.append(svg.Series(f"{_short(case)}, {name}", _colour(case), points, dash))
    return svg.Chart("Latency over load", f"{_note(record, 'latency')}, {lines[0].rings} rings",
                     "load, of what the slower switch takes without loss", "microseconds", series, y_log=True)


def _by_switch(lines):
    found = {}
    for line in lines:
        found.setdefault((line.case, line.rings), []).append(line)
    return found


def _series(case, rings, points):
    return svg.Series(f"{_short(case)}, {rings}", _colour(case), points, "dashed" if rings == "packed" else "solid")


def _short(case):
    """A switch's name as it fits into a legend."""
    return case.replace("stateful groups", "groups").replace(", 1000 rules", "")


def _colour(case):
    return next(colour for start, colour in COLOURS.items() if case.startswith(start))
