# SPDX-License-Identifier: Apache-2.0
"""Connections: how many are opened in a second (P5), how many there can be (P6)."""

from . import generator, goals
from .sampler import say
from .samples import Spread, ratios
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


class ConnectionRate:
    """Every packet opens a connection. The reference is mac with 10,000 flows both ways, in the same round and on the
    same rings."""

    def __init__(self, lab, sampler, options):
        self._lab = lab
        self._sampler = sampler
        self._rounds = options.rounds
        self._established = [generator.Load(REFERENCE_FLOWS, rings, options.size, options.warmup, options.seconds)
                             for rings in options.rings]
        self._fresh = [generator.Load(0, rings, options.size, 0.2, SECONDS) for rings in options.rings]
        self._mac = Testpmd(lab, *sampler.cpus)
        self._groups = Sluice(lab, "sg", sampler.cpus[1], min(WANTED), SESSIONS)
        self.samples = []
        self._refused = {}

    def run(self):
        """All counts of rules in every round."""
        for switch in (self._mac, self._groups):
            say(f"starting {switch.name}")
            self._lab.defer(switch.stop)
            switch.start()
        self._groups.rest()
        for number in range(1, self._rounds + 1):
            say(f"round {number}")
            for load in self._established:
                self.samples.append(self._sampler.good_sample(self._mac, load, number))
            for count in WANTED:
                self._take(count, number)

    def _take(self, count, number):
        """The samples with COUNT rules, and what was refused while they were taken."""
        self._groups.wake()
        self._groups.set_rules(count)
        before = self._groups.drops()
        for load in self._fresh:
            self.samples.append(self._sampler.good_sample(self._groups, load, number, _case(count),
                                                          self._groups.forget_sessions))
        self._groups.wake()
        after = self._groups.drops()
        self._refused[count] = self._refused.get(count, 0) + sum(
            after.get(reason, 0) - before.get(reason, 0) for reason in REFUSAL_REASONS)
        self._groups.rest()

    def _of(self, load):
        """The samples on the rings of LOAD."""
        return [sample for sample in self.samples if sample.rings == load.rings]

    def text(self):
        lines = []
        for load in self._fresh:
            for count in WANTED:
                spread = Spread.of([sample.mpps for sample in self._of(load) if sample.case == _case(count)])
                lines.append(f"new connections with {count} rules, {load.rings}: {spread.median:.2f} M/s "
                             f"({spread.low:.2f}-{spread.high:.2f})")
        lines += [f"refused with {count} rules: {refused}" for count, refused in self._refused.items()]
        return "\n".join(lines)

    def results(self):
        found = []
        for load in self._fresh:
            for count, least in WANTED.items():
                ratio, label = ratios(self._of(load), _case(count), self._mac.name)
                found.append(goals.at_least("P5", f"new connections, {count} rules, by mac's packets, {load.rings}",
                                            ratio, least, label))
        return found


def _case(count):
    return f"sluice, new connections, {count} rules"


class ConnectionCount:
    """Flows of which every one is opened in both directions, as many as the goal says."""

    def __init__(self, lab, sampler, options):
        self._lab = lab
        self._sampler = sampler
        self._wanted = MOST >> 4 if options.quick else MOST
        self._load = generator.Load(self._wanted, options.rings[0], options.size, 0, 0.5)
        self._groups = Sluice(lab, "sg", sampler.cpus[1], 100, SESSIONS)
        self.samples = []
        self._count = self._bytes = 0

    def run(self):
        """Open them, count them, weigh them."""
        say(f"starting {self._groups.name}, and opening {self._wanted} connections")
        self._lab.defer(self._groups.stop)
        self._groups.start()
        self.samples.append(self._sampler.sample(self._groups, self._load, 1, "sluice, all connections"))
        self._count = self._groups.count_sessions()
        self._bytes = self._groups.bytes_per_session()
        self._groups.rest()

    def text(self):
        return ""

    def results(self):
        label = self.samples[0].label
        return [goals.Result("P6", "connections at once", str(self._count), f">= {self._wanted}",
                             self._count >= self._wanted, label),
                goals.Result("P6", "bytes of memory each", f"{self._bytes:.0f}", f"<= {MOST_BYTES}",
                             self._bytes <= MOST_BYTES, label)]
