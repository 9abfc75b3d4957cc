# SPDX-License-Identifier: Apache-2.0
"""A guest floods another with SYNs: what is left for its neighbours."""

from dataclasses import replace

from . import goals
from .case import Case
from .load import Load
from .samples import Spread
from .sluice import SESSIONS, Sluice

FLOWS = 10000
FLOOD_PPS = 1_000_000
NEW_PPS = 100_000


class Flood(Case):
    """Established flows as fast as they go, and new connections at a pace, each with and without a flood in turns."""

    seconds = 35

    def __init__(self, lab, sampler, options):
        super().__init__(lab, sampler, options)
        established = Load(FLOWS, options.rings[0], options.size, options.warmup, options.seconds, flood=None)
        fresh = replace(established, flows=0, pps=NEW_PPS)
        self._loads = {"established": established, "established, flood": replace(established, flood=FLOOD_PPS),
                       "new": fresh, "new, flood": replace(fresh, flood=FLOOD_PPS)}
        self._groups = Sluice(lab, "sg", sampler.cpus[1], 1000, SESSIONS, ports=3)

    def run(self):
        self.start(self._groups)
        self._groups.wake()
        # The neighbours may have the whole table, the flooder what every guest has who says nothing.
        self._groups.host.sluice_vsctl("clear", "Logical_Port", f"id-{self._groups.ports[2]}", "conntrack")
        for number in self.rounds():
            for case, load in self._loads.items():
                self.take(self._groups, load, number, case, self._groups.forget_sessions)

    def results(self):
        found = []
        for case in ("established", "established, flood"):
            spread = Spread.of([sample.mpps for sample in self._samples_of(case)])
            found.append(goals.Result("", f"{case}: Mpps", f"{spread.median:.2f} ({spread.low:.2f}-{spread.high:.2f})",
                                      label=self._labels(case)))
        for case in ("new", "new, flood"):
            parts = [1 - sample.report["lost"][0] / max(1, sample.report["offered"][0])
                     for sample in self._samples_of(case)]
            spread = Spread.of(parts)
            found.append(goals.Result("", f"{case}, {NEW_PPS} a second: part that opened", f"{spread.median:.4%} "
                                      f"({spread.low:.4%}-{spread.high:.4%})", label=self._labels(case)))
        return found

    def _samples_of(self, case):
        return [sample for sample in self.samples if sample.case == case]

    def _labels(self, case):
        labels = [sample.label for sample in self._samples_of(case)]
        return ", ".join(f"{labels.count(label)} {label}" for label in sorted(set(labels)))
