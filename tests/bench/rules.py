# SPDX-License-Identifier: Apache-2.0
"""Established flows under more and more rules (P2 and P3 by the number of rules in force)."""

from dataclasses import replace

from . import goals
from .case import Case
from .load import Load
from .samples import ratios
from .sluice import Sluice
from .testpmd import Testpmd

COUNTS = (10, 100, 1000, 10000, 100000)
FLOWS = 10000
OF_MAC, OF_L2 = 0.92, 0.96


class Rules(Case):
    """mac, L2 and groups in turns; the rules are replaced from sample to sample."""

    seconds = 50
    reference = "testpmd mac"

    def __init__(self, lab, sampler, options):
        super().__init__(lab, sampler, options)
        self._load = Load(FLOWS, options.rings[0], options.size, options.warmup, options.seconds)
        self._counts = COUNTS[:3] if options.smoke else COUNTS
        self._mac = Testpmd(lab, *sampler.cpus)
        self._l2 = Sluice(lab, "l2", sampler.cpus[1])
        self._groups = Sluice(lab, "sg", sampler.cpus[1], COUNTS[0])

    def run(self):
        """All counts in every round."""
        self.start(self._mac, self._l2, self._groups)
        for number in self.rounds():
            for switch in (self._mac, self._l2):
                self.take(switch, self._load, number)
            for count in self._counts:
                self._groups.wake()
                self._groups.set_rules(count)
                self.take(self._groups, self._load, number, _case(count))

    def lines(self):
        """With the number of rules as the place in the picture."""
        places = {_case(count): count for count in self._counts}
        return [replace(one, x=places.get(one.case)) for one in super().lines()]

    def results(self):
        found = []
        for number, reference, least, what in (("P2", self._mac, OF_MAC, "share of mac"),
                                               ("P3", self._l2, OF_L2, "by L2")):
            for count in self._counts:
                ratio, label = ratios(self.samples, _case(count), reference.name)
                found.append(goals.at_least(number, f"{count} rules, {what}, {self._load.rings}, {FLOWS} flows", ratio,
                                            least, label))
        return found


def _case(count):
    return f"sluice, {count} rules"
