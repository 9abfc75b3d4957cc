# SPDX-License-Identifier: Apache-2.0
"""The result as text."""

# A generator that finds the ring full less often than this is the slower of the two.
RING_FULL_LEAST = 0.05
HEADER = ("switch", "workload", "rings", "Mpps (min-max)", "Gbit/s", "ratio (min-max)", "cycles/packet",
          "p50/p99/p99.9 us", "samples")


def _rate(spread):
    """Large frames come by the thousand."""
    return _spread(spread, 2 if spread.median >= 1 or spread.median == 0 else 4)


def _spread(spread, digits):
    return f"{spread.median:.{digits}f} ({spread.low:.{digits}f}-{spread.high:.{digits}f})" if spread else "-"


def _row(line):
    bound = " at least: generator-bound" if line.ring_full is not None and line.ring_full < RING_FULL_LEAST else ""
    latency = "-"
    if line.latency:
        latency = "/".join(f"{line.latency[key].median / 1e3:.1f}" for key in ("p50", "p99", "p999"))
    return (line.case, line.workload, line.rings, _rate(line.mpps), f"{line.gbps:.1f}" if line.gbps else "-",
            _spread(line.ratio, 2),
            f"{line.cycles:.0f}" if line.cycles else "-", latency,
            f"{line.mpps.count} {line.label}{bound}")


def align(rows):
    """Rows of words with aligned columns, the first one underlined."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    texts = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([texts[0], "-" * max(map(len, texts)), *texts[1:]])


def table(lines):
    """Lines as of samples.line() with aligned columns; those that nothing in the table says are left out."""
    rows = [HEADER, *map(_row, lines)]
    kept = [column for column in range(len(HEADER)) if any(row[column] != "-" for row in rows[1:])]
    return align([tuple(row[column] for column in kept) for row in rows])
