# SPDX-License-Identifier: Apache-2.0
"""The bridge: learning, aging, flooding, VLANs, the host's own address, fail_mode.

         host: sluice-vswitchd
    br-mac  v-a  v-b  v-c               br-mac has 10.1.0.254
             |    |    |
            a    b    c                 namespaces, 10.1.0.1 to .3

    br-vlan v-a10 v-b10 v-a20 v-trunk v-nt v-nu v-all v-any v-dead
    br-sec  v-s1 v-s2 v-s3              fail_mode=secure
"""
import pytest

from endpoints import Pinger, Station, drops, fdb, ofport, wait_drop
from lab.process import wait_until

BROADCAST = bytes(6 * [0xff])
EXPERIMENTAL = b"\x88\xb5"  # IEEE 802 local experimental Ethertype


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def frame(dst, src, mark, tag=None):
    """A frame of 60 bytes or more that carries a mark; TAG is the 16 bits behind 0x8100."""
    vlan = b"" if tag is None else b"\x81\x00" + tag.to_bytes(2, "big")
    return (dst + src + vlan + EXPERIMENTAL + mark).ljust(60, b"\0")


class Marks:
    """Marks that no two frames share."""

    def __init__(self):
        self._n = 0

    def next(self):
        self._n += 1
        return b"<mark %d>" % self._n


MARKS = Marks()


def source(n):
    """A MAC address for made-up senders."""
    return bytes((2, 0xbb, 0, 0, n >> 8, n & 0xff))


def text(mac):
    return ":".join(f"{byte:02x}" for byte in mac)


def send_and_expect(sender, dst, src, receivers, others, tag=None):
    """Send a frame; it must reach all of RECEIVERS and, when that is over, none of OTHERS."""
    mark, end = MARKS.next(), MARKS.next()
    for socket in (*receivers, *others):
        socket.waiting()
    sender.send(frame(dst, src, mark, tag))
    got = [receiver.wait_for(mark) for receiver in receivers]
    assert None not in got
    # When a second frame has come through, all of the first one's batch has left the switch.
    sender.send(frame(dst, src, end, tag))
    assert all(receiver.wait_for(end) for receiver in receivers)
    for other in others:
        assert other.waiting(mark) == []
    return got


# Learning and flooding ----------------------------------------------------------------------------------------------


class Mac:
    """The bridge of the tests about MAC addresses."""

    def __init__(self, lab, host):
        host.add_bridge("br-mac")
        host.give_address("br-mac", "10.1.0.254/24")
        self.host = host
        self.a, self.b, self.c = (Station(lab, host, "br-mac", name, f"10.1.0.{n}/24")
                                  for n, name in enumerate("abc", 1))
        self.ra, self.rb, self.rc = (station.raw() for station in (self.a, self.b, self.c))

    def number(self, station):
        return str(ofport(self.host, station.port))


@pytest.fixture(scope="module")
def mac(lab, host):
    return Mac(lab, host)


@pytest.fixture(autouse=True)
def fresh_table(request):
    """Every test about MAC addresses starts with an empty table."""
    if "mac" in request.fixturenames:
        request.getfixturevalue("mac").host.appctl("fdb/flush", "br-mac")


def test_stations_reach_each_other(mac):
    assert mac.a.ping("10.1.0.2") == 3
    assert mac.b.ping("10.1.0.3") == 3


def test_unknown_unicast_is_flooded(mac):
    send_and_expect(mac.ra, source(1), source(2), [mac.rb, mac.rc], [])


def test_broadcast_and_multicast_are_flooded_but_not_back(mac):
    send_and_expect(mac.ra, BROADCAST, source(3), [mac.rb, mac.rc], [mac.ra])
    send_and_expect(mac.ra, b"\x01\x00\x5e\x00\x00\xfb", source(3), [mac.rb, mac.rc], [mac.ra])


def test_learned_address_gets_its_frames_alone(mac):
    send_and_expect(mac.rb, BROADCAST, source(4), [mac.ra, mac.rc], [])
    send_and_expect(mac.ra, source(4), source(5), [mac.rb], [mac.rc])


