# SPDX-License-Identifier: Apache-2.0
"""What all cases have in common: switches that take turns, rounds, and lines of what was measured."""

from .sampler import say
from .samples import line, pairs
from .table import table

# With too few near rounds there are more rounds, up to so many times what was asked for.
ROUNDS_FACTOR = 2


class Case:
    """A part of the table. SECONDS is its share of a quarter of an hour; rounds end with it, so a case whose samples
    are taken again and again still ends. A subclass sets REFERENCE, the name of the switch by which others are divided,
    and fills SAMPLES in run()."""

    seconds = 60
    reference = None

    def __init__(self, lab, sampler, options):
        self.lab = lab
        self.sampler = sampler
        self.options = options
        self.samples = []

    def run(self):
        """Start the switches and take the samples."""
        raise NotImplementedError

    def start(self, *switches):
        """Start switches, and let them rest until their turn."""
        for switch in switches:
            say(f"  starting {switch.name}")
            self.lab.defer(switch.stop)
            switch.start()
            switch.settle()

    def rounds(self):
        """The numbers of the rounds to take."""
        number = 0
        while number == 0 or (not self.sampler.late() and
                              (number < self.options.rounds or self._more_wanted(number))):
            number += 1
            yield number

    def _more_wanted(self, number):
        """Whether near pairs are missing and there may be another round."""
        return number < self.options.rounds * ROUNDS_FACTOR and any(
            len(pairs(samples, name, self.reference_of(samples), "near")) < self.options.rounds
            for samples in self.workloads() for name in _names(samples))

    def take(self, switch, load, number, case=None, prepare=lambda: None):
        """A good sample, remembered; after the first round none when the time is over."""
        if number > 1 and self.sampler.late():
            return
        self.samples.append(self.sampler.good_sample(switch, load, number, case, prepare))

    def workloads(self):
        """The samples of each workload on each layout of rings, in the order in which they were taken."""
        found = {}
        for sample in self.samples:
            found.setdefault((sample.rings, sample.workload), []).append(sample)
        return list(found.values())

    def of(self, rings, workload):
        """The samples of a workload."""
        return [sample for sample in self.samples if (sample.rings, sample.workload) == (rings, workload)]

    def lines(self):
        """What is quoted: a line for each switch under each workload."""
        return [line(samples, name, self.reference_of(samples)) for samples in self.workloads()
                for name in _names(samples)]

    def reference_of(self, samples):
        """The reference of a workload; the first switch when there is none."""
        return self.reference or samples[0].case

    def text(self):
        """The lines and whatever else there is to say."""
        return table(self.lines()) if self.samples else ""

    def results(self):
        """Figures beside their goals."""
        return []


def _names(samples):
    return list(dict.fromkeys(sample.case for sample in samples))
