# SPDX-License-Identifier: Apache-2.0
"""One laboratory for each test file, and the proof that nothing of it is left behind."""
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests/support")]

from lab import process  # noqa: E402
from lab.lab import Lab, end_on_signals  # noqa: E402

end_on_signals()


def leftovers():
    """Namespaces and folders of this process, and processes that run in them."""
    mark = f"sluice-{os.getpid()}-"
    left = [line.split()[0] for line in process.run(["ip", "netns", "list"]).stdout.splitlines() if mark in line]
    left += [str(folder) for folder in Path("/tmp").glob(f"{mark}*")]
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in words:
            left.append(f"{entry.parent.name}: {words}")
    return left


def devices():
    """The names of the network devices outside every namespace."""
    return set(os.listdir("/sys/class/net"))


@pytest.fixture(scope="module")
def lab():
    """Hosts, guests and wires of a test file; taken down at its end, of which nothing may remain."""
    before = devices()
    with Lab(keep_files=bool(os.environ.get("SLUICE_KEEP"))) as one:
        yield one
    if not os.environ.get("SLUICE_KEEP"):
        assert leftovers() == []
    assert devices() == before


@pytest.fixture(scope="module")
def host(lab):
    """A host with one worker and no bridge."""
    one = lab.host("host", cpu_mask="0x2").start()
    yield one
    assert one.daemon.running, one.log()[-2000:]
