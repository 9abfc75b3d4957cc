# SPDX-License-Identifier: Apache-2.0
"""Packet buffers: they run out and come back, they grow with ports, and mem/plan tells beforehand.

         host: sluice-vswitchd, one worker, 1024 packet buffers and no more
    br-mem  v-a  v-b   i0 .. i23
             |    |
            a    b                 namespaces, 10.12.0.1 and .2; a floods what is copied to every port
"""
import re

import pytest
from endpoints import Station, drops
from lab.process import wait_until

LIMIT = 1024
MANY = 24  # a batch of 64 broadcasts for so many ports is more than LIMIT
BROADCAST = bytes(6 * [0xff])


@pytest.fixture(name="small", scope="module")
def fixture_small(lab):
    # Frames gather while the worker sleeps, so that it has a whole batch at once.
    host = lab.host("small", cpu_mask="0x2",
                    other_config={"packet-buffers-max": str(LIMIT), "pmd-sleep-max": "10000"}).start()
    host.add_bridge("br-mem")
    words = [word for i in range(MANY) for word in ("--", "add-port", "br-mem", f"i{i}", "--", "set", "Interface",
                                                    f"i{i}", "type=internal")]
    host.vsctl(*words[1:])
    yield host
    assert host.daemon.running, host.log()[-2000:]


@pytest.fixture(name="ends", scope="module")
def fixture_ends(lab, small):
    a, b = (Station(lab, small, "br-mem", name, f"10.12.0.{n}/24") for n, name in enumerate("ab", 1))
    a.wait_ping(b.address)
    return a, b


def number(text, pattern):
    match = re.search(pattern, text, re.MULTILINE)
    assert match, text
    return int(match[1])


def usage(host):
    """Packet buffers, and those in use, by memory/show."""
    return {key: int(value) for key, value in (word.split(":") for word in host.appctl("memory/show").split())}


def flood(station, count):
    raw = station.raw()
    frame = (BROADCAST + bytes.fromhex(station.mac.replace(":", "")) + b"\x88\xb5").ljust(60, b"\0")
    for _ in range(count):
        raw.send(frame)


def test_limit_is_kept_and_named(small, ends):
    assert usage(small)["packet-buffers"] == LIMIT
    wait_until(lambda: f"other_config:packet-buffers-max allows {LIMIT}" in small.log(), 10, "a warning",
               [small.daemon.log])


def test_traffic_recovers_when_buffers_ran_out(small, ends):
    a, b = ends
    # At rest the kernel ports keep spare buffers for the largest frame.
    at_rest = usage(small)["packet-buffers-used"]

    def runs_out():
        flood(a, 500)
        return drops(small, a.port, "no_buffer")

    wait_until(runs_out, 30, "drops for want of a buffer", [small.daemon.log])
    a.wait_ping(b.address)
    b.wait_ping(a.address)
    wait_until(lambda: usage(small)["packet-buffers-used"] < at_rest + LIMIT // 8, 10, "buffers to come back",
               [small.daemon.log])
    lost = drops(small, a.port, "no_buffer")
    assert a.ping(b.address, 10) == 10
    assert drops(small, a.port, "no_buffer") == lost
    assert small.log().count("packet-buffers-max allows") <= 3


def test_port_without_buffers_says_what_is_missing(small):
    small.vsctl("--timeout=5", "add-port", "br-mem", "d0", "--", "set", "Interface", "d0", "type=dpdk",
                "options:dpdk-devargs=net_null0,no-rx=1", check=False)
    assert small.get("Interface", "d0", "error") == (
        "d0: 2048 packet buffers missing on NUMA node 0: all 1024 that other_config:packet-buffers-max allows are "
        "there; raise it, or ask for shorter or fewer queues")
    small.vsctl("set", "Interface", "d0", "options:n_rxq_desc=64", "options:n_txq_desc=64", check=False)
    text = small.get("Interface", "d0", "error")
    assert text.startswith("d0: 64 packet buffers missing"), text
    small.vsctl("del-port", "d0")


def test_pool_grows_with_a_port(host):
    host.add_bridge("br-grow")
    before = usage(host)["packet-buffers"]
    host.vsctl("add-port", "br-grow", "g0", "--", "set", "Interface", "g0", "type=dpdk",
               "options:dpdk-devargs=net_null0,no-rx=1", "options:n_rxq=8", "options:n_rxq_desc=4096")
    assert host.get("Interface", "g0", "error") == "[]"
    after = usage(host)["packet-buffers"]
    assert after >= 8 * 4096 and after > before
    assert "in rings" in host.appctl("mem/plan")
    assert number(host.appctl("netdev-dpdk/get-mempool-info", "g0"), r"^  populated_size=(\d+)$") == after
    host.vsctl("del-port", "g0")


def test_jumbo_port_has_buffers_for_whole_frames(host):
    host.vsctl("--may-exist", "add-br", "br-grow")
    host.vsctl("add-port", "br-grow", "g1", "--", "set", "Interface", "g1", "type=dpdk", "mtu_request=9000",
               "options:dpdk-devargs=net_null1,no-rx=1")
    assert host.get("Interface", "g1", "error") == "[]"
    assert host.appctl("netdev-dpdk/get-mempool-info", "g1").startswith("mempool <jumbo0>@")
    host.vsctl("del-port", "g1")


def test_plan_of_what_is_there_fits(host):
    text = host.appctl("mem/plan")
    assert text.splitlines()[0].startswith("configuration: ports=")
    assert text.endswith("verdict: fits")
    assert "a cached flow takes 96 bytes, of IPv6 192; a session 228" in text


def test_plan_of_too_much_says_what_to_do(host):
    before = usage(host)["packet-buffers"]
    text = host.appctl("mem/plan", "dpdk=100", "queues=16", "descriptors=4096", "workers=16", "mtu=9000")
    assert "configuration: ports=100 dpdk=100 queues=16 descriptors=4096 mtu=9000 workers=16" in text
    assert re.search(r"^verdict: needs \d+ (more hugepages of|MiB more of DPDK's memory)", text, re.MULTILINE), text
    assert "verdict: needs other_config:packet-buffers-max=" in text
    assert "fits" not in text
    assert usage(host)["packet-buffers"] == before


@pytest.mark.parametrize("word, answer", [
    ("ports=5000", '"ports=5000": ports is a number from 0 to 4095'),
    ("queues=", '"queues=": queues is a number from 1 to 16'),
    ("mtu", '"mtu": mtu is a number from 68 to 9702'),
    ("portz=5", '"portz=5" is not one of ports=N dpdk=N queues=N descriptors=N mtu=N workers=N flows=N sessions=N '
                'rules=N bridges=N macs=N'),
])
def test_plan_explains_what_it_does_not_take(host, word, answer):
    done = host.run(["ovs-appctl", "-t", "sluice-vswitchd", "mem/plan", word], check=False)
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == answer


def test_dumps_of_dpdk(host):
    assert "Heap_size:" in host.appctl("dpdk/get-malloc-stats")
    assert "lcore 0, socket 0" in host.appctl("dpdk/lcore-list")
    assert "mempool <packets0>@" in host.appctl("netdev-dpdk/get-mempool-info")
    done = host.run(["ovs-appctl", "-t", "sluice-vswitchd", "netdev-dpdk/get-mempool-info", "nosuch"], check=False)
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == "no such port, or it has no packet buffers"
