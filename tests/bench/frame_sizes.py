# SPDX-License-Identifier: Apache-2.0
"""Established flows of frames of all sizes, with and without groups."""

from .case import Case
from .load import Load
from .sluice import Sluice
from .testpmd import Testpmd

FLOWS = 10000
RULES = 1000
# As they are on the wire, with the frame check sequence that no switch sees.
SIZES = (64, 128, 256, 512, 1024, 1280, 1518, "imix")
CHECK_SEQUENCE = 4
SECONDS = 0.5


class FrameSizes(Case):
    """All sizes in every round; samples are short, because there are many."""

    seconds = 65
    reference = "testpmd mac"

    def __init__(self, lab, sampler, options):
        super().__init__(lab, sampler, options)
        seconds = min(SECONDS, options.seconds)
        self._loads = [Load(FLOWS, options.rings[0], size if size == "imix" else size - CHECK_SEQUENCE,
                            options.warmup / 2, seconds, name=size if size == "imix" else f"{size} bytes", x=size)
                       for size in (SIZES[::7] if options.smoke else SIZES)]
        cpu = sampler.cpus[1]
        self._switches = [Testpmd(lab, *sampler.cpus), Sluice(lab, "l2", cpu), Sluice(lab, "sg", cpu, RULES)]

    def run(self):
        self.start(*self._switches)
        for number in self.rounds():
            for load in self._loads:
                for switch in self._switches:
                    self.take(switch, load, number)
