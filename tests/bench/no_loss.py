# SPDX-License-Identifier: Apache-2.0
"""The highest rates without loss, and with a little (RFC 2544 26.1), beside those of mac."""

from dataclasses import replace

from .case import Case
from .load import Load
from .sluice import Sluice
from .testpmd import Testpmd

FLOWS = 10000
RULES = 1000
PERCENTS = (0.0, 0.5)


def search(options, rings, percents=PERCENTS):
    """The load that looks for them."""
    return Load(FLOWS, rings, options.size, options.warmup, options.seconds, search=percents, trial=options.trial,
                name="search")


class NoLoss(Case):
    """A binary search for each switch in every round; a search is a sample of each of its limits."""

    seconds = 75
    reference = "testpmd mac"

    def __init__(self, lab, sampler, options):
        super().__init__(lab, sampler, options)
        cpu = sampler.cpus[1]
        self._switches = [Testpmd(lab, *sampler.cpus), Sluice(lab, "l2", cpu), Sluice(lab, "sg", cpu, RULES)]

    def run(self):
        self.start(*self._switches)
        for number in self.rounds():
            for switch in self._switches:
                self._take_limits(switch, number)

    def _take_limits(self, switch, number):
        sample = self.sampler.good_sample(switch, search(self.options, self.options.rings[0]), number)
        for found in sample.report["search"]:
            # Cycles would be of the busiest trial, whichever that was.
            self.samples.append(replace(sample, workload=f"at most {found['loss_percent']:g} % lost", cycles=None,
                                        x=found["loss_percent"], mpps=found["mpps"], report=found))