def test_link_local_destinations_are_not_forwarded(mac):
    before = drops(mac.host, "v-a", "reserved_mac")
    mac.ra.send(frame(b"\x01\x80\xc2\x00\x00\x00", source(6), MARKS.next()))
    wait_drop(mac.host, "v-a", "reserved_mac", before)


def test_frame_to_where_it_came_from_is_dropped(mac):
    send_and_expect(mac.ra, BROADCAST, source(7), [mac.rb, mac.rc], [])
    before = drops(mac.host, "v-a", "same_port")
    mac.ra.send(frame(source(7), source(8), MARKS.next()))
    wait_drop(mac.host, "v-a", "same_port", before)


def test_fdb_show_lists_port_vlan_and_address(mac):
    send_and_expect(mac.rb, BROADCAST, source(9), [mac.ra, mac.rc], [])
    lines = mac.host.appctl("fdb/show", "br-mac").splitlines()
    assert lines[0] == " port  VLAN  MAC                Age"
    line = next(line for line in lines if text(source(9)) in line)
    assert line in (f"{mac.number(mac.b):>5}     0  {text(source(9))}    {age}" for age in range(4))


def test_fdb_flush_empties_the_table_and_says_so(mac):
    send_and_expect(mac.rb, BROADCAST, source(10), [mac.ra, mac.rc], [])
    assert (0, text(source(10))) in fdb(mac.host, "br-mac")
    assert mac.host.appctl("fdb/flush", "br-mac") == "table successfully flushed"
    assert (0, text(source(10))) not in fdb(mac.host, "br-mac")
    send_and_expect(mac.ra, source(10), source(11), [mac.rb, mac.rc], [])  # flooded again, though the flow was known
    assert mac.host.appctl("fdb/flush") == "table successfully flushed"


@pytest.mark.parametrize("command", ["fdb/show", "fdb/flush", "fdb/stats-show"])
def test_fdb_command_of_unknown_bridge_fails(mac, command):
    done = mac.host.run(["ovs-appctl", "-t", "sluice-vswitchd", command, "nope"], check=False)
    assert done.returncode == 2
    assert "no such bridge" in done.stderr


def test_address_that_moves_is_followed_by_running_flows(mac):
    send_and_expect(mac.ra, BROADCAST, source(12), [mac.rb, mac.rc], [])
    send_and_expect(mac.rc, source(12), source(13), [mac.ra], [mac.rb])
    send_and_expect(mac.rb, BROADCAST, source(12), [mac.ra, mac.rc], [])
    assert fdb(mac.host, "br-mac")[0, text(source(12))][0] == mac.number(mac.b)
    send_and_expect(mac.rc, source(12), source(13), [mac.rb], [mac.ra])


def test_full_table_makes_room_among_the_flooder_s_own_addresses(mac):
    mac.host.vsctl("set", "Bridge", "br-mac", "other_config:mac-table-size=10")
    try:
        send_and_expect(mac.rb, BROADCAST, source(20), [mac.ra, mac.rc], [])
        for n in range(50):
            mac.ra.send(frame(BROADCAST, source(100 + n), b""))
        send_and_expect(mac.ra, BROADCAST, source(150), [mac.rb, mac.rc], [])
        table = fdb(mac.host, "br-mac")
        assert len(table) <= 10
        assert (0, text(source(150))) in table
        assert table[0, text(source(20))][0] == mac.number(mac.b)
        assert "MAC entries in the table: %d/10" % len(table) in mac.host.appctl("fdb/stats-show", "br-mac")
    finally:
        mac.host.vsctl("remove", "Bridge", "br-mac", "other_config", "mac-table-size")


