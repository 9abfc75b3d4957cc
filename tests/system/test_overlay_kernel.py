# SPDX-License-Identifier: Apache-2.0
"""Peers of other makes: the Linux kernel's VXLAN device and Debian's Open vSwitch.

       a                                                         b
       |                                                         |
    br-int                              kernel peer           br-int
     left ---- uplink ==== veth ==== uplink: 172.31.0.9        debian: ovs-vswitchd, userspace datapath
    br-phy 172.31.0.1                   vx100: 10.0.0.9          |
    br-ovs 172.31.1.1 ---- uplink2 ======== veth ============ uplink, br-phy 172.31.1.2
"""
import pytest

from endpoints import RawSocket, Station, drops
from lab import netns, underlay
from tunnels import KINDS, Wire, add_tunnel, transfer, tunnels

KEY = 100
HERE, KERNEL, HERE_TO_OVS, OVS = "172.31.0.1", "172.31.0.9", "172.31.1.1", "172.31.1.2"


@pytest.fixture(scope="module")
def left(lab):
    host = lab.host("left", cpu_mask="0x2").start()
    host.add_bridge("br-int")
    yield host
    assert host.daemon.running, host.log()[-2000:]


@pytest.fixture(scope="module")
def a(lab, left):
    station = Station(lab, left, "br-int", "a", "10.0.0.1/24")
    enable_ipv6(station.namespace, "eth0", "fd00::1/64")
    return station


def enable_ipv6(space, device, address):
    space.run(["sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=0"])
    space.ip(f"addr add {address} dev {device} nodad")


def answers(space, address, *options):
    """How many of three echo requests were answered."""
    done = space.run(["ping", "-n", "-c3", "-i0.05", "-W2", *options, address], check=False)
    return sum("bytes from" in line for line in done.stdout.splitlines())


# The kernel ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def peer(lab, left):
    space = lab.namespace("peer")
    underlay.join_kernel(left, f"{HERE}/24", space, f"{KERNEL}/24")
    return space


def kernel_vxlan(peer, vni, *options, port=4789):
    """Make the kernel's end of the tunnel, anew."""
    peer.run(["ip", "link", "del", "vx"], check=False)
    peer.ip("link add vx address 02:ee:00:00:00:09 type vxlan",
            f"id {vni} local {KERNEL} remote {HERE} dstport {port} dev uplink", *options)
    peer.ip("link set vx mtu 1500 up")
    peer.ip("addr add 10.0.0.9/24 dev vx")
    enable_ipv6(peer, "vx", "fd00::9/64")


def to_kernel(left, **options):
    return tunnels((left, "br-int", "t-kernel", "vxlan", KERNEL, (), {"key": KEY} | options))


@pytest.mark.parametrize("options,kernel_options,port", [
    ({}, [], 4789),
    ({"csum": "true"}, ["udpcsum"], 4789),
    ({"csum": "false"}, ["udpcsum"], 4789),
    ({"csum": "true"}, ["noudpcsum"], 4789),
    ({"dst_port": 8472}, [], 8472),
    ({"ttl": 3, "tos": "inherit"}, ["ttl", "inherit", "tos", "inherit", "df", "set"], 4789),
])
def test_ping_and_tcp_both_ways(lab, left, a, peer, options, kernel_options, port):
    kernel_vxlan(peer, KEY, *kernel_options, port=port)
    with to_kernel(left, **options):
        a.wait_ping("10.0.0.9")
        assert answers(peer, "10.0.0.1") == 3
        assert answers(peer, "10.0.0.1", "-s", 1473) == 3  # in fragments
        assert answers(a.namespace, "10.0.0.9", "-s", 1473) == 3
        transfer(peer, a.namespace, "10.0.0.9", lab.dir)
        transfer(a.namespace, peer, "10.0.0.1", lab.dir)


@pytest.mark.parametrize("option", ["udpcsum", "noudpcsum"])
def test_kernel_that_leaves_checksums_and_segments_to_its_device(lab, left, a, peer, option):
    kernel_vxlan(peer, KEY, option)
    offloads = ["tx", "tso", "gso"]
    peer.run(["ethtool", "-K", "uplink", *(word for one in offloads for word in (one, "on"))])
    try:
        with to_kernel(left):
            a.wait_ping("10.0.0.9")
            transfer(peer, a.namespace, "10.0.0.9", lab.dir)
            transfer(a.namespace, peer, "10.0.0.1", lab.dir)
            transfer(left.namespace, peer, HERE, lab.dir)
    finally:
        peer.run(["ethtool", "-K", "uplink", *(word for one in offloads for word in (one, "off"))])


def test_inner_ipv6(lab, left, a, peer):
    kernel_vxlan(peer, KEY)
    with to_kernel(left):
        a.wait_ping("10.0.0.9")
        assert answers(a.namespace, "fd00::9") == 3
        assert answers(peer, "fd00::1") == 3
        assert answers(peer, "ff02::1%vx") >= 3
        transfer(peer, a.namespace, "fd00::9", lab.dir)
        transfer(a.namespace, peer, "fd00::1", lab.dir)


