#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Run the fuzz targets for a while, two at a time. An input that one fails on is printed as hex, with the command that
repeats it, and stays in the build folder."""
import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

# Name, longest input.
TARGETS = (("fuzz_pipeline", 1024), ("fuzz_fragments", 256), ("fuzz_offloads", 512), ("fuzz_rule_rows", 1024),
           ("fuzz_rings", 1024))
AT_ONCE = 2
TAIL = 60  # lines of a failed run that are shown


def run_target(build, name, max_len, seconds):
    """Returns the lines to print, and whether the target passed."""
    folder = os.path.join(os.path.abspath(build), "tests", "fuzz")
    corpus = os.path.join(folder, name + ".corpus")  # grows from run to run
    found = os.path.join(folder, name + ".found", "")
    os.makedirs(corpus, exist_ok=True)
    os.makedirs(found, exist_ok=True)
    before = set(os.listdir(found))
    program = os.path.join(folder, name)
    command = [program, f"-max_total_time={seconds}", f"-max_len={max_len}", "-len_control=0", "-timeout=20",
               "-rss_limit_mb=4096", "-print_final_stats=1", "-verbosity=1", f"-artifact_prefix={found}", corpus]
    # EAL keeps memory of its own until the process ends.
    options = "detect_leaks=1" if name == "fuzz_rule_rows" else "detect_leaks=0"
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
                            env={**os.environ, "ASAN_OPTIONS": options, "UBSAN_OPTIONS": "print_stacktrace=1"})
    output = result.stdout
    if result.returncode == 0:
        runs = re.findall(r"number_of_executed_units: (\d+)", output)
        covered = re.findall(r"DONE +cov: (\d+)", output)
        return [f"{name}: {runs[-1] if runs else '?'} inputs in {seconds} s, {covered[-1] if covered else '?'} places"
                " reached, no finding"], True
    lines = [f"{name}: exit {result.returncode}"] + output.splitlines()[-TAIL:]
    for file in sorted(set(os.listdir(found)) - before):
        path = os.path.join(found, file)
        with open(path, "rb") as content:
            lines.append(f"{file}: {content.read().hex()}")
        lines.append(f"repeat it by: ASAN_OPTIONS={options} {program} {path}")
    return lines, False


def run(build, seconds):
    """Runs all targets; returns how many passed and how many failed."""
    passed = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for lines, good in pool.map(lambda target: run_target(build, *target, seconds), TARGETS):
            print("\n".join(lines), flush=True)
            passed += good
    return passed, len(TARGETS) - passed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build-fuzz", help="build folder (default: build-fuzz)")
    parser.add_argument("--seconds", type=int, default=600, help="for each target (default: 600)")
    args = parser.parse_args()
    return 1 if run(args.build, args.seconds)[1] else 0


if __name__ == "__main__":
    sys.exit(main())
