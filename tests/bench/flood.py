# SPDX-License-Identifier: Apache-2.0
"""A guest floods another with SYNs: what is left for its neighbours."""

from dataclasses import replace

from . import generator, goals
from .sampler import say
from .samples import Spread
from .sluice import SESSIONS, Sluice

FLOWS = 10000
FLOOD_PPS = 1_000_000
NEW_PPS = 100_000


class Flood:
    """Established flows as fast as they go, and new connections at a pace, each with and without a flood in turns."""

    def __init__(self, lab, sampler, options):
        self._lab = lab
        self._sampler = sampler
        self._rounds = options.rounds
        established = generator.Load(FLOWS, options.rings[0], options.size, options.warmup, options.seconds, flood=None)
        fresh = replace(established, flows=0, pps=NEW_PPS)
        self._loads = {"established": established, "established, flood": replace(established, flood=FLOOD_PPS),
                       "new": fresh, "new, flood": replace(fresh, flood=FLOOD_PPS)}
        self._groups = Sluice(lab, "sg", sampler.cpus[1], 1000, SESSIONS, ports=3)
        self.samples = []

    def run(self):
        say(f"starting {self._groups.name}")
        self._lab.defer(self._groups.stop)
        self._groups.start()
        # The neighbours may have the whole table, the flooder what every guest has who says nothing.
        self._groups.host.sluice_vsctl("clear", "Logical_Port", f"id-{self._groups.ports[2]}", "conntrack")
        self._groups.rest()
        for number in range(1, self._rounds + 1):
            say(f"round {number}")
            for case, load in self._loads.items():
                self.samples.append(self._sampler.good_sample(self._groups, load, number, case,
                                                              self._groups.forget_sessions))

    def text(self):
        return ""

    def results(self):
        found = []
        for case in ("established", "established, flood"):
            spread = Spread.of([sample.mpps for sample in self._of(case)])
            found.append(goals.Result("", f"{case}: Mpps", f"{spread.median:.2f} ({spread.low:.2f}-{spread.high:.2f})",
                                      label=self._labels(case)))
        for case in ("new", "new, flood"):
            parts = [1 - sample.report["lost"][0] / max(1, sample.report["offered"][0]) for sample in self._of(case)]
            spread = Spread.of(parts)
            found.append(goals.Result("", f"{case}, {NEW_PPS} a second: part that opened", f"{spread.median:.4%} "
                                      f"({spread.low:.4%}-{spread.high:.4%})", label=self._labels(case)))
        return found

    def _of(self, case):
        return [sample for sample in self.samples if sample.case == case]

    def _labels(self, case):
        labels = [sample.label for sample in self._of(case)]
        return ", ".join(f"{labels.count(label)} {label}" for label in sorted(set(labels)))
