# SPDX-License-Identifier: Apache-2.0
"""What Sluice does in a second, beside testpmd in mac mode and OVS on DPDK in the same run, and beside its goals.

One generator on one CPU plays the guests; each switch serves them with one thread on the other CPU. The switches take
turns, several rounds long, and the distance of the two CPUs is measured before and after every sample."""

import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests")]

# The packages of the tree are found only now.
from bench import goals, options, pictures, probe  # noqa: E402
from bench.catalogue import CASES, budget  # noqa: E402
from bench.record import Record  # noqa: E402
from bench.sampler import Sampler, say  # noqa: E402
from lab.host import HUGEPAGES_FREE  # noqa: E402
from lab.lab import Lab, end_on_signals  # noqa: E402
from lab.process import LabError  # noqa: E402

GENERATOR_CPU = 0
SWITCH_CPU = 1
# Of 2 MiB, for all processes together.
HUGEPAGES_LEAST = 512


def check_machine():
    """Stop with one sentence when this machine cannot do it."""
    if os.geteuid() != 0:
        sys.exit("bench: needs root, for hugepages and CPU masks")
    if not {GENERATOR_CPU, SWITCH_CPU} <= os.sched_getaffinity(0):
        sys.exit("bench: needs two CPUs")
    free = int(HUGEPAGES_FREE.read_text()) if HUGEPAGES_FREE.exists() else 0
    if free < HUGEPAGES_LEAST:
        sys.exit(f"bench: {free} hugepages of 2 MiB are free, {HUGEPAGES_LEAST} are needed (tools/setup/hugepages.sh)")


def run_case(name, chosen):
    """A case in a laboratory of its own; returns it with what it found, or None when it failed."""
    # Rounds end with the time of a case; for a look one is enough.
    seconds = 0 if chosen.smoke else budget(name, chosen)
    try:
        with Lab(keep_files=chosen.keep_files) as lab:
            case = CASES[name](lab, Sampler(lab, (GENERATOR_CPU, SWITCH_CPU), seconds), chosen)
            case.run()
    except LabError as error:
        say(f"bench: {name}: {error}")
        return None
    if case.text():
        say(f"\n{case.text()}")
    return case


def run_all(chosen, record):
    """The chosen cases; each is in the file as soon as it is done. Returns those done."""
    done = {}
    for index, name in enumerate(chosen.cases):
        left = sum(budget(other, chosen) for other in chosen.cases[index:])
        say(f"\n== case {index + 1} of {len(chosen.cases)}: {name}, about {duration(left)} left")
        start = time.monotonic()
        case = run_case(name, chosen)
        if case is not None:
            done[name] = case
            record.put(name, case, vars(chosen), time.monotonic() - start)
            record.save()
    return done


def duration(seconds):
    """Seconds as one says them."""
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def report(done, record):
    """The goals, by this and earlier runs, what to make of the samples, and where everything is."""
    say(f"\n{goals.table(record.results())}\n")
    earlier = [f"{name} of {record.date(name)}" for name in record.names if name not in done]
    if earlier:
        say(f"From earlier runs: {', '.join(earlier)}.")
    samples = [sample for case in done.values() for sample in case.samples]
    trips = [trip for sample in samples for trip in (sample.before, sample.after)]
    if trips:
        say(f"Both directions are added up where both are sent; cache line there and back {min(trips):.0f} to "
            f"{max(trips):.0f} ns (near: at most {probe.NEAR_NS}, far: at least {probe.FAR_NS}).")
    if any(sample.label != "near" for sample in samples):
        say("What does not say near was measured while the CPUs were far from each other, moved, or not ours alone.")
    drawn = pictures.draw(record)
    say(f"samples: {record.path}" + "".join(f"\npicture: {path}" for path in drawn))


def main():
    chosen = options.parse(__doc__)
    check_machine()
    # Nothing that is started from here comes in the switch's way, unless it binds itself.
    os.sched_setaffinity(0, {GENERATOR_CPU})
    end_on_signals()
    record = Record(chosen.folder, fresh=chosen.smoke)
    start = time.monotonic()
    done = run_all(chosen, record)
    report(done, record)
    say(f"{len(done)} of {len(chosen.cases)} cases in {duration(time.monotonic() - start)}")
    return 0 if len(done) == len(chosen.cases) else 1


if __name__ == "__main__":
    sys.exit(main())
