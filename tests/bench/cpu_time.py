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


def share(before, after, threads=1):
    """Of the time that the busiest threads, so many, wanted a CPU, the part that each had it, between two readings; the
    smallest counts."""
    spans = [(ran - before.get(thread, (0, 0))[0], waited - before.get(thread, (0, 0))[1])
             for thread, (ran, waited) in after.items()]
    return min(ran / (ran + waited) if ran + waited > 0 else 1.0 for ran, waited in sorted(spans)[-threads:])


def ran(before, after):
    """Nanoseconds that all threads together have run between two readings."""
    return sum(spent - before.get(thread, (0, 0))[0] for thread, (spent, _) in after.items())
