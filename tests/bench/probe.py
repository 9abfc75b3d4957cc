# SPDX-License-Identifier: Apache-2.0
"""How far the two CPUs are from each other. The host of a virtual machine moves them about, within minutes, and every
switch is two to three times slower when they are far: a figure means nothing without its label."""

from lab import process
from lab.host import BUILD

PROBE = BUILD / "tests/bench/probe"
NEAR_NS = 160
FAR_NS = 300
SHARE_LEAST = 0.95


def round_trip(cpus):
    """Nanoseconds that a cache line takes between two CPUs and back."""
    return float(process.run([PROBE, *cpus]).stdout)


def label(before, after, share):
    """near, far, or mixed, by the round trips before and after a sample; disturbed when somebody else had a noticeable
    part of a CPU: SHARE is what was left."""
    if share < SHARE_LEAST:
        return "disturbed"
    if max(before, after) <= NEAR_NS:
        return "near"
    if min(before, after) >= FAR_NS:
        return "far"
    return "mixed"
