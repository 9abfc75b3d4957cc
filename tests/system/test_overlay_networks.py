# SPDX-License-Identifier: Apache-2.0
"""Logical networks: many VNIs on one bridge, no tunnel port.

      a20 a21 ... s1 s2                    b20 b21 ...                c20
          |                                    |                       |
        br-int                               br-int                  br-int
         left                                right                    third      each with br-phy: 172.31.0.1, .2, .3
          | uplink                             | uplink                | uplink
        left                                 right                   third       kernel bridge in namespace "lan"
          '----------------- lan0 -------------'-----------------------'

Stations aN, bN, cN are in VLAN N of their bridge; whatever N, their addresses are 10.0.0.1, .2, .3 and
02:aa:00:00:00:01, :02, :03.
"""
import json

import pytest

from endpoints import Pinger, Station, drops, wait_drop
from lab.host import SLUICE_VSCTL
from lab.process import wait_until
from tunnels import KINDS, VTEPS, Segment, encapsulated, mac_bytes, tunnels

BROADCAST = bytes(6 * [0xff])
MANY = 200


def frame(mark, tag=None):
    vlan = b"" if tag is None else b"\x81\x00" + tag.to_bytes(2, "big")
    return (BROADCAST + b"\x02\xbb\0\0\0\x01" + vlan + b"\x88\xb5" + mark).ljust(60, b"\0")


class Cloud(Segment):
    """Stations are made when a test asks for them."""

    def __init__(self, lab):
        super().__init__(lab)
        self._lab = lab
        self._stations = {}
        self._raw = {}

    def station(self, side, tag):
        """The station of VLAN TAG on side "a", "b" or "c"."""
        if (side, tag) not in self._stations:
            n = "abc".index(side)
            station = Station(self._lab, self.hosts[n], "br-int", f"{side}{tag}", f"10.0.0.{n + 1}/24", f"tag={tag}")
            station.mac = f"02:aa:00:00:00:0{n + 1}"
            station.namespace.ip(f"link set eth0 address {station.mac}")
            self._stations[side, tag] = station
        return self._stations[side, tag]

    def raw(self, side, tag):
        """A raw socket of that station."""
        if (side, tag) not in self._raw:
            self._raw[side, tag] = self.station(side, tag).raw()
        return self._raw[side, tag]

    def add(self, name, vni, tag, *columns, encap="vxlan", hosts=None, vteps=tuple(VTEPS.values())):
        """A network on HOSTS, all three by default, with the same list of endpoints on each."""
        for host in hosts or self.hosts:
            host.sluice_vsctl("network-add", name, f"vni={vni}", f"encap={encap}", "bridge=br-int", f"tag={tag}",
                              f"vteps={json.dumps(list(vteps))}", *columns)


@pytest.fixture(scope="module")
def cloud(lab):
    one = Cloud(lab)
    yield one
    for host in one.hosts:
        assert host.daemon.running, host.log()[-2000:]


@pytest.fixture(autouse=True)
def no_networks(cloud):
    yield
    for host in cloud.hosts:
        host.sluice_vsctl("--", "--all", "destroy", "Logical_Network")


def status(host, name):
    """The error in a network's status, or ""."""
    return host.sluice_vsctl("--if-exists", "get", "Logical_Network", name, "status:error").strip('"')


def wait_error(host, name, words):
    """Wait for an error that holds WORDS; "" waits until there is none."""
    wait_until(lambda: words in status(host, name) if words else status(host, name) == "", 5,
               f"status of network {name}: {words}", [host.daemon.log])


