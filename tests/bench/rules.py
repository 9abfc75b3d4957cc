# SPDX-License-Identifier: Apache-2.0
"""Established flows under more and more rules (P2 and P3 by the number of rules in force)."""

from . import generator, goals
from .sampler import say
from .samples import ratios
from .sluice import Sluice
from .testpmd import Testpmd

COUNTS = (10, 100, 1000, 10000, 100000)
FLOWS = 10000
OF_MAC, OF_L2 = 0.92, 0.96


class Rules:
    """mac, L2 and groups in turns; the rules are replaced from sample to sample."""

    def __init__(self, lab, sampler, options):
        self._lab = lab
        self._sampler = sampler
        self._rounds = options.rounds
        self._load = generator.Load(FLOWS, options.rings[0], options.size, options.warmup, options.seconds)
        self._mac = Testpmd(lab, *sampler.cpus)
        self._l2 = Sluice(lab, "l2", sampler.cpus[1])
        self._groups = Sluice(lab, "sg", sampler.cpus[1], COUNTS[0])
        self.samples = []

    def run(self):
        """All counts in every round."""
        for switch in (self._mac, self._l2, self._groups):
            say(f"starting {switch.name}")
            self._lab.defer(switch.stop)
            switch.start()
            if switch is not self._mac:
                switch.rest()
        for number in range(1, self._rounds + 1):
            say(f"round {number}")
            for switch in (self._mac, self._l2):
                self.samples.append(self._sampler.good_sample(switch, self._load, number))
            for count in COUNTS:
                self._groups.wake()
                self._groups.set_rules(count)
                self.samples.append(self._sampler.good_sample(self._groups, self._load, number, _case(count)))

    def text(self):
        return ""

    def results(self):
        found = []
        for number, reference, least, what in (("P2", self._mac, OF_MAC, "share of mac"),
                                               ("P3", self._l2, OF_L2, "by L2")):
            for count in COUNTS:
                ratio, label = ratios(self.samples, _case(count), reference.name)
                found.append(goals.at_least(number, f"{count} rules, {what}, {self._load.rings}, {FLOWS} flows", ratio,
                                            least, label))
        return found


def _case(count):
    return f"sluice, {count} rules"
