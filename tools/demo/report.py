# SPDX-License-Identifier: Apache-2.0
"""What the demo says: steps while it works, and the table at the end."""

import time
from dataclasses import dataclass


class Progress:
    """Prints each step with the time since the start."""

    def __init__(self):
        self._start = time.monotonic()

    def step(self, text):
        print(f"[{time.monotonic() - self._start:6.1f} s] {text}", flush=True)


@dataclass
class Row:
    """One thing tried."""
    encap: str
    tried: str
    expected: str
    happened: str
    right: bool

    @property
    def verdict(self):
        return "ok" if self.right else "WRONG"


HEADINGS = ("overlay", "tried", "expected", "what happened", "")


def table(rows):
    """The rows as text, one line each below the headings, in aligned columns."""
    cells = [HEADINGS, *((row.encap, row.tried, row.expected, row.happened, row.verdict) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)
