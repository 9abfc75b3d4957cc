# SPDX-License-Identifier: Apache-2.0
"""The result as text."""

# A generator that finds the ring full less often than this is the slower of the two.
RING_FULL_LEAST = 0.05
HEADER = ("case", "rings", "flows", "Mpps median (min-max)", "ratio to mac (min-max)", "samples")


def _spread(spread, digits):
    return f"{spread.median:.{digits}f} ({spread.low:.{digits}f}-{spread.high:.{digits}f})" if spread else "-"


def _row(line, reference):
    bound = " at least: generator-bound" if line.ring_full < RING_FULL_LEAST else ""
    return (line.case, line.rings, str(line.flows), _spread(line.mpps, 2),
            "1" if line.case == reference else _spread(line.ratio, 2), f"{line.mpps.count} {line.label}{bound}")


def align(rows):
    """Rows of words with aligned columns, the first one underlined."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    texts = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([texts[0], "-" * max(map(len, texts)), *texts[1:]])


def table(lines, reference):
    """Lines of samples.line() as a table with aligned columns."""
    return align([HEADER, *(_row(line, reference) for line in lines)])
