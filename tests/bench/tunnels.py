# SPDX-License-Identifier: Apache-2.0
"""Established flows through VXLAN and GENEVE, each way, with groups, beside our own without a tunnel (P4)."""

from . import goals
from .case import Case
from .load import Load
from .overlay import OverlayOvs, OverlaySluice
from .samples import ratios
from .sluice import Sluice

FLOWS = 10000
RULES = 1000
KINDS = ("vxlan", "geneve")
WAYS = {"encap": 0, "decap": 1}
LEAST = 0.80
CONNTRACK_FACTOR = 5


class Tunnels(Case):
    """One direction at a time, so that what adds headers is told from what takes them off."""

    seconds = 80

    def __init__(self, lab, sampler, options):
        super().__init__(lab, sampler, options)
        cpu = sampler.cpus[1]
        self._plain = Sluice(lab, "sg", cpu, RULES, name="sluice, no tunnel")
        self._sluice = OverlaySluice(lab, "sgt", cpu, RULES)
        self._ovs = OverlayOvs(lab, "oct", cpu) if options.ovs else None
        self.reference = self._plain.name

    def run(self):
        self.start(self._plain, self._sluice, *([self._ovs] if self._ovs else []))
        for number in self.rounds():
            for rings in self.options.rings:
                for way in WAYS:
                    self._take_way(rings, way, number)

    def _take_way(self, rings, way, number):
        self.take(self._plain, self._load(rings, way), number)
        for kind in KINDS:
            self._take_tunnel(self._sluice, _ours(kind), rings, way, kind, number)
            if self._ovs and rings == self.options.rings[0]:
                self._take_tunnel(self._ovs, _theirs(kind), rings, way, kind, number)

    def _take_tunnel(self, switch, case, rings, way, kind, number):
        self.take(switch, self._load(rings, way, switch.tunnel(kind)), number, case, lambda: switch.use(kind))

    def _load(self, rings, way, tunnel=None):
        return Load(FLOWS, rings, self.options.size, self.options.warmup, self.options.seconds, one_way=WAYS[way],
                    tunnel=tunnel, name=way)

    def results(self):
        found = []
        for rings in self.options.rings:
            for way in WAYS:
                for kind in KINDS:
                    ratio, label = ratios(self.of(rings, way), _ours(kind), self.reference)
                    found.append(goals.at_least("P4", f"{kind}, {way}, {RULES} rules, by none, {rings}", ratio, LEAST,
                                                label))
                    if self._ovs and rings == self.options.rings[0]:
                        ratio, label = ratios(self.of(rings, way), _ours(kind), _theirs(kind))
                        found.append(goals.at_least("P4", f"{kind}, {way}, {RULES} rules, by OVS conntrack, {rings}",
                                                    ratio, CONNTRACK_FACTOR, label))
        return found


def _ours(kind):
    return f"sluice, {kind}"


def _theirs(kind):
    return f"ovs-dpdk conntrack, {kind}"