def add_bad(host, name, *columns):
    """Add a network that is refused, and return what the command says."""
    done = host.run([SLUICE_VSCTL, "--timeout=30", "network-add", name, *columns], check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("encap", KINDS)
def test_network_joins_the_hosts_without_a_tunnel_port(cloud, encap):
    cloud.add("blue", 5000, 20, encap=encap)
    a, b, c = (cloud.station(side, 20) for side in "abc")
    with cloud.wire("left") as wire:
        a.wait_ping("10.0.0.2")
        outer = wire.next(encap)
        assert (outer.src, outer.vni, outer.ttl, outer.df) == (VTEPS["left"], 5000, 64, True)
    assert a.ping("10.0.0.3") == 3
    assert b.ping("10.0.0.3") == 3
    assert all(port.startswith("v-") for port in cloud.left.vsctl("list-ports", "br-int").split())
    assert c.ping("10.0.0.1") == 3


def test_default_encapsulation_is_vxlan(cloud):
    for host in (cloud.left, cloud.right):
        host.sluice_vsctl("network-add", "plain", "vni=77", "bridge=br-int", "tag=20",
                          f"vteps={json.dumps(list(VTEPS.values()))}")
    with cloud.wire("left") as wire:
        cloud.station("a", 20).wait_ping("10.0.0.2")
        assert wire.next("vxlan").vni == 77


def test_broadcast_arrives_once_at_each_host(cloud):
    cloud.add("blue", 5000, 20)
    for side, address in (("a", "10.0.0.2"), ("b", "10.0.0.3"), ("c", "10.0.0.1")):
        cloud.station(side, 20).wait_ping(address)
    for sender in "abc":
        mark, end = b"<one %s>" % sender.encode(), b"<end %s>" % sender.encode()
        others = [side for side in "abc" if side != sender]
        cloud.raw(sender, 20)
        for side in others:
            cloud.raw(side, 20).waiting()
        cloud.raw(sender, 20).send(frame(mark))
        cloud.raw(sender, 20).send(frame(end))
        for side in others:
            assert cloud.raw(side, 20).wait_for(mark)
            while (seen := cloud.raw(side, 20).receive()) and end not in seen:
                assert mark not in seen
            assert seen, "the second frame did not come"
        assert cloud.raw(sender, 20).waiting(mark) == []


def test_own_endpoint_in_the_list_is_no_remote(cloud):
    cloud.add("blue", 5000, 20)
    with cloud.wire("left") as wire:
        cloud.raw("a", 20).send(frame(b"<to all>"))
        to = {wire.next("vxlan", mark=b"<to all>").dst for _ in range(2)}
        assert to == {VTEPS["right"], VTEPS["third"]}
        cloud.raw("a", 20).send(frame(b"<end>"))
        assert wire.next("vxlan", mark=b"<").inner[14:19] == b"<end>"
    assert status(cloud.left, "blue") == ""


@pytest.mark.parametrize("encap", KINDS)
def test_same_addresses_in_two_networks_are_kept_apart(cloud, encap):
    cloud.add("blue", 5000, 20, encap=encap)
    cloud.add("green", 5001, 21, encap=encap)
    pairs = {tag: (cloud.station("a", tag), cloud.station("b", tag)) for tag in (20, 21)}
    for a, _ in pairs.values():
        a.wait_ping("10.0.0.2")
    for tag, other in ((20, 21), (21, 20)):
        a, b = pairs[tag]
        mark = b"<%d>" % tag
        cloud.raw("b", other).waiting()
        cloud.raw("a", tag).send(frame(mark))
        assert cloud.raw("b", tag).wait_for(mark)
        pairs[other][0].wait_ping("10.0.0.2")
        assert cloud.raw("b", other).waiting(mark) == []
        unicast = mac_bytes(b.mac) + mac_bytes(a.mac) + b"\x88\xb5<uni %d>" % tag
        cloud.raw("a", tag).send(unicast.ljust(60, b"\0"))
        assert cloud.raw("b", tag).wait_for(b"<uni %d>" % tag)
        assert cloud.raw("b", other).waiting(b"<uni") == []


def test_two_networks_may_use_two_encapsulations(cloud):
    cloud.add("blue", 5000, 20, encap="vxlan")
    cloud.add("green", 5000, 21, encap="geneve")
    for tag, kind in ((20, "vxlan"), (21, "geneve")):
        with cloud.wire("left") as wire:
            cloud.station("a", tag).wait_ping("10.0.0.2")
            assert wire.next(kind, mark=mac_bytes(cloud.station("a", tag).mac)).vni == 5000


@pytest.mark.parametrize("encap", KINDS)
def test_two_hundred_networks_on_one_bridge(lab, cloud, encap):
    trunks = [Station(lab, host, "br-int", f"{side}t{encap[0]}") for side, host in
              (("a", cloud.left), ("b", cloud.right))]
    a, b = (station.raw() for station in trunks)
    for host in (cloud.left, cloud.right):
        words = []
        for n in range(MANY):
            words += ["--", "network-add", f"n{n}", f"vni={70000 + n}", f"encap={encap}", "bridge=br-int",
                      f"tag={100 + n}", f"vteps={json.dumps(list(VTEPS.values()))}"]
        host.sluice_vsctl(*words)
    try:
        with cloud.wire("left") as wire:
            for n in range(MANY):
                mark = b"<net %d>" % n
                a.send(frame(mark, 100 + n))
                got = b.wait_for(mark)
                assert got is not None and int.from_bytes(got[14:16], "big") == 100 + n
                assert wire.next(encap, mark=mark).vni == 70000 + n
        with cloud.wire("right") as wire:
            b.send(frame(b"<back>", 100 + MANY - 1))
            assert a.wait_for(b"<back>")
            assert wire.next(encap, mark=b"<back>").vni == 70000 + MANY - 1
        # One of them goes, and only that one.
        before = drops(cloud.right, "uplink", "tunnel_unknown_vni")
        cloud.right.sluice_vsctl("network-del", "n7")
        a.send(frame(b"<gone>", 107))
        wait_drop(cloud.right, "uplink", "tunnel_unknown_vni", before)
        a.send(frame(b"<stays>", 108))
        assert b.wait_for(b"<stays>")
    finally:
        for station in trunks:
            station.host.vsctl("del-port", "br-int", station.port)


# Changes under traffic ----------------------------------------------------------------------------------------------


def test_list_of_endpoints_changes_live(cloud):
    cloud.add("blue", 5000, 20)
    a = cloud.station("a", 20)
    a.wait_ping("10.0.0.3")
    with Pinger(a, "10.0.0.2") as pinger:
        cloud.left.sluice_vsctl("network-del-vtep", "blue", VTEPS["third"])
        assert a.ping("10.0.0.3", 1) == 0
        before = drops(cloud.left, "uplink", "tunnel_unknown_vtep")
        inject(cloud, "vxlan", 5000, "172.31.0.3")
        wait_until(lambda: drops(cloud.left, "uplink", "tunnel_unknown_vtep") > before, 5, "refusal of the third host")
        cloud.left.sluice_vsctl("network-add-vtep", "blue", VTEPS["third"])
        a.wait_ping("10.0.0.3")
        cloud.left.sluice_vsctl("network-set-vteps", "blue", VTEPS["third"], VTEPS["right"])
        pinger.wait_more()
    assert pinger.lost == 0
    assert a.ping("10.0.0.3") == 3


def inject(cloud, kind, vni, src):
    with cloud.wire("left") as wire:
        wire.raw.send(encapsulated(kind, "02:cc:00:00:00:01", cloud.left.namespace.mac("br-phy"), src, VTEPS["left"],
                                   vni, frame(b"<injected>")))


def test_encapsulation_changes_live(cloud):
    cloud.add("blue", 5000, 20, hosts=(cloud.left, cloud.right))
    with Pinger(cloud.station("a", 20), "10.0.0.2") as pinger:
        for kind in ("geneve", "vxlan"):
            for host in (cloud.left, cloud.right):
                host.sluice_vsctl("set", "Logical_Network", "blue", f"encap={kind}")
            pinger.wait_more()
            with cloud.wire("left") as wire:
                assert wire.next(kind).vni == 5000


def test_vni_changes_live(cloud):
    cloud.add("blue", 5000, 20, hosts=(cloud.left, cloud.right))
    with Pinger(cloud.station("a", 20), "10.0.0.2") as pinger:
        for host in (cloud.left, cloud.right):
            host.sluice_vsctl("set", "Logical_Network", "blue", "vni=5009")
        pinger.wait_more()
        with cloud.wire("left") as wire:
            assert wire.next("vxlan").vni == 5009


def test_networks_swap_their_vnis_in_one_transaction(cloud):
    cloud.add("blue", 5000, 20, hosts=(cloud.left, cloud.right))
    cloud.add("green", 5001, 21, hosts=(cloud.left, cloud.right))
    for host in (cloud.left, cloud.right):
        host.sluice_vsctl("set", "Logical_Network", "blue", "vni=5001", "--", "set", "Logical_Network", "green",
                          "vni=5000")
    for tag, vni in ((20, 5001), (21, 5000)):
        with cloud.wire("left") as wire:
            cloud.station("a", tag).wait_ping("10.0.0.2")
            assert wire.next("vxlan", mark=mac_bytes(cloud.station("a", tag).mac)).vni == vni
    assert status(cloud.left, "blue") == status(cloud.left, "green") == ""


def test_network_waits_for_its_bridge(cloud):
    for host in (cloud.left, cloud.right):
        host.sluice_vsctl("network-add", "late", "vni=6000", "bridge=br-late",
                          f"vteps={json.dumps(list(VTEPS.values()))}")
    assert status(cloud.left, "late") == ""
    for n, host in enumerate((cloud.left, cloud.right), 1):
        host.add_bridge("br-late")
        host.give_address("br-late", f"10.6.0.{n}/24")
    wait_until(lambda: cloud.left.run(["ping", "-n", "-c1", "-W1", "10.6.0.2"], check=False).returncode == 0, 15,
               "answer through the late bridge", [cloud.left.daemon.log])
    for host in (cloud.left, cloud.right):
        host.vsctl("del-br", "br-late")


# Bad rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns,words", [
    (["vni=16777216", "bridge=br-int", "tag=22"], "vni 16777216 is not from 0 to 16777215"),
    (["vni=-1", "bridge=br-int", "tag=22"], "vni -1 is not from 0"),
    (["vni=5002", "bridge=br-int", "tag=4095"], "tag 4095 is not from 1 to 4094"),
    (["vni=5002", "bridge=br-int", "tag=22", "mtu=9"], "mtu 9 is not from"),
    (["vni=5002", "bridge=br-int", "tag=22", 'vteps="fd00::1"'], "VTEP 'fd00::1' is not the IPv4 address of a host"),
    (["vni=5002", "bridge=br-int", "tag=22", 'vteps="224.0.0.1"'], "VTEP '224.0.0.1' is not the IPv4"),
    (["vni=5002", "bridge=br-int", "tag=22", "vteps=nonsense"], "VTEP 'nonsense' is not the IPv4"),
    (["vni=5000", "bridge=br-int", "tag=22"], "is that of network blue"),
    (["vni=5002", "bridge=br-int", "tag=20"], "is that of network blue"),
])
def test_bad_row_says_why_and_harms_nobody(cloud, columns, words):
    cloud.add("blue", 5000, 20, hosts=(cloud.left, cloud.right))
    with Pinger(cloud.station("a", 20), "10.0.0.2") as pinger:
        # "aaa" comes before "blue": not the name decides, but who was there first.
        said = add_bad(cloud.left, "aaa", *columns)
        wait_error(cloud.left, "aaa", words)
        assert words in said
        assert words in cloud.left.log()
        assert status(cloud.left, "blue") == ""
        pinger.wait_more()
        cloud.left.sluice_vsctl("set", "Logical_Network", "aaa", "vni=5002", "tag=22", "mtu=1400",
                                f"vteps={VTEPS['right']}")
        wait_error(cloud.left, "aaa", "")
    assert pinger.lost == 0