def test_silent_address_ages_out_and_busy_ones_stay(mac):
    mac.host.vsctl("set", "Bridge", "br-mac", "other_config:mac-aging-time=15")  # the least there is
    try:
        send_and_expect(mac.rc, BROADCAST, source(21), [mac.ra, mac.rb], [])
        with Pinger(mac.a, "10.1.0.2") as pinger:
            wait_until(lambda: (0, text(source(21))) not in fdb(mac.host, "br-mac"), 30, "aging of an address")
            table = fdb(mac.host, "br-mac")
        assert pinger.lost == 0
        assert (0, mac.a.mac) in table and (0, mac.b.mac) in table
        send_and_expect(mac.ra, source(21), source(22), [mac.rb, mac.rc], [])
    finally:
        mac.host.vsctl("remove", "Bridge", "br-mac", "other_config", "mac-aging-time")


def test_host_answers_on_the_internal_port(mac):
    assert mac.a.ping("10.1.0.254") == 3
    assert mac.host.namespace.run(["ping", "-n", "-c1", "-W2", "10.1.0.2"]).returncode == 0


def test_frames_to_the_bridge_s_own_address_are_not_flooded(mac):
    local = mac_bytes(mac.host.namespace.mac("br-mac"))
    before = int(mac.host.namespace.run(["cat", "/sys/class/net/br-mac/statistics/rx_packets"]).stdout)
    mark = MARKS.next()
    mac.ra.send(frame(local, source(23), mark))
    wait_until(lambda: int(mac.host.namespace.run(
        ["cat", "/sys/class/net/br-mac/statistics/rx_packets"]).stdout) > before, 5, "arrival at the host")
    send_and_expect(mac.ra, BROADCAST, source(23), [mac.rb, mac.rc], [])
    assert mac.rb.waiting(mark) == [] and mac.rc.waiting(mark) == []


# VLANs --------------------------------------------------------------------------------------------------------------

VLAN_PORTS = {
    "a10": ["tag=10"],
    "b10": ["tag=10"],
    "a20": ["tag=20"],
    "trunk": ["trunks=10,20"],
    "nt": ["vlan_mode=native-tagged", "tag=10", "trunks=20"],
    "nu": ["vlan_mode=native-untagged", "tag=10", "trunks=20"],
    "all": [],
    "any": [],
    "dead": ["tag=4095", "vlan_mode=trunk", "trunks=4095"],
}
# Who receives a broadcast of a VLAN, and with which tag.
RECEIVED = {
    0: {"all": None, "any": None},
    10: {"a10": None, "b10": None, "trunk": 10, "nt": 10, "nu": None, "all": 10, "any": 10},
    20: {"a20": None, "trunk": 20, "nt": 20, "nu": 20, "all": 20, "any": 20},
    30: {"all": 30, "any": 30},
}
# Sent into a port with a tag: the VLAN it belongs to, or None when it is refused.
SENT = [
    ("a10", None, 10), ("a10", 0, 10), ("a10", 10, None), ("a10", 20, None),
    ("a20", None, 20),
    ("trunk", 10, 10), ("trunk", 20, 20), ("trunk", None, None), ("trunk", 30, None),
    ("nt", None, 10), ("nt", 10, 10), ("nt", 20, 20), ("nt", 30, None),
    ("nu", None, 10), ("nu", 10, 10), ("nu", 20, 20), ("nu", 30, None),
    ("all", None, 0), ("all", 10, 10), ("all", 20, 20), ("all", 30, 30),
    ("dead", None, None), ("dead", 10, None), ("dead", 4095, None),
]


@pytest.fixture(scope="module")
def vlan(lab, host):
    host.add_bridge("br-vlan")
    return {name: Station(lab, host, "br-vlan", name, None, *settings).raw()
            for name, settings in VLAN_PORTS.items()}


def tag_of(received):
    return int.from_bytes(received[14:16], "big") if received[12:14] == b"\x81\x00" else None


@pytest.mark.parametrize("port,tag,network", SENT)
def test_vlan_matrix(host, vlan, port, tag, network):
    if network is None:
        mark = MARKS.next()
        before = drops(host, f"v-{port}", "vlan_ingress")
        vlan[port].send(frame(BROADCAST, source(30), mark, tag))
        wait_drop(host, f"v-{port}", "vlan_ingress", before)
        assert all(raw.waiting(mark) == [] for raw in vlan.values())
        return
    receivers = {name: expected for name, expected in RECEIVED[network].items() if name != port}
    others = [raw for name, raw in vlan.items() if name not in receivers]
    got = send_and_expect(vlan[port], BROADCAST, source(31), [vlan[name] for name in receivers], others, tag)
    assert [tag_of(received) for received in got] == list(receivers.values())


