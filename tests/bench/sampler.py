# SPDX-License-Identifier: Apache-2.0
"""Takes samples: a load through a switch, with the distance of the CPUs measured before and after."""

import time

from lab.process import LabError

from . import cycles, generator, probe
from .samples import Sample

# A sample during which the CPUs were moved or had other work is taken again, so many times; more rounds follow anyway.
RETRIES = 1


def say(text):
    """Progress, at once."""
    print(text, flush=True)


class Sampler:
    """One generator CPU, one switch CPU, and a bound on the SECONDS that rounds and retries may take."""

    def __init__(self, lab, cpus, seconds, retries=RETRIES):
        self.cpus = cpus
        self._log = lab.dir / "generator.log"
        self._deadline = time.monotonic() + seconds
        self._retries = retries

    def late(self):
        """Whether the time for more is over."""
        return time.monotonic() > self._deadline

    def sample(self, switch, load, number, case=None, meanwhile=None):
        """One sample, as round NUMBER of CASE (the switch by default). MEANWHILE() is called under the load."""
        before = probe.round_trip(self.cpus)
        switch.wake()
        watch = cycles.Watch(switch)
        # Where latency is measured, nobody asks the switch anything on the generator's CPU meanwhile.
        look = (lambda: None) if load.latency else watch.look
        report = generator.run(self.cpus[0], switch, load, self._log, meanwhile, look)
        if not load.latency:
            watch.look(at_once=True)
        after = probe.round_trip(self.cpus)
        share = min(report["cpu_share"], report["switch_cpu_share"])
        label = probe.label(before, after, share)
        if load.pps or load.search:
            report.pop("ring_full", None)  # nobody wants the rings full
        mpps = report["search"][0]["mpps"] if load.search else report["mpps"]
        unopened = sum(report["lost_at_open"])
        say(f"  {case or switch.name}, {load.rings}, {load.workload}: {mpps:.{2 if mpps >= 1 else 4}f} Mpps "
            f"({label}: {before:.0f} and {after:.0f} ns, {share:.0%} of the CPUs"
            f"{f', {unopened} of the first frames lost' if unopened else ''})")
        if report["mpps"] == 0 and not load.pps:
            raise LabError(f"nothing arrives through {switch.name}")
        return Sample(case or switch.name, load.workload, load.x, load.rings, load.flows, number, mpps, before, after,
                      label, watch.per_packet(), report)

    def good_sample(self, switch, load, number, case=None, prepare=lambda: None):
        """A sample that is near or far, or the last of some tries; the switch sleeps afterwards. PREPARE() is called
        before each, with the switch awake."""
        for left in range(self._retries, -1, -1):
            switch.wake()
            prepare()
            sample = self.sample(switch, load, number, case)
            switch.rest()
            if sample.label in ("near", "far") or left == 0 or self.late():
                return sample
        return None
