# SPDX-License-Identifier: Apache-2.0
"""TCP frames of 64 KB that the sender has neither cut nor summed, passed through as they are (P9)."""

from lab.process import LabError

from . import goals
from .case import Case
from .load import Load
from .sampler import say
from .samples import ratios
from .sluice import Sluice
from .testpmd import Testpmd

FLOWS = 100
RULES = 1000
# 45 segments that fill frames of 1500 bytes.
PAYLOAD, SEGMENT = 65160, 1448
LEAST = 0.95
# What its guests may leave undone; the flags of a frame go out as they came in.
IO_DEVICE = ",tso=1,legacy-ol-flags=1"
IO_BUFFERS = 65536


class Tso(Case):
    """testpmd io touches no frame; a switch that does not offer TSO to its guests is left out and named."""

    seconds = 40
    reference = "testpmd io"

    def __init__(self, lab, sampler, options):
        super().__init__(lab, sampler, options)
        cpu = sampler.cpus[1]
        self._io = Testpmd(lab, *sampler.cpus, mode="io", device_options=IO_DEVICE,
                           options=[f"--total-num-mbufs={IO_BUFFERS}"])
        self._switches = [Sluice(lab, "l2", cpu), Sluice(lab, "sg", cpu, RULES)]
        self._refusals = {}

    def run(self):
        self.start(self._io, *self._switches)
        for number in self.rounds():
            for rings in self.options.rings:
                load = Load(FLOWS, rings, "", self.options.warmup, self.options.seconds, gso=(PAYLOAD, SEGMENT),
                            name=f"TSO, {PAYLOAD} bytes")
                self.take(self._io, load, number)
                for switch in self._switches:
                    self._try(switch, load, number)

    def _try(self, switch, load, number):
        if switch.name in self._refusals:
            return
        try:
            self.take(switch, load, number)
        except LabError as error:
            self._refusals[switch.name] = str(error)
            say(f"  {switch.name} does not take TSO frames: {error}")
            switch.rest()

    def text(self):
        return "\n".join([super().text(), *(f"{name} does not take TSO frames" for name in self._refusals)])

    def results(self):
        found = []
        for samples in self.workloads():
            for switch in self._switches:
                workload = f"TSO frames, {switch.name}, share of io, {samples[0].rings}"
                if switch.name in self._refusals:
                    found.append(goals.Result("P9", workload, "does not take TSO frames", f">= {LEAST:g}", False))
                    continue
                ratio, label = ratios(samples, switch.name, self.reference)
                found.append(goals.at_least("P9", workload, ratio, LEAST, label))
        return found
