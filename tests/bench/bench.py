# SPDX-License-Identifier: Apache-2.0
"""What Sluice does in a second, beside testpmd in mac mode in the same run, and beside its goals.

One generator on one CPU plays the guests; each switch serves them with one thread on the other CPU. The switches take
turns, several rounds long, and the distance of the two CPUs is measured before and after every sample."""

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests")]

# The packages of the tree are found only now.
from bench import generator, goals, probe  # noqa: E402
from bench.connections import ConnectionCount, ConnectionRate  # noqa: E402
from bench.flood import Flood  # noqa: E402
from bench.rules import Rules  # noqa: E402
from bench.sampler import Sampler, say  # noqa: E402
from bench.throughput import Throughput  # noqa: E402
from bench.updates import Updates  # noqa: E402
from lab.host import BUILD, HUGEPAGES_FREE  # noqa: E402
from lab.lab import Lab, end_on_signals  # noqa: E402
from lab.process import LabError  # noqa: E402

GENERATOR_CPU = 0
SWITCH_CPU = 1
FRAME_SIZE = 64
# Of 2 MiB, for all processes together.
HUGEPAGES_LEAST = 512
CASES = {"throughput": Throughput, "rule-scale": Rules, "connection-rate": ConnectionRate,
         "connection-count": ConnectionCount, "update-time": Updates, "syn-flood": Flood}


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", type=lambda text: text.split(","), default=list(CASES), dest="cases",
                        help=f"which of {', '.join(CASES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="two short rounds on split rings: under a minute")
    parser.add_argument("--rounds", type=int, default=5, help="at least; more while near samples are missing")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a sample")
    parser.add_argument("--warmup", type=float, default=0.5, help="load before each sample")
    parser.add_argument("--flows", type=lambda text: [int(word) for word in text.split(",")],
                        default=[1, 10000, 1000000],
                        help="numbers of flows each way (default: 1,10000,1000000)")
    parser.add_argument("--rings", type=lambda text: text.split(","), default=["split", "packed"],
                        help="layouts of the guests' rings (default: split,packed)")
    parser.add_argument("--minutes", type=float, default=6,
                        help="after this long in a case no sample is taken again, nor further rounds for near ones")
    parser.add_argument("--ovs", action="store_true", help="Debian's OVS on DPDK takes part too")
    parser.add_argument("--keep-files", action="store_true", help="leave logs and databases in their folder")
    if parser.parse_args().quick:
        parser.set_defaults(rounds=2, seconds=0.5, warmup=0.2, rings=["split"], flows=[1, 10000],
                            minutes=0)
    options = parser.parse_args()
    if not set(options.rings) <= set(generator.RINGS):
        parser.error("--rings takes split and packed")
    if not set(options.cases) <= set(CASES):
        parser.error(f"--case takes {', '.join(CASES)}")
    options.size = FRAME_SIZE
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


def run_case(name, options):
    """A case in a laboratory of its own; returns it with what it found, or None when it failed."""
    say(f"\n== {name}")
    try:
        with Lab(keep_files=options.keep_files) as lab:
            case = CASES[name](lab, Sampler(lab, (GENERATOR_CPU, SWITCH_CPU), options.minutes), options)
            case.run()
    except LabError as error:
        say(f"bench: {name}: {error}")
        return None
    if case.text():
        say(f"\n{case.text()}")
    return case


def report(cases, options):
    """The goals, what to make of the samples, and all of them in a file."""
    samples = [sample for case in cases.values() for sample in case.samples]
    trips = [trip for sample in samples for trip in (sample.before, sample.after)]
    results = [result for case in cases.values() for result in case.results()]
    say(f"\n{goals.table(results)}\n")
    say(f"{FRAME_SIZE}-byte frames, both directions added up, one forwarding thread; cache line there and back "
        f"{min(trips):.0f} to {max(trips):.0f} ns (near: at most {probe.NEAR_NS}, far: at least {probe.FAR_NS})")
    if any(sample.label != "near" for sample in samples):
        say("What does not say near was measured while the CPUs were far from each other, moved, or not ours alone.")
    file = {"machine": platform.platform(), "options": vars(options), "results": [asdict(one) for one in results],
            "samples": {name: [asdict(sample) for sample in case.samples] for name, case in cases.items()}}
    path = BUILD / "bench/results.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(file, indent=1) + "\n")
    say(f"samples: {path}")


def main():
    options = parse_options()
    check_machine()
    end_on_signals()
    cases = {name: run_case(name, options) for name in options.cases}
    done = {name: case for name, case in cases.items() if case is not None}
    if done:
        report(done, options)
    return 0 if len(done) == len(cases) else 1


if __name__ == "__main__":
    sys.exit(main())
