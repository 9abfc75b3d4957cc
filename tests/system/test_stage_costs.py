# SPDX-License-Identifier: Apache-2.0
"""What packets cost in each stage is what tests/bench/stage_costs.txt notes. Instructions are counted, not time."""
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.append(str(TESTS))

from bench import stage_costs  # noqa: E402


def differences(noted, present):
    costs = [stage_costs.Costs("gcc", instructions, {}) for instructions in (noted, present)]
    return stage_costs.differences(*costs)


def test_no_stage_costs_more_than_noted():
    done = subprocess.run([sys.executable, TESTS / "bench/stage_costs.py", "--check"], capture_output=True, text=True,
                          timeout=300)
    if done.returncode == stage_costs.SKIPPED:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("cost", [100.0, 104.9, 95.0, 85.1])
def test_small_change_is_nothing(cost):
    assert differences({"hash": 100.0}, {"hash": cost}) == []


@pytest.mark.parametrize("cost, change", [(106.0, "+6.0"), (84.0, "-16.0")])
def test_stage_that_changed_is_named(cost, change):
    assert differences({"hash": 100.0, "key": 50.0}, {"hash": cost, "key": 50.0}) == [
        f"hash: {cost} instructions a packet, 100.0 are noted ({change} %)"]


def test_stages_that_come_and_go_are_named():
    assert differences({"old": 1.0}, {"new": 1.0}) == ["new: 1.0 instructions a packet, none are noted",
                                                      "old: noted, but there is no such stage"]


def test_file_is_read_as_it_is_written():
    text = stage_costs.NOTED.read_text()
    assert stage_costs.Costs.from_text(text).text() == text
