# SPDX-License-Identifier: Apache-2.0
"""Established flows: Sluice with and without groups beside testpmd in mac mode, in turns (P1, P2, P3)."""

from . import generator, goals
from .ovs import Ovs
from .sampler import say
from .samples import line, ratios
from .sluice import SESSIONS, Sluice
from .table import table
from .testpmd import Testpmd

RULES = 1000
FLOWS = 1 << 22
# With too few near rounds there are more rounds, up to so many times what was asked for.
ROUNDS_FACTOR = 2
# Flows: least share of mac without and with groups.
WANTED = {1: (0.98, None), 10000: (0.96, 0.92), 1000000: (0.80, 0.75)}
TAX = 0.96


class Throughput:
    """The switches, the loads and the samples."""

    def __init__(self, lab, sampler, options):
        self._lab = lab
        self._sampler = sampler
        self._options = options
        self.samples = []
        cpu = sampler.cpus[1]
        # By itself a guest may have 32768 sessions, and a worker 262144 flows.
        many = max(options.flows) > 10000
        self._mac, self._l2 = Testpmd(lab, *sampler.cpus), Sluice(lab, "l2", cpu, flows=FLOWS if many else None)
        self._groups = Sluice(lab, "sg", cpu, RULES, SESSIONS if many else None, flows=FLOWS if many else None)
        self._switches = [self._mac, self._l2, self._groups]
        if options.ovs:
            self._switches += [Ovs(lab, "ol2", cpu), Ovs(lab, "oct", cpu, conntrack=True)]
        self._loads = [generator.Load(flows, rings, options.size, options.warmup, options.seconds)
                       for rings in options.rings for flows in options.flows]

    def run(self):
        """Start the switches and take the samples."""
        for switch in self._switches:
            say(f"starting {switch.name}")
            self._lab.defer(switch.stop)
            switch.start()
            if switch is not self._mac:
                switch.rest()
        if not self._options.quick:
            say("a round to warm up")
            self._round(0)
            self.samples.clear()
        number = 0
        while number < self._options.rounds or self._more_wanted(number):
            number += 1
            say(f"round {number}")
            self._round(number)

    def _more_wanted(self, number):
        """Whether near pairs are missing and the bounds allow for another round."""
        return number < self._options.rounds * ROUNDS_FACTOR and not self._sampler.late() and any(
            (ratio := ratios(self._of(load), switch.name, self._mac.name, ("near",))[0]) is None or
            ratio.count < self._options.rounds for load in self._loads for switch in self._switches)

    def _round(self, number):
        for load in self._loads:
            for switch in self._switches:
                self.samples.append(self._sampler.good_sample(switch, load, number))

    def _of(self, load):
        """The samples of a load."""
        return [sample for sample in self.samples if (sample.rings, sample.flows) == (load.rings, load.flows)]

    def text(self):
        """What is quoted, one line for each switch and load."""
        lines = [line(self._of(load), switch.name, self._mac.name) for load in self._loads for switch in self._switches]
        return table(lines, self._mac.name)

    def results(self):
        """The ratios beside their goals."""
        found = []
        for load in self._loads:
            plain, policed = WANTED.get(load.flows, (None, None))
            where = f"{load.rings}, {load.flows} flows"
            for number, case, reference, least, what in (
                    ("P1", self._l2, self._mac, plain, "L2, share of mac"),
                    ("P2", self._groups, self._mac, policed, f"{RULES} rules, share of mac"),
                    ("P3", self._groups, self._l2, TAX if load.flows == 10000 else None, "groups by L2")):
                if least is not None:
                    ratio, label = ratios(self._of(load), case.name, reference.name)
                    found.append(goals.at_least(number, f"{what}, {where}", ratio, least, label))
        return found
