# SPDX-License-Identifier: Apache-2.0
"""Established flows: Sluice with and without groups beside testpmd in mac mode, in turns (P1, P2, P3)."""

from . import goals
from .case import Case
from .load import Load
from .ovs import Ovs
from .samples import ratios
from .sluice import SESSIONS, Sluice
from .testpmd import Testpmd

RULES = 1000
# Lines of the flow cache where there are a million flows each way: four for each, so that most are in their home lines.
FLOWS = 1 << 23
# Each way, that tables of the usual sizes are for.
USUAL_FLOWS = 10000
# Flows: least share of mac without and with groups. Other numbers are for the picture, on one layout of rings and in
# every second round.
WANTED = {1: (0.98, None), 10000: (0.96, 0.92), 1000000: (0.80, 0.75)}
TAX = 0.96
CONNTRACK_FACTOR = 7
# OVS takes part with so many flows.
OVS_FLOWS = 10000


class Throughput(Case):
    """All switches under all loads in every round."""

    seconds = 200
    reference = "testpmd mac"

    def __init__(self, lab, sampler, options):
        super().__init__(lab, sampler, options)
        cpu = sampler.cpus[1]
        self._mac = Testpmd(lab, *sampler.cpus)
        self._l2, self._groups = self._pair = (Sluice(lab, "l2", cpu), Sluice(lab, "sg", cpu, RULES))
        # Under the same names: by itself a guest may have 32768 sessions, and a worker 262144 flows.
        self._large_pair = (Sluice(lab, "l2m", cpu, flows=FLOWS), Sluice(lab, "sgm", cpu, RULES, SESSIONS, flows=FLOWS)
                            ) if max(options.flows) > USUAL_FLOWS else ()
        self._ovs = [Ovs(lab, "ol2", cpu), Ovs(lab, "oct", cpu, conntrack=True)] if options.ovs else []
        self._loads = [Load(flows, rings, options.size, options.warmup, options.seconds, x=flows)
                       for rings in options.rings for flows in options.flows
                       if flows in WANTED or rings == options.rings[0]]

    def run(self):
        self.start(self._mac, *self._pair, *self._large_pair, *self._ovs)
        for number in self.rounds():
            for load in self._loads:
                if load.flows in WANTED or number % 2 == 1:
                    self._take_all(load, number)

    def _take_all(self, load, number):
        with_ovs = load.flows == OVS_FLOWS and load.rings == self.options.rings[0]
        pair = self._pair if load.flows <= USUAL_FLOWS else self._large_pair
        for switch in (self._mac, *pair, *(self._ovs if with_ovs else ())):
            self.take(switch, load, number)

    def results(self):
        found = []
        for load in self._loads:
            plain, policed = WANTED.get(load.flows, (None, None))
            at_scale = load.flows == OVS_FLOWS
            for number, case, reference, least, what in (
                    ("P1", self._l2, self._mac, plain, "L2, share of mac"),
                    ("P2", self._groups, self._mac, policed, f"{RULES} rules, share of mac"),
                    ("P2", self._groups, self._ovs[1] if self._ovs and load.rings == self.options.rings[0] else None,
                     CONNTRACK_FACTOR if at_scale else None, f"{RULES} rules, by OVS conntrack"),
                    ("P3", self._groups, self._l2, TAX if at_scale else None, "groups by L2")):
                if least is not None and reference is not None:
                    ratio, label = ratios(self.of(load.rings, load.workload), case.name, reference.name)
                    found.append(goals.at_least(number, f"{what}, {load.rings}, {load.workload}", ratio, least, label))
        return found