def test_bad_endpoint_leaves_the_good_ones_in_force(cloud):
    cloud.add("blue", 5000, 20, hosts=(cloud.right,))
    add_bad(cloud.left, "blue", "vni=5000", "bridge=br-int", "tag=20",
            f'vteps=nonsense,"{VTEPS["right"]}"')
    wait_error(cloud.left, "blue", "VTEP 'nonsense'")
    cloud.station("a", 20).wait_ping("10.0.0.2")


def test_tunnel_port_and_network_that_collide_are_told_apart(cloud):
    cloud.add("blue", 5000, 20, hosts=(cloud.right,))
    with tunnels((cloud.left, "br-int", "t-right", "vxlan", VTEPS["right"], ("tag=20",), {"key": 5000})):
        add_bad(cloud.left, "blue", "vni=5000", "bridge=br-int", "tag=20",
                    f'vteps="{VTEPS["right"]}"')
        wait_error(cloud.left, "blue", f"VTEP {VTEPS['right']}: there is a tunnel to the same address")
        cloud.station("a", 20).wait_ping("10.0.0.2")
        cloud.left.vsctl("del-port", "t-right")
        wait_error(cloud.left, "blue", "")
        cloud.station("a", 20).wait_ping("10.0.0.2")


def test_one_udp_port_is_not_shared_by_two_encapsulations(cloud):
    with tunnels((cloud.left, "br-int", "t-odd", "geneve", "172.31.0.9", (), {"key": 1, "dst_port": 4789})):
        add_bad(cloud.left, "blue", "vni=5000", "bridge=br-int", "tag=20",
                    f'vteps="{VTEPS["right"]}"')
        wait_error(cloud.left, "blue", "UDP port 4789 is in use by geneve tunnels")
    wait_error(cloud.left, "blue", "")


def test_status_is_written_again_after_a_restart_of_the_database(cloud):
    add_bad(cloud.left, "bad", "vni=16777216", "bridge=br-int")
    wait_error(cloud.left, "bad", "vni 16777216")
    cloud.left.kill_ovsdb()
    cloud.left.start_ovsdb()
    wait_until(lambda: "vni 16777216" in status(cloud.left, "bad"), 20, "status of the network",
               [cloud.left.daemon.log])
