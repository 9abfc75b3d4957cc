#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What packets cost in each stage, in instructions: counted by callgrind, which gives the same number each time, and noted
in stage_costs.txt. Without an option: the noted costs beside those of this build, in instructions and in TSC clocks."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / os.environ.get("SLUICE_BUILD", "build") / "tests/bench/bench_stages"
NOTED = Path(__file__).with_name("stage_costs.txt")
ROUNDS = 32
BATCH = 64
# A stage may cost so many times what is noted.
GROWN_MOST = 1.05
SHRUNK_MOST = 0.85
SKIPPED = 77
RENEW = "python3 tests/bench/stage_costs.py --write"
ADVICE = f"""\
Stages that grew: make them cheaper, or, when what they do now is worth it, say so in the commit that renews the file.
Stages that shrank: well done; renew the file, so that they stay like that.
To renew tests/bench/stage_costs.txt: {RENEW}"""
HEADER = f"""\
# What packets cost in each stage, in instructions a packet. Made by `{RENEW}`;
# tests/bench/README.md says how to read this and when to make it anew.
"""


class Skipped(Exception):
    """This machine or this build cannot be compared with what is noted."""


@dataclass
class Costs:
    build: str  # compiler, DPDK, level of the stages
    instructions: dict  # by stage
    what: dict  # the same: what it is

    def text(self):
        rows = [f"{'stage':20} {'instructions':>12}  what"]
        rows += [f"{stage:20} {cost:12.1f}  {self.what[stage]}" for stage, cost in self.instructions.items()]
        return f"{HEADER}# {self.build}\n" + "\n".join(rows) + "\n"

    @classmethod
    def from_text(cls, text):
        lines = text.splitlines()
        comments = [line for line in lines if line.startswith("#")]
        rows = [line.split(None, 2) for line in lines[len(comments) + 1:]]
        return cls(comments[-1][2:], {row[0]: float(row[1]) for row in rows}, {row[0]: row[2] for row in rows})


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"stage_costs: {PROGRAM.name} failed:\n{done.stderr.strip()}")
    return done.stdout


def count():
    """Runs every stage under callgrind: one process, which marks where a stage begins and ends."""
    if shutil.which("valgrind") is None:
        raise Skipped("there is no valgrind")
    if "sanitized" in run([PROGRAM, "--build"]):
        raise Skipped("a program with sanitizers does not run in valgrind")
    with tempfile.TemporaryDirectory() as folder:
        profile = f"{folder}/profile"
        build, *rows = run(["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={profile}",
                            "--toggle-collect=run_batch", "--dump-before=stage_mark",
                            PROGRAM, "all", str(ROUNDS)]).splitlines()
        what = dict(row.split("\t") for row in rows)
        # The first mark of a stage ends what came before it.
        costs = {stage: total(f"{profile}.{2 * n}") / ROUNDS / BATCH for n, stage in enumerate(what, 1)}
    return Costs(build, costs, what)


def total(path):
    found = re.search(rb"^totals: (\d+)$", Path(path).read_bytes(), re.M)
    if found is None or found[1] == b"0":
        sys.exit("stage_costs: callgrind has counted nothing: is run_batch() of stages.c in line?")
    return int(found[1])


def clocks():
    """TSC clocks a packet by stage, lowest percentile and median; and the build they are of."""
    build, _, *rows = run([PROGRAM]).splitlines()
    return build, {row.split()[0]: row.split()[1:3] for row in rows}


def comparable(build):
    """A build without what does not matter here."""
    return [part for part in build.split(", ") if not part.startswith("DPDK")]


def differences(noted, present):
    """A line for each stage whose cost is not what is noted."""
    found = []
    for stage, cost in present.instructions.items():
        if stage not in noted.instructions:
            found.append(f"{stage}: {cost:.1f} instructions a packet, none are noted")
            continue
        before = noted.instructions[stage]
        if cost > before * GROWN_MOST or cost < before * SHRUNK_MOST:
            found.append(f"{stage}: {cost:.1f} instructions a packet, {before:.1f} are noted "
                         f"({100 * (cost / before - 1):+.1f} %)")
    found += [f"{stage}: noted, but there is no such stage"
              for stage in noted.instructions if stage not in present.instructions]
    return found


def check():
    """What is not as noted in this build."""
    noted = Costs.from_text(NOTED.read_text())
    present = count()
    if comparable(noted.build) != comparable(present.build):
        raise Skipped(f"noted are the costs of {noted.build}, this is {present.build}")
    return differences(noted, present)


def side_by_side():
    noted = Costs.from_text(NOTED.read_text()).instructions if NOTED.exists() else {}
    native, tsc = clocks()
    present = count()
    rows = [f"instructions: {present.build}; clocks: {native}", "",
            f"{'stage':20} {'instructions':>12} {'noted':>8} {'change':>8} {'clocks 1 %':>11} {'median':>8}  what"]
    for stage, cost in present.instructions.items():
        before = noted.get(stage)
        change = f"{100 * (cost / before - 1):+.1f} %" if before else "new"
        low, median = tsc[stage]
        rows.append(f"{stage:20} {cost:12.1f} {before or '-':>8} {change:>8} {low:>11} {median:>8}  "
                    f"{present.what[stage]}")
    return "\n".join(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true", help="fail when a stage costs more, or much less, than noted")
    action.add_argument("--write", action="store_true", help=f"write {NOTED.name} anew")
    options = parser.parse_args()
    if not PROGRAM.exists():
        sys.exit(f"stage_costs: there is no {PROGRAM}: build first")
    try:
        if options.check:
            found = check()
            print("\n".join([*found, ADVICE] if found else ["as noted"]))
            return 1 if found else 0
        if options.write:
            NOTED.write_text(count().text())
            return 0
        print(side_by_side())
        return 0
    except Skipped as reason:
        print(f"skipped: {reason}")
        return SKIPPED


if __name__ == "__main__":
    sys.exit(main())