def test_same_address_in_two_vlans_is_two_entries(host, vlan):
    send_and_expect(vlan["a10"], BROADCAST, source(40), [vlan["b10"]], [])
    send_and_expect(vlan["a20"], BROADCAST, source(40), [vlan["trunk"]], [])
    table = fdb(host, "br-vlan")
    assert table[10, text(source(40))][0] == str(ofport(host, "v-a10"))
    assert table[20, text(source(40))][0] == str(ofport(host, "v-a20"))


def test_priority_of_a_tag_is_kept(vlan):
    got = send_and_expect(vlan["trunk"], BROADCAST, source(41), [vlan["nt"]], [], 5 << 13 | 10)
    assert tag_of(got[0]) == 5 << 13 | 10


def test_learned_unicast_crosses_from_access_to_trunk_and_back(vlan):
    send_and_expect(vlan["trunk"], BROADCAST, source(42), [vlan["a10"]], [], 10)
    others = [raw for name, raw in vlan.items() if name != "trunk"]
    got = send_and_expect(vlan["a10"], source(42), source(43), [vlan["trunk"]], others)
    assert tag_of(got[0]) == 10
    got = send_and_expect(vlan["trunk"], source(43), source(42), [vlan["a10"]], [vlan["b10"]], 10)
    assert tag_of(got[0]) is None


def test_tag_changed_under_a_known_flow_moves_the_port(host, vlan):
    send_and_expect(vlan["b10"], BROADCAST, source(44), [vlan["a10"]], [])
    send_and_expect(vlan["a10"], source(44), source(45), [vlan["b10"]], [vlan["a20"]])
    host.vsctl("set", "Port", "v-b10", "tag=20")
    try:
        wait_until(lambda: (10, text(source(44))) not in fdb(host, "br-vlan"), 5, "end of what the port had learned")
        send_and_expect(vlan["a10"], source(44), source(45), [vlan["trunk"]], [vlan["b10"], vlan["a20"]])
        send_and_expect(vlan["b10"], BROADCAST, source(44), [vlan["a20"]], [vlan["a10"]])
    finally:
        host.vsctl("set", "Port", "v-b10", "tag=10")
    send_and_expect(vlan["b10"], BROADCAST, source(44), [vlan["a10"]], [vlan["a20"]])


# fail_mode ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def secure(lab, host):
    host.add_bridge("br-sec", "fail_mode=secure")
    return [Station(lab, host, "br-sec", f"s{n}", f"10.2.0.{n}/24") for n in (1, 2, 3)]


def test_secure_bridge_forwards_only_between_logical_ports(host, secure):
    first, second, third = secure
    before = drops(host, "v-s1", "bridge_secure")
    assert first.cannot_reach("10.2.0.2")
    assert drops(host, "v-s1", "bridge_secure") > before
    for station in (first, second):
        host.sluice_vsctl("lport-add", station.port, f"{station.mac} {station.address}")
    first.wait_ping("10.2.0.2")
    assert first.ping("10.2.0.2") == 3
    before = drops(host, "v-s3", "bridge_secure")
    assert third.cannot_reach("10.2.0.1")
    assert drops(host, "v-s3", "bridge_secure") > before
    assert first.cannot_reach("10.2.0.3")
    host.sluice_vsctl("lport-del", second.port)
    assert first.cannot_reach("10.2.0.2")


def test_fail_mode_is_changed_live(host, secure):
    _, second, third = secure
    assert third.cannot_reach("10.2.0.2")
    host.vsctl("set-fail-mode", "br-sec", "standalone")
    third.wait_ping("10.2.0.2")
    host.vsctl("set-fail-mode", "br-sec", "secure")
    assert third.cannot_reach("10.2.0.2")