def test_kernel_that_talks_first_is_answered(left, a, peer):
    kernel_vxlan(peer, KEY)
    with to_kernel(left):
        left.appctl("fdb/flush", "br-int")
        a.namespace.run(["ip", "neigh", "flush", "all"])
        assert answers(peer, "10.0.0.1") == 3


def test_vni_mismatch_is_refused_on_both_sides(left, a, peer):
    kernel_vxlan(peer, KEY + 1)
    with to_kernel(left):
        before = drops(left, "uplink", "tunnel_unknown_vni")
        assert answers(a.namespace, "10.0.0.9") == 0
        assert answers(peer, "10.0.0.1") == 0
        assert drops(left, "uplink", "tunnel_unknown_vni") > before
        kernel_vxlan(peer, KEY)
        a.wait_ping("10.0.0.9")


def test_inner_vlan_tag_passes(lab, left, a, peer):
    kernel_vxlan(peer, KEY)
    here, there = a.raw(), RawSocket(peer, "vx")
    with to_kernel(left):
        for sender, receiver, mark in ((here, there, b"<out>"), (there, here, b"<back>")):
            frame = (bytes(6 * [0xff]) + b"\x02\xbb\0\0\0\x01\x81\0\xa0\x07\x88\xb5" + mark).ljust(64, b"\0")
            sender.send(frame)
            assert receiver.wait_for(mark) == frame
    there.close()


def test_logical_network_to_the_kernel(lab, left, a, peer):
    kernel_vxlan(peer, 4242)
    left.sluice_vsctl("network-add", "blue", "vni=4242", "bridge=br-int", f'vteps="{HERE}","{KERNEL}"')
    try:
        a.wait_ping("10.0.0.9")
        transfer(peer, a.namespace, "10.0.0.9", lab.dir)
    finally:
        left.sluice_vsctl("network-del", "blue")


# Open vSwitch -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def debian(lab, left):
    host = lab.host("debian", switch="ovs", cpu_mask="0x1").start()
    netns.veth(left.namespace, "uplink2", host.namespace, underlay.DEVICE, underlay.MTU)
    underlay.attach(left, f"{HERE_TO_OVS}/24", "uplink2", "br-ovs")
    underlay.attach(host, f"{OVS}/24")
    host.add_bridge("br-int")
    return host


@pytest.fixture(scope="module")
def b(lab, debian):
    station = Station(lab, debian, "br-int", "b", "10.0.0.2/24")
    enable_ipv6(station.namespace, "eth0", "fd00::2/64")
    return station


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"csum": "true"}, {"dst_port": 7777, "tos": "inherit"}])
def test_ping_and_tcp_with_open_vswitch(lab, left, debian, a, b, kind, options):
    options = {"key": KEY} | options
    with tunnels((left, "br-int", "t-ovs", kind, OVS, (), options),
                 (debian, "br-int", "t-sluice", kind, HERE_TO_OVS, (), options)):
        a.wait_ping("10.0.0.2")
        b.wait_ping("10.0.0.1")
        assert a.ping("10.0.0.2") == 3
        assert b.ping("10.0.0.1") == 3
        assert answers(a.namespace, "fd00::2") == 3
        transfer(b.namespace, a.namespace, "10.0.0.2", lab.dir, "1M")
        transfer(a.namespace, b.namespace, "10.0.0.1", lab.dir, "1M")


@pytest.mark.parametrize("kind", KINDS)
def test_outer_headers_are_those_of_open_vswitch(left, debian, a, b, kind):
    options = {"key": KEY, "ttl": 9, "tos": 0x28, "csum": "true"}
    with tunnels((left, "br-int", "t-ovs", kind, OVS, (), options),
                 (debian, "br-int", "t-sluice", kind, HERE_TO_OVS, (), options)):
        a.wait_ping("10.0.0.2")
        with Wire(debian.namespace, "uplink") as ours, Wire(left.namespace, "uplink2") as theirs:
            assert a.ping("10.0.0.2") == 3
            one, other = (wire.next(kind, mark=b"\x08\x00\x45") for wire in (ours, theirs))
        for field in ("vni", "ttl", "tos", "df", "flags", "dport", "tag", "checksum_right", "ip_checksum_right"):
            assert getattr(one, field) == getattr(other, field), field
        assert (one.src, one.dst) == (other.dst, other.src)


def test_geneve_network_with_open_vswitch(lab, left, debian, a, b):
    add_tunnel(debian, "br-int", "t-sluice", "geneve", HERE_TO_OVS, key=4243)
    left.sluice_vsctl("network-add", "green", "vni=4243", "encap=geneve", "bridge=br-int", f'vteps="{OVS}"')
    try:
        a.wait_ping("10.0.0.2")
        transfer(b.namespace, a.namespace, "10.0.0.2", lab.dir, "1M")
    finally:
        left.sluice_vsctl("network-del", "green")
        debian.vsctl("del-port", "t-sluice")
