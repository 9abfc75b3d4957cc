# SPDX-License-Identifier: Apache-2.0
"""Throughput of Sluice beside testpmd in mac mode, in the same run.

One generator on one CPU plays two guests; each switch serves them with one thread on the other CPU. The switches take
turns, several rounds long, and the distance of the two CPUs is measured before and after every sample."""

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests")]

# The packages of the tree are found only now.
from bench import generator, probe  # noqa: E402
from bench.ovs import Ovs  # noqa: E402
from bench.samples import Sample, line, pairs  # noqa: E402
from bench.sluice import Sluice  # noqa: E402
from bench.table import table  # noqa: E402
from bench.testpmd import Testpmd  # noqa: E402
from lab.host import BUILD, HUGEPAGES_FREE  # noqa: E402
from lab.lab import Lab, end_on_signals  # noqa: E402
from lab.process import LabError  # noqa: E402

GENERATOR_CPU = 0
SWITCH_CPU = 1
RULES = 1000
FRAME_SIZE = 64
# Of 2 MiB, for all processes together.
HUGEPAGES_LEAST = 512
# A sample during which the CPUs were moved or had other work is taken again, so many times.
RETRIES = 2
# With too few near rounds there are more rounds, up to so many times what was asked for.
ROUNDS_FACTOR = 2


class Bench:
    """The switches, the workloads and the samples."""

    def __init__(self, lab, options):
        self._lab = lab
        self._options = options
        self._deadline = time.monotonic() + options.minutes * 60
        self.samples = []
        self.switches = [Testpmd(lab, GENERATOR_CPU, SWITCH_CPU), Sluice(lab, "l2", SWITCH_CPU),
                         Sluice(lab, "sg", SWITCH_CPU, RULES)]
        if options.ovs:
            self.switches += [Ovs(lab, "ol2", SWITCH_CPU), Ovs(lab, "oct", SWITCH_CPU, conntrack=True)]
        self.reference = self.switches[0].name
        self.loads = [generator.Load(flows, rings, FRAME_SIZE, options.warmup, options.seconds)
                      for rings in options.rings for flows in options.flows]

    def run(self):
        """Start the switches and take the samples."""
        for switch in self.switches:
            say(f"starting {switch.name}")
            self._lab.defer(switch.stop)
            switch.start()
            if switch.name != self.reference:
                switch.rest()
        if not self._options.quick:
            say("a round to warm up")
            self._round(0, keep=False)
        number = 0
        while number < self._options.rounds or self._more_wanted(number):
            number += 1
            say(f"round {number}")
            self._round(number)

    def _more_wanted(self, number):
        """Whether near pairs are missing and the bounds allow for another round."""
        return number < self._options.rounds * ROUNDS_FACTOR and time.monotonic() < self._deadline and any(
            len(pairs(self.of(load), switch.name, self.reference, "near")) < self._options.rounds
            for load in self.loads for switch in self.switches)

    def _round(self, number, keep=True):
        for load in self.loads:
            for switch in self.switches:
                sample = self._sample(switch, load, number)
                for _ in range(RETRIES if keep else 0):
                    if sample.label in ("near", "far") or time.monotonic() > self._deadline:
                        break
                    sample = self._sample(switch, load, number)
                if keep:
                    self.samples.append(sample)

    def _sample(self, switch, load, number):
        before = probe.round_trip((GENERATOR_CPU, SWITCH_CPU))
        switch.wake()
        report = generator.run(GENERATOR_CPU, switch, load, self._lab.dir / "generator.log")
        switch.rest()
        after = probe.round_trip((GENERATOR_CPU, SWITCH_CPU))
        share = min(report["cpu_share"], report["switch_cpu_share"])
        label = probe.label(before, after, share)
        say(f"  {switch.name}, {load.rings}, {load.flows} flows: {report['mpps']:.2f} Mpps "
            f"({label}: {before:.0f} and {after:.0f} ns, {share:.0%} of the CPUs)")
        return Sample(switch.name, load.rings, load.flows, number, report["mpps"], before, after, label, report)

    def of(self, load):
        """The samples of a workload."""
        return [sample for sample in self.samples if (sample.rings, sample.flows) == (load.rings, load.flows)]

    def lines(self):
        """What is quoted, one line for each switch and workload."""
        return [line(self.of(load), switch.name, self.reference) for load in self.loads for switch in self.switches]


def say(text):
    print(text, flush=True)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two short rounds on split rings: under a minute")
    parser.add_argument("--rounds", type=int, default=5, help="at least; more while near samples are missing")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a sample")
    parser.add_argument("--warmup", type=float, default=0.5, help="load before each sample")
    parser.add_argument("--flows", type=lambda text: [int(word) for word in text.split(",")], default=[1, 10000],
                        help="numbers of flows each way (default: 1,10000)")
    parser.add_argument("--rings", type=lambda text: text.split(","), default=["split", "packed"],
                        help="layouts of the guests' rings (default: split,packed)")
    parser.add_argument("--minutes", type=float, default=6,
                        help="after this long no sample is taken again, nor further rounds for near ones")
    parser.add_argument("--ovs", action="store_true", help="Debian's OVS on DPDK takes part too")
    parser.add_argument("--keep-files", action="store_true", help="leave logs and databases in their folder")
    if parser.parse_args().quick:
        parser.set_defaults(rounds=2, seconds=0.5, warmup=0.2, rings=["split"], minutes=0)
    options = parser.parse_args()
    if not set(options.rings) <= set(generator.RINGS):
        parser.error("--rings takes split and packed")
    return options


def check_machine():
    """Stop with one sentence when this machine cannot do it."""
    if os.geteuid() != 0:
        sys.exit("bench: needs root, for hugepages and CPU masks")
    if not {GENERATOR_CPU, SWITCH_CPU} <= os.sched_getaffinity(0):
        sys.exit("bench: needs two CPUs")
    free = int(HUGEPAGES_FREE.read_text()) if HUGEPAGES_FREE.exists() else 0
    if free < HUGEPAGES_LEAST:
        sys.exit(f"bench: {free} hugepages of 2 MiB are free, {HUGEPAGES_LEAST} are needed (tools/setup/hugepages.sh)")


def report(bench, options):
    lines = bench.lines()
    trips = [trip for sample in bench.samples for trip in (sample.before, sample.after)]
    say(f"\n{table(lines, bench.reference)}\n")
    say(f"{FRAME_SIZE}-byte frames, both directions added up, one forwarding thread; cache line there and back "
        f"{min(trips):.0f} to {max(trips):.0f} ns (near: at most {probe.NEAR_NS}, far: at least {probe.FAR_NS})")
    if any(entry.label != "near" for entry in lines):
        say("Lines that do not say near: in no round were the CPUs near each other, and ours alone, for both samples.")
    results = {"machine": platform.platform(), "options": vars(options), "lines": [asdict(entry) for entry in lines],
               "samples": [asdict(sample) for sample in bench.samples]}
    path = BUILD / "bench/results.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    say(f"samples: {path}")


def main():
    options = parse_options()
    check_machine()
    end_on_signals()
    try:
        with Lab(keep_files=options.keep_files) as lab:
            bench = Bench(lab, options)
            bench.run()
    except LabError as error:
        sys.exit(f"bench: {error}")
    report(bench, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
