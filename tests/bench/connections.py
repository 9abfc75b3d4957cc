# SPDX-License-Identifier: Apache-2.0
"""Connections: how many are opened in a second (P5), how many there can be (P6)."""

from . import goals
from .case import Case
from .load import Load
from .sampler import say
from .samples import ratios
from .sluice import SESSIONS, Sluice
from .testpmd import Testpmd

# Rules in force, and the least share of mac's packets a second that open a connection each.
WANTED = {100: 0.12, 10000: 0.10, 100000: 0.08}
# With the warm-up no more than the table has room for.
SECONDS = 0.8
REFERENCE_FLOWS = 10000
MOST = 4 << 20
MOST_BYTES = 256
# What says that packets came which opened nothing.
REFUSAL_REASONS = ("ct_quota", "ct_table_full", "policy_ingress", "policy_egress")


class ConnectionRate(Case):
    """Every packet opens a connection. The reference is mac with 10,000 flows both ways, in the same round and on the
    same rings."""

    seconds = 80
    reference = "testpmd mac"

    def __init__(self, lab, sampler, options):
        super().__init__(lab, sampler, options)
        self._seconds = min(SECONDS, options.seconds)
        self._established = [Load(REFERENCE_FLOWS, rings, options.size, options.warmup, options.seconds)
                             for rings in options.rings]
        self._fresh = [Load(0, rings, options.size, min(0.2, options.warmup), self._seconds) for rings in options.rings]
        self._counts = list(WANTED)[:2] if options.smoke else list(WANTED)
        self._mac = Testpmd(lab, *sampler.cpus)
        self._groups = Sluice(lab, "sg", sampler.cpus[1], min(WANTED), SESSIONS)
        self._refused = {}

    def run(self):
        """All counts of rules in every round."""
        self.start(self._mac, self._groups)
        for number in self.rounds():
            for load in self._established:
                self.take(self._mac, load, number)
            for count in self._counts:
                self._take_with(count, number)

    def _take_with(self, count, number):
        """The samples with COUNT rules, and what was refused while they were taken."""
        self._groups.wake()
        self._groups.set_rules(count)
        before = self._groups.drops()
        for load in self._fresh:
            self.take(self._groups, load, number, _case(count), self._groups.forget_sessions)
        self._groups.wake()
        after = self._groups.drops()
        self._refused[count] = self._refused.get(count, 0) + sum(
            after.get(reason, 0) - before.get(reason, 0) for reason in REFUSAL_REASONS)
        self._groups.rest()

    def _on(self, load):
        """The samples on the rings of LOAD."""
        return [sample for sample in self.samples if sample.rings == load.rings]

    def workloads(self):
        """By rings: new connections are compared with established flows."""
        return [self._on(load) for load in self._fresh]

    def text(self):
        return "\n".join([super().text(), *(f"refused with {count} rules: {refused}"
                                            for count, refused in self._refused.items())])

    def results(self):
        found = []
        for load in self._fresh:
            for count in self._counts:
                ratio, label = ratios(self._on(load), _case(count), self._mac.name)
                found.append(goals.at_least("P5", f"new connections, {count} rules, by mac's packets, {load.rings}",
                                            ratio, WANTED[count], label))
        return found


def _case(count):
    return f"sluice, new connections, {count} rules"


class ConnectionCount(Case):
    """Flows of which every one is opened in both directions, as many as the goal says."""

    seconds = 35

    def __init__(self, lab, sampler, options):
        super().__init__(lab, sampler, options)
        self._wanted = MOST >> 8 if options.smoke else MOST
        self._load = Load(self._wanted, options.rings[0], options.size, 0, min(0.5, options.seconds))
        self._groups = Sluice(lab, "sg", sampler.cpus[1], 100, SESSIONS)
        self._count = self._bytes = 0

    def run(self):
        """Open them, count them, weigh them."""
        self.start(self._groups)
        say(f"  opening {self._wanted} connections")
        self.samples.append(self.sampler.sample(self._groups, self._load, 1, "sluice, all connections"))
        self._count = self._groups.count_sessions()
        self._bytes = self._groups.bytes_per_session()
        self._groups.rest()

    def results(self):
        label = self.samples[0].label
        return [goals.Result("P6", "connections at once", str(self._count), f">= {self._wanted}",
                             self._count >= self._wanted, label),
                goals.Result("P6", "bytes of memory each", f"{self._bytes:.0f}", f"<= {MOST_BYTES}",
                             self._bytes <= MOST_BYTES, label)]
