# SPDX-License-Identifier: Apache-2.0
"""`make bench` with tiny samples: every case produces figures; never how large they are."""
import json
import math
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from lab.host import BUILD, HUGEPAGES_FREE, ROOT, SLUICE_VSWITCHD

BENCH = ROOT / "tests/bench/bench.py"
# Nobody measures anything here; on a slow machine it may take longer than it should.
SECONDS_MOST = 400
GOALS = {f"P{number}" for number in range(1, 14)}
PICTURES = ["throughput-flows", "throughput-rules", "throughput-sizes", "bits-sizes", "latency"]
CASES = {"throughput", "frame-sizes", "tunnels", "rule-scale", "connection-rate", "connection-count", "update-time",
         "syn-flood", "tso", "latency", "no-loss", "reconfiguration", "two-workers", "idle"}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """What the bench has printed and left, of all cases."""
    if "libasan" in subprocess.run(["ldd", SLUICE_VSWITCHD], capture_output=True, text=True, check=True).stdout:
        pytest.skip("figures of the sanitizers' build are nobody's interest")
    if len(os.sched_getaffinity(0)) < 2 or not HUGEPAGES_FREE.exists():
        pytest.skip("needs two CPUs and hugepages")
    folder = tmp_path_factory.mktemp("bench")
    done = subprocess.run([sys.executable, BENCH, "--smoke", "--folder", folder], capture_output=True, text=True,
                          timeout=SECONDS_MOST, check=False, env=os.environ | {"SLUICE_BUILD": str(BUILD)})
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    return done.stdout, folder


@pytest.fixture(scope="module")
def cases(smoke):
    return json.loads((smoke[1] / "results.json").read_text())["cases"]


def is_figure(value):
    return isinstance(value, (int, float)) and math.isfinite(value)


def test_every_case_is_there_with_its_date(cases):
    assert set(cases) == CASES
    for name, case in cases.items():
        assert case["date"].startswith("20") and case["seconds"] > 0, name
        assert case["text"], name


def test_samples_are_rates_with_the_distance_of_the_cpus(cases):
    for name, case in cases.items():
        assert case["samples"] or name == "idle"
        for sample in case["samples"]:
            assert is_figure(sample["mpps"]) and sample["mpps"] >= 0, sample
            assert sample["before"] > 0 and sample["after"] > 0, sample
            assert sample["label"] in ("near", "far", "mixed", "disturbed"), sample


def test_lines_hold_median_and_extremes(cases):
    for name, case in cases.items():
        assert case["lines"] or name == "idle"
        for line in case["lines"]:
            assert 0 <= line["mpps"]["low"] <= line["mpps"]["median"] <= line["mpps"]["high"], line
            assert line["ratio"] is None or line["ratio"]["median"] > 0, line


def test_latency_has_percentiles(cases):
    for line in cases["latency"]["lines"]:
        p50, p99, p999 = (line["latency"][key]["median"] for key in ("p50", "p99", "p999"))
        assert 0 < p50 <= p99 <= p999, line


@pytest.mark.parametrize("case", ["throughput", "frame-sizes", "tunnels", "two-workers"])
def test_cycles_of_a_packet_are_known(cases, case):
    for line in cases[case]["lines"]:
        if line["case"].startswith(("sluice", "one", "two")):
            assert line["cycles"] > 0, line


def test_every_goal_has_a_result(smoke, cases):
    results = [result for case in cases.values() for result in case["results"]]
    assert {result["number"] for result in results} - {""} == GOALS
    assert all(result["met"] in (True, False, None) and result["measured"] for result in results)
    rows = {line.split()[0] for line in smoke[0].splitlines() if line.startswith("P")}
    assert rows == GOALS


def test_progress_is_told(smoke):
    for number in range(1, len(CASES) + 1):
        assert f"== case {number} of {len(CASES)}: " in smoke[0]


@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_drawn(smoke, name):
    root = ElementTree.parse(smoke[1] / f"{name}.svg").getroot()
    assert root.tag.endswith("svg")
    assert len(root.findall(".//{*}circle")) > 1, "no points"


def test_a_case_is_replaced_and_the_others_stay(smoke, cases, tmp_path):
    (tmp_path / "results.json").write_text((smoke[1] / "results.json").read_text())
    command = [sys.executable, BENCH, "--folder", tmp_path, "--case", "idle", "--minutes", "0"]
    subprocess.run(command, check=True, capture_output=True, timeout=SECONDS_MOST,
                   env=os.environ | {"SLUICE_BUILD": str(BUILD)})
    after = json.loads((tmp_path / "results.json").read_text())["cases"]
    assert set(after) == CASES
    assert after["idle"]["date"] > cases["idle"]["date"]
    assert after["throughput"] == cases["throughput"]


def test_case_that_does_not_exist_is_named():
    done = subprocess.run([sys.executable, BENCH, "--case", "speed"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "--case takes throughput" in done.stderr
