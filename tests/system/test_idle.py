# SPDX-License-Identifier: Apache-2.0
"""Workers that have nothing to do wait for an event, and miss none of those that come.

    front-end ── g0 ┐
    front-end ── g1 ┼─ br0 (10.8.0.1) ── two workers
    kernel ──── tap ┘
"""
import os
import re
import signal
import time
from pathlib import Path

import pytest
from lab.process import wait_until
from vhost_frontend import Frontend

ADDRESS, PEER = "10.8.0.1", "10.8.0.2"
# A worker that looks at its queues sleeps for a millisecond at most; one that waits, for 50 times as long.
POLLING_A_SECOND = 500
RESTING_A_SECOND = 60
ROUNDS = 5
FRAME = bytes.fromhex("020000000002" "020000000001" "88b5") + bytes(46)
BACK = bytes.fromhex("020000000001" "020000000002" "88b5") + bytes(46)


@pytest.fixture(scope="module", name="host")
def two_workers(lab):
    """A switch with two workers, two guests' ports, a tap and the bridge's own device."""
    one = lab.host("host", cpu_mask="0x3").start()
    # The kernel would send neighbour discoveries of its own.
    one.run(["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"])
    one.add_bridge("br0")
    one.give_address("br0", f"{ADDRESS}/24")
    for port in ("g0", "g1"):
        one.vsctl("add-port", "br0", port, "--", "set", "Interface", port, "type=dpdkvhostuser")
    yield one
    assert one.daemon.running, one.log()[-2000:]


@pytest.fixture(name="guests")
def two_guests(host):
    """The guests behind g0 and g1, silent."""
    with Frontend(str(host.run_dir / "g0")) as left, Frontend(str(host.run_dir / "g1")) as right:
        for port in ("g0", "g1"):
            host.wait_link(port)
        yield left, right


def workers(host):
    """The folders in /proc of the workers' threads."""
    tasks = Path(f"/proc/{host.daemon.pid}/task").iterdir()
    return [task for task in tasks if re.fullmatch(r"worker\d+\n", (task / "comm").read_text())]


def sleeps(threads):
    """How often each of them has given up its CPU by itself."""
    return [int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (thread / "status").read_text(), re.MULTILINE)[1])
            for thread in threads]


def rates(host, seconds=1.0):
    """Sleeps a second, of each worker."""
    threads = workers(host)
    before, start = sleeps(threads), time.monotonic()
    wait_until(lambda: time.monotonic() - start >= seconds, seconds + 5, "end of the measurement")
    return [(now - then) / (time.monotonic() - start) for now, then in zip(sleeps(threads), before)]


def wait_rest(host):
    """Until both workers rest: hardly ever awake."""
    wait_until(lambda: max(rates(host, 0.2)) < RESTING_A_SECOND, 20, "rest of the workers")


def test_silent_workers_wait(host, guests):
    """Both rest by default; both look a thousand times a second when that is what the operator asks for."""
    assert len(workers(host)) == 2
    wait_rest(host)
    assert max(rates(host, 2)) < RESTING_A_SECOND
    host.vsctl("set", "Open_vSwitch", ".", "other_config:pmd-sleep-max=150")
    assert min(rates(host)) > POLLING_A_SECOND
    host.vsctl("remove", "Open_vSwitch", ".", "other_config", "pmd-sleep-max")
    wait_rest(host)


def test_guests_are_heard_after_silence(host, guests):
    """The first frame after a silence arrives at once, each way, again and again."""
    left, right = guests
    for _ in range(ROUNDS):
        wait_rest(host)
        left.send(FRAME)
        assert right.receive(timeout=1) == FRAME
        wait_rest(host)
        right.send(BACK)
        assert left.receive(timeout=1) == BACK


def test_kernel_is_heard_after_silence(host, guests):
    """What the host sends through the bridge's own device wakes the worker, too."""
    left, _ = guests
    host.run(["ip", "neigh", "add", PEER, "lladdr", "02:00:00:00:00:01", "dev", "br0"])
    for _ in range(ROUNDS):
        wait_rest(host)
        host.run(["ping", "-c1", "-W1", PEER], check=False)
        wait_until(lambda: (left.receive(timeout=0.1) or b"")[12:14] == b"\x08\x00", 5, "the kernel's frame")


def test_changes_are_applied_during_rest(host, guests):
    """ovs-vsctl returns when every worker forwards by the new configuration, and dumps are answered."""
    for number in range(ROUNDS):
        wait_rest(host)
        start = time.monotonic()
        host.vsctl("--timeout=5", "add-port", "br0", f"t{number}", "--", "set", "Interface", f"t{number}", "type=tap")
        host.vsctl("--timeout=5", "del-port", "br0", f"t{number}")
        host.appctl("dpctl/dump-flows")
        assert time.monotonic() - start < 5


def test_guest_comes_back_during_rest(host, guests):
    """A guest that goes and one that takes its place find the switch, whoever rests."""
    left, _ = guests
    for _ in range(ROUNDS):
        with Frontend(str(host.run_dir / "g1")) as other:
            host.wait_link("g1")
            wait_rest(host)
            left.send(FRAME)
            assert other.receive(timeout=1) == FRAME
            other.send(BACK)
            assert left.receive(timeout=1) == BACK
        wait_rest(host)
    assert host.daemon.running


def test_switch_ends_during_rest(host, guests):
    """Asked to end, it does."""
    wait_rest(host)
    os.kill(host.daemon.pid, signal.SIGTERM)
    wait_until(lambda: not host.daemon.running, 5, "end of the switch", [host.daemon.log])
    host.start_switch()
