# SPDX-License-Identifier: Apache-2.0
"""Whether a process had its CPU to itself: what its threads have run, and waited for others to run."""

from pathlib import Path


def read(pid):
    """Nanoseconds run and nanoseconds waited, by thread."""
    times = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        ran, waited, _ = (task / "schedstat").read_text().split()
        times[task.name] = (int(ran), int(waited))
    return times


def share(before, after):
    """Of the time that the busiest thread wanted the CPU, the part it had it, between two readings."""
    spans = [(ran - before.get(thread, (0, 0))[0], waited - before.get(thread, (0, 0))[1])
             for thread, (ran, waited) in after.items()]
    ran, waited = max(spans)
    return ran / (ran + waited) if ran + waited > 0 else 1.0
