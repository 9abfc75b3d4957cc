#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Run the tests and add them up: unit tests (plain and under the sanitizers), fuzz targets for a minute each, compat and
system tests."""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

from fuzz import targets as fuzz_targets

PYTHON = "/usr/bin/python3"


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.reasons = []

    def add(self, passed, failed, skipped):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped


def run_unit(build, label, totals):
    """Every cmocka program by meson; what counts is its test functions."""
    print(f"== unit tests ({label})", flush=True)
    log = os.path.join(build, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.remove(log)
    subprocess.run(["meson", "test", "-C", build, "--suite", "unit", "--no-rebuild", "--num-processes", "2",
                    "--print-errorlogs"], env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    if not os.path.exists(log):
        print(f"meson wrote no {log}")
        totals.add(0, 1, 0)
        return
    with open(log) as file:
        for line in file:
            count_program(json.loads(line), totals)


def count_program(result, totals):
    text = result.get("stdout", "") + result.get("stderr", "")
    passed = sum(map(int, re.findall(r"\[  PASSED  \] (\d+) test", text)))
    skipped = sum(map(int, re.findall(r"\[  SKIPPED \] (\d+) test", text)))
    failed = sum(map(int, re.findall(r"\[  FAILED  \] (?:\S+: )?(\d+) test", text)))
    if result["result"] not in ("OK", "SKIP") and failed == 0:
        failed = 1  # died before it could count
    if skipped:
        totals.reasons.append(f"{result['name']}: {skipped} skipped")
    totals.add(passed, failed, skipped)


def run_pytest(folder, build, totals, extra):
    print(f"== {folder}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        report = os.path.join(scratch, "report.xml")
        # A detached daemon has no standard error to report to.
        findings = os.path.join(scratch, "sanitizer")
        result = subprocess.run([PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rs", "--tb=short",
                                 "--durations=8", f"--junitxml={report}", folder, *extra],
                                env={**os.environ, "SLUICE_BUILD": os.path.abspath(build),
                                     "PYTHONDONTWRITEBYTECODE": "1",
                                     "ASAN_OPTIONS": f"detect_leaks=0:log_path={findings}",
                                     "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={findings}"})
        count_findings(scratch, totals)
        if not os.path.exists(report):
            print(f"pytest wrote no report (exit {result.returncode})")
            totals.add(0, 1, 0)
            return
        count_cases(ElementTree.parse(report).getroot(), totals)


def run_fuzz(build, seconds, totals):
    """Each fuzz target counts as one test."""
    print(f"== fuzz targets, {seconds} s each", flush=True)
    passed, failed = fuzz_targets.run(build, seconds)
    totals.add(passed, failed, 0)


def count_findings(folder, totals):
    """Each report of a sanitizer is a failure of its own."""
    for name in sorted(os.listdir(folder)):
        if name.startswith("sanitizer."):
            with open(os.path.join(folder, name), errors="replace") as file:
                print(file.read())
            totals.add(0, 1, 0)


def count_cases(root, totals):
    for suite in root.iter("testsuite"):
        count = {k: int(suite.get(k, 0)) for k in ("tests", "failures", "errors", "skipped")}
        bad = count["failures"] + count["errors"]
        totals.add(count["tests"] - bad - count["skipped"], bad, count["skipped"])
    for case in root.iter("testcase"):
        for skip in case.iter("skipped"):
            totals.reasons.append(f"{case.get('name')}: {skip.get('message')}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="build folder (default: build)")
    parser.add_argument("--asan", help="build folder with the sanitizers, for the unit tests")
    parser.add_argument("--fuzz", help="build folder with the fuzz targets")
    parser.add_argument("--fuzz-seconds", type=int, default=60, help="for each fuzz target (default: 60)")
    parser.add_argument("--only", default="unit,fuzz,compat,system", help="which: unit, fuzz, compat, system")
    parser.add_argument("rest", nargs="*", help="further arguments for pytest")
    args = parser.parse_args()
    which = args.only.split(",")
    totals = Totals()
    if "unit" in which:
        run_unit(args.build, "plain", totals)
        if args.asan:
            run_unit(args.asan, "address and undefined behaviour sanitizers", totals)
    if "fuzz" in which and args.fuzz:
        run_fuzz(args.fuzz, args.fuzz_seconds, totals)
    for name in ("compat", "system"):
        if name in which:
            run_pytest(os.path.join("tests", name), args.build, totals, args.rest)
    for reason in totals.reasons:
        print(f"skipped: {reason}")
    print(f"{totals.passed} passed, {totals.failed} failed, {totals.skipped} skipped")
    return 1 if totals.failed or totals.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
