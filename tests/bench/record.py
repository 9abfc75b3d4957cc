# SPDX-License-Identifier: Apache-2.0
"""What was measured, in a file: by case, each with the day it was taken, so that a table can be completed piece by
piece."""

import json
import platform
from dataclasses import asdict
from datetime import datetime

from .goals import Result
from .samples import Line, Spread

FILE = "results.json"


class Record:
    """The file in a folder; what is there already stays until its case is measured again, unless it is to be FRESH."""

    def __init__(self, folder, fresh=False):
        self.path = folder / FILE
        self._cases = {}
        if self.path.exists() and not fresh:
            self._cases = json.loads(self.path.read_text()).get("cases", {})

    def put(self, name, case, options, seconds):
        """Take what a case has found, in place of what it found before."""
        self._cases[name] = {
            "date": datetime.now().astimezone().isoformat(timespec="seconds"), "machine": platform.platform(),
            "seconds": round(seconds, 1), "options": options, "text": case.text(),
            "lines": [asdict(one) for one in case.lines()] if case.samples else [],
            "results": [asdict(one) for one in case.results()],
            "samples": [asdict(sample) for sample in case.samples]}

    def save(self):
        """Write it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps({"cases": self._cases}, indent=1, default=str) + "\n")

    @property
    def names(self):
        """The cases there are."""
        return list(self._cases)

    def date(self, name):
        """The day on which a case was measured."""
        return self._cases[name]["date"][:10]

    def lines(self, name):
        """The lines of a case, none when it was not measured."""
        return [_line(one) for one in self._cases.get(name, {"lines": []})["lines"]]

    def results(self):
        """The figures beside their goals, of all cases."""
        return [Result(**one) for case in self._cases.values() for one in case["results"]]


def _line(written):
    """A line from the file."""
    return Line(**written | {
        "mpps": Spread(**written["mpps"]), "ratio": Spread(**written["ratio"]) if written["ratio"] else None,
        "latency": {key: Spread(**one) for key, one in written["latency"].items()} if written["latency"] else None})
