# SPDX-License-Identifier: Apache-2.0
"""How long frames are under way, at parts of the rate that the slower of two switches takes without loss (P10)."""

from . import goals
from .case import Case
from .load import Load
from .no_loss import search
from .sampler import say
from .samples import ratios
from .sluice import Sluice
from .testpmd import Testpmd

FLOWS = 10000
RULES = 1000
SHARES = (0.1, 0.5, 0.9)
SHARE_OF_GOAL = 0.5
MOST = 1.2


class Latency(Case):
    """First the rates without loss are searched; then both switches get the same loads in turns."""

    seconds = 80
    reference = "testpmd mac"

    def __init__(self, lab, sampler, options):
        super().__init__(lab, sampler, options)
        self._mac = Testpmd(lab, *sampler.cpus)
        self._groups = Sluice(lab, "sg", sampler.cpus[1], RULES)
        self._rates = {}

    def run(self):
        self.start(self._mac, self._groups)
        for rings in self.options.rings:
            self._rates[rings] = min(self._no_loss(switch, rings) for switch in (self._mac, self._groups))
            say(f"  the slower one takes {self._rates[rings]:.2f} Mpps on {rings} rings")
        for number in self.rounds():
            for rings, rate in self._rates.items():
                for share in SHARES:
                    self._take_both(rings, rate * share * 1e6, share, number)

    def _no_loss(self, switch, rings):
        """The highest rate of a switch without loss; where there is always some, the highest with a little."""
        sample = self.sampler.good_sample(switch, search(self.options, rings), 0)
        found = [one["mpps"] for one in sample.report["search"] if one["mpps"] > 0]
        return found[0] if found else sample.report["mpps"]

    def _take_both(self, rings, pps, share, number):
        load = Load(FLOWS, rings, self.options.size, self.options.warmup, self.options.seconds, pps=max(pps, 1),
                    latency=True, name=_workload(share), x=share * 100)
        for switch in (self._mac, self._groups):
            self.take(switch, load, number)

    def results(self):
        found = []
        for rings in self._rates:
            ratio, label = ratios(self.of(rings, _workload(SHARE_OF_GOAL)), self._groups.name, self.reference,
                                  lambda sample: sample.report["latency_ns"]["p99"])
            found.append(goals.at_most("P10", f"{RULES} rules, p99 at half of the no-loss rate by mac's, {rings}",
                                       ratio, MOST, label))
        return found


def _workload(share):
    return f"{share:.0%} load"
