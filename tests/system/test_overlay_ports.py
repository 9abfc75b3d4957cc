# SPDX-License-Identifier: Apache-2.0
"""Tunnel ports between hosts, and what their packets look like on the wire.

       a               b              c                10.0.0.1, .2, .3
       |               |              |
    br-int          br-int         br-int
     left            right          third              each with br-phy: 172.31.0.1, .2, .3
       | uplink        | uplink       | uplink
      left           right          third              ports of a kernel bridge in namespace "lan"
       '------- lan0 --'--------------'
                |    |
          router1    router2                           172.31.0.251 and .252, 172.31.9.251 and .252
"""
import struct

import pytest

from endpoints import Pinger, Station, drops, wait_drop
from lab import netns, underlay
from lab.process import wait_until
from tunnels import KINDS, VTEPS, Segment, Wire, add_tunnel, encapsulated, mac_bytes, set_options, transfer, tunnels

INNER = {"a": "10.0.0.1", "b": "10.0.0.2", "c": "10.0.0.3"}
BROADCAST = bytes(6 * [0xff])
KEY = 100


class Mesh(Segment):
    """With a station on each host and two routers."""

    def __init__(self, lab):
        super().__init__(lab)
        self.a, self.b, self.c = (Station(lab, host, "br-int", name, f"{address}/24", mtu=2000)
                                  for host, (name, address) in zip(self.hosts, INNER.items()))
        self.routers = [self._router(lab, n) for n in (1, 2)]

    def _router(self, lab, n):
        space = lab.namespace(f"router{n}")
        self.plug(space, "eth0", f"router{n}")
        space.ip(f"addr add 172.31.0.25{n}/24 dev eth0")
        space.ip(f"addr add 172.31.9.25{n}/24 dev eth0")
        for name, value in (("ip_forward", 1), ("conf.all.send_redirects", 0), ("conf.eth0.send_redirects", 0)):
            space.run(["sysctl", "-qw", f"net.ipv4.{name}={value}"])
        return space

    def pair(self, kind, left=None, right=None, **both):
        """A tunnel between left and right for the time of the block."""
        both = {"key": KEY} | both
        return tunnels((self.left, "br-int", "t-right", kind, VTEPS["right"], (), both | (left or {})),
                       (self.right, "br-int", "t-left", kind, VTEPS["left"], (), both | (right or {})))


@pytest.fixture(scope="module")
def mesh(lab):
    one = Mesh(lab)
    yield one
    for host in one.hosts:
        assert host.daemon.running, host.log()[-2000:]


@pytest.fixture(autouse=True)
def fresh(mesh):
    for host in mesh.hosts:
        host.appctl("fdb/flush")


def udp_frame(source_port, mark, dst=BROADCAST):
    """An inner UDP packet from 10.0.0.1; the parser asks for right lengths, not for a right checksum."""
    udp = struct.pack("!4H", source_port, 7, 8 + len(mark), 0) + mark
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes((10, 0, 0, 1)),
                     bytes((10, 0, 0, 2)))
    return dst + mac_bytes("02:bb:00:00:00:01") + b"\x08\x00" + ip + udp


# Outer headers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_outer_headers_by_default(mesh, kind):
    with mesh.pair(kind), mesh.wire("left") as wire:
        assert mesh.a.ping(INNER["b"]) == 3
        outer = wire.next(kind, mark=mac_bytes(mesh.b.mac))
        assert (outer.src, outer.dst, outer.vni) == (VTEPS["left"], VTEPS["right"], KEY)
        assert (outer.ttl, outer.tos, outer.df, outer.checksum, outer.tag) == (64, 0, True, 0, None)
        assert outer.src_mac == mac_bytes(mesh.left.namespace.mac("br-phy"))
        assert outer.dst_mac == mac_bytes(mesh.right.namespace.mac("br-phy"))
        assert outer.ip_checksum_right and outer.ip_length == outer.udp_length + 20
        assert outer.sport >= 49152
        assert outer.flags == (0x08 if kind == "vxlan" else (0, 0x6558))
        assert outer.inner[:12] == mac_bytes(mesh.b.mac) + mac_bytes(mesh.a.mac)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options,ping,field,expected", [
    ({"key": 0}, [], "vni", 0),
    ({"key": 0xffffff}, [], "vni", 0xffffff),
    ({"ttl": 7}, [], "ttl", 7),
    ({"ttl": "inherit"}, ["-t", 33], "ttl", 33),
    ({"tos": 0x28}, [], "tos", 0x28),
    ({"tos": 0x28}, ["-Q", 0x62], "tos", 0x2a),
    ({"tos": "inherit"}, ["-Q", 0x60], "tos", 0x60),
    ({"tos": "inherit"}, ["-Q", 0x61], "tos", 0x61),
    ({"df_default": "false"}, [], "df", False),
    ({"csum": "true"}, [], "checksum_right", True),
    ({"csum": "true"}, ["-s", 33], "checksum_right", True),
    ({"dst_port": 4444}, [], "dport", 4444),
])
def test_option_shows_in_outer_header(mesh, kind, options, ping, field, expected):
    with mesh.pair(kind, **options), mesh.wire("left") as wire:
        done = mesh.a.namespace.run(["ping", "-n", "-c", 2, "-i", "0.05", "-W", "2", *ping, INNER["b"]])
        assert " 2 received" in done.stdout
        outer = wire.next(kind, options.get("dst_port"), mark=mac_bytes(mesh.b.mac) + mac_bytes(mesh.a.mac) + b"\x08\0")
        assert getattr(outer, field) == expected
        assert outer.ip_checksum_right
        assert outer.checksum == 0 or outer.checksum_right


@pytest.mark.parametrize("kind", KINDS)
def test_entropy_port_differs_by_flow_and_stays_for_one(mesh, kind):
    raw = mesh.a.raw()
    with mesh.pair(kind), mesh.wire("left") as wire:
        ports = []
        for n in range(64):
            mark = b"<flow %d>" % n
            raw.send(udp_frame(1000 + n, mark))
            raw.send(udp_frame(1000 + n, mark))
            first, second = (wire.next(kind, mark=mark).sport for _ in range(2))
            assert first == second
            ports.append(first)
        assert len(set(ports)) > 32
        assert min(ports) >= 49152


def test_local_ip_is_the_source_and_the_only_address_that_receives(mesh):
    mesh.left.namespace.ip("addr add 172.31.0.11/24 dev br-phy")
    try:
        with mesh.pair("vxlan", left={"local_ip": "172.31.0.11"}, right={"remote_ip": "172.31.0.11"}):
            with mesh.wire("left") as wire:
                mesh.a.wait_ping(INNER["b"])
                assert wire.next("vxlan").src == "172.31.0.11"
            before = drops(mesh.left, "uplink", "tunnel_unknown_vni")
            inject(mesh, "vxlan", dst=VTEPS["left"])
            wait_drop(mesh.left, "uplink", "tunnel_unknown_vni", before)
    finally:
        mesh.left.namespace.ip("addr del 172.31.0.11/24 dev br-phy")


# What comes in ------------------------------------------------------------------------------------------------------


def inject(mesh, kind, src=VTEPS["right"], dst=VTEPS["left"], vni=KEY, mark=b"<injected>", port=None):
    """Put a tunnel packet on the wire to the left host."""
    with mesh.wire("left") as wire:
        wire.raw.send(encapsulated(kind, "02:cc:00:00:00:01", mesh.left.namespace.mac("br-phy"), src, dst, vni,
                                   udp_frame(1, mark), port))


@pytest.mark.parametrize("kind", KINDS)
def test_packets_of_no_tunnel_are_counted_by_name(mesh, kind):
    with mesh.pair(kind):
        raw = mesh.a.raw()
        for reason, wrong in (("tunnel_unknown_vni", {"vni": KEY + 1}),
                              ("tunnel_unknown_vtep", {"src": "172.31.0.77"})):
            before = drops(mesh.left, "uplink", reason)
            inject(mesh, kind, mark=b"<wrong>", **wrong)
            wait_drop(mesh.left, "uplink", reason, before)
        inject(mesh, kind, mark=b"<right>")
        assert raw.wait_for(b"<right>")
        assert raw.waiting(b"<wrong>") == []


def test_wrong_key_reaches_nobody(mesh):
    with mesh.pair("geneve", right={"key": KEY + 1}):
        before = drops(mesh.right, "uplink", "tunnel_unknown_vni")
        assert mesh.a.ping(INNER["b"], 1) == 0
        assert drops(mesh.right, "uplink", "tunnel_unknown_vni") > before


def test_other_encapsulation_reaches_nobody(mesh):
    with mesh.pair("geneve", left={"dst_port": 4790}), mesh.wire("left") as wire:
        assert mesh.a.ping(INNER["b"], 1) == 0
        assert wire.next("geneve", 4790).vni == KEY


# Several tunnels ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_full_mesh_delivers_each_broadcast_once(mesh, kind):
    ports = [(host, "br-int", f"m-{name}", kind, vtep, (), {"key": KEY})
             for host in mesh.hosts for name, vtep in VTEPS.items() if vtep != VTEPS[host.dir.name]]
    with tunnels(*ports):
        for station, address in ((mesh.a, INNER["b"]), (mesh.b, INNER["c"]), (mesh.c, INNER["a"])):
            station.wait_ping(address)
        raw = {name: station.raw() for name, station in (("a", mesh.a), ("b", mesh.b), ("c", mesh.c))}
        for sender in raw:
            mark, end = b"<once %s>" % sender.encode(), b"<end %s>" % sender.encode()
            raw[sender].send(udp_frame(1, mark))
            raw[sender].send(udp_frame(1, end))
            for receiver in raw:
                seen = frames_until(raw[receiver], end) if receiver != sender else raw[receiver].waiting()
                assert sum(mark in frame for frame in seen) == (receiver != sender)
        # A frame that had gone round would have come by now: each host has sent since.
        assert all(one.waiting(b"<once") == [] for one in raw.values())


def frames_until(raw, end):
    frames = []
    while not frames or end not in frames[-1]:
        frames.append(raw.receive())
        assert frames[-1] is not None, "the second frame did not come"
    return frames


@pytest.mark.parametrize("kind", KINDS)
def test_two_keys_between_one_pair_of_bridges_are_two_networks(lab, mesh, kind):
    ports = [(host, "br-int", f"k{key}", kind, remote, (f"tag={key}",), {"key": key})
             for host, remote in ((mesh.left, VTEPS["right"]), (mesh.right, VTEPS["left"])) for key in (10, 20)]
    stations = {}
    for host, side in ((mesh.left, "l"), (mesh.right, "r")):
        for tag in (10, 20):
            name = f"{kind[0]}{side}{tag}"
            stations[side, tag] = Station(lab, host, "br-int", name, f"10.3.0.{1 if side == 'l' else 2}/24",
                                          f"tag={tag}")
    raw = {place: station.raw() for place, station in stations.items()}
    with tunnels(*ports):
        for tag, other in ((10, 20), (20, 10)):
            stations["l", tag].wait_ping("10.3.0.2")
            mark = b"<only %d>" % tag
            with mesh.wire("left") as wire:
                raw["l", tag].send(udp_frame(1, mark))
                assert wire.next(kind, mark=mark).vni == tag
            assert raw["r", tag].wait_for(mark)
            stations["l", other].wait_ping("10.3.0.2")
            assert raw["r", other].waiting(mark) == []
    for station in stations.values():
        station.host.vsctl("del-port", "br-int", station.port)


def test_second_tunnel_with_the_same_key_is_an_error_of_its_interface(mesh):
    with mesh.pair("vxlan"):
        add_tunnel(mesh.left, "br-int", "t-again", "vxlan", VTEPS["right"], key=KEY)
        try:
            assert "File exists" in mesh.left.get("Interface", "t-again", "error")
            assert mesh.left.get("Interface", "t-again", "ofport") == "-1"
            mesh.a.wait_ping(INNER["b"])
            mesh.left.vsctl("del-port", "t-right")
            wait_until(lambda: mesh.left.get("Interface", "t-again", "error") == "[]", 5, "admission of the second")
            mesh.a.wait_ping(INNER["b"])
        finally:
            mesh.left.vsctl("del-port", "br-int", "t-again")


# Changes under traffic ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_key_changes_live(mesh, kind):
    with mesh.pair(kind), Pinger(mesh.a, INNER["b"]) as pinger, mesh.wire("left") as wire:
        set_options(mesh.left, "t-right", key=7)
        set_options(mesh.right, "t-left", key=7)
        pinger.wait_more()
        wire.raw.waiting()
        assert wire.next(kind).vni == 7


def test_options_change_live_without_loss(mesh):
    with mesh.pair("vxlan"):
        with Pinger(mesh.a, INNER["b"]) as pinger, mesh.wire("left") as wire:
            set_options(mesh.left, "t-right", ttl=9, tos=0x20, csum="true")
            pinger.wait_more()
            wire.raw.waiting()
            outer = wire.next("vxlan")
        assert (outer.ttl, outer.tos, outer.checksum_right) == (9, 0x20, True)
        assert pinger.lost == 0


def test_type_changes_live(mesh):
    with mesh.pair("vxlan"), Pinger(mesh.a, INNER["b"]) as pinger, mesh.wire("left") as wire:
        for host, name in ((mesh.left, "t-right"), (mesh.right, "t-left")):
            host.vsctl("set", "Interface", name, "type=geneve")
        pinger.wait_more()
        assert wire.next("geneve").vni == KEY


@pytest.mark.parametrize("kind", KINDS)
def test_remote_that_was_away_is_back(mesh, kind):
    with mesh.pair(kind), Pinger(mesh.a, INNER["b"]) as pinger:
        mesh.lan.ip("link set right down")
        wait_until(lambda: mesh.a.ping(INNER["b"], 1) == 0, 5, "silence")
        mesh.lan.ip("link set right up")
        pinger.wait_more()


def test_remote_whose_neighbour_entry_is_lost_is_asked_for_again(mesh):
    with mesh.pair("vxlan"), Pinger(mesh.a, INNER["b"]) as pinger:
        mesh.lan.ip("link set right down")
        mesh.left.namespace.ip("neigh flush dev br-phy")
        before = drops(mesh.left, "v-a", "tunnel_no_neighbour")
        wait_until(lambda: drops(mesh.left, "v-a", "tunnel_no_neighbour") > before, 10, "end of the neighbour")
        mesh.lan.ip("link set right up")
        pinger.wait_more()


def test_restarted_switch_takes_part_again(mesh):
    with mesh.pair("vxlan"), Pinger(mesh.a, INNER["b"]) as pinger:
        mesh.right.kill_switch()
        mesh.right.start_switch()
        pinger.wait_more(timeout=40)


def test_endpoint_address_added_after_the_tunnel(mesh):
    mesh.left.namespace.ip("addr del 172.31.0.1/24 dev br-phy")
    try:
        with mesh.pair("vxlan"):
            assert mesh.a.ping(INNER["b"], 1) == 0
            mesh.left.namespace.ip("addr add 172.31.0.1/24 dev br-phy")
            mesh.a.wait_ping(INNER["b"])
            # Now that the bridge knows which tunnel leads to b, what cannot be sent has a name.
            mesh.left.namespace.ip("addr del 172.31.0.1/24 dev br-phy")
            before = drops(mesh.left, "v-a", "tunnel_no_route")
            assert mesh.a.ping(INNER["b"], 1) == 0
            assert drops(mesh.left, "v-a", "tunnel_no_route") > before
    finally:
        mesh.left.namespace.ip("addr replace 172.31.0.1/24 dev br-phy")


def test_neighbour_that_changes_its_link_address_is_found_again(mesh):
    old = mesh.right.namespace.mac("br-phy")
    with mesh.pair("vxlan"), Pinger(mesh.a, INNER["b"]) as pinger, mesh.wire("left") as wire:
        try:
            for mac in ("02:dd:00:00:00:02", old):
                mesh.right.namespace.ip(f"link set br-phy address {mac}")
                wait_until(lambda: wire.next("vxlan").dst_mac == mac_bytes(mac), 40, "the new address on the wire")
                pinger.wait_more()
        finally:
            mesh.right.namespace.ip(f"link set br-phy address {old}")


# Routes -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def far(mesh):
    """The right host's endpoint behind the routers, and the left one's as seen from there."""
    mesh.right.namespace.ip("addr add 172.31.9.2/24 dev br-phy")
    mesh.right.namespace.ip("route add 172.31.0.1/32 via 172.31.9.251")
    mesh.left.namespace.ip("route add 172.31.9.0/24 via 172.31.0.251")
    yield
    mesh.right.namespace.ip("route del 172.31.0.1/32")
    mesh.right.namespace.ip("addr del 172.31.9.2/24 dev br-phy")
    for route in ("172.31.9.0/24", "default"):
        mesh.left.namespace.run(["ip", "route", "del", route], check=False)


def test_route_through_a_gateway_is_followed_and_changes_under_traffic(mesh, far):
    first, second = (router.mac("eth0") for router in mesh.routers)
    with mesh.pair("vxlan", left={"remote_ip": "172.31.9.2"}, right={"local_ip": "172.31.9.2"}):
        mesh.a.wait_ping(INNER["b"])
        with Pinger(mesh.a, INNER["b"]) as pinger, mesh.wire("left") as wire, mesh.wire("right") as answers:
            outer = wire.next("vxlan")
            assert (outer.dst, outer.dst_mac) == ("172.31.9.2", mac_bytes(first))
            outer = answers.next("vxlan")
            assert (outer.src, outer.dst_mac) == ("172.31.9.2", mac_bytes(first))
            mesh.left.namespace.ip("route replace 172.31.9.0/24 via 172.31.0.252")
            wait_until(lambda: wire.next("vxlan").dst_mac == mac_bytes(second), 10, "way through the second router")
            pinger.wait_more()
            mesh.left.namespace.ip("route del 172.31.9.0/24")
            before = drops(mesh.left, "v-a", "tunnel_no_route")
            wait_until(lambda: drops(mesh.left, "v-a", "tunnel_no_route") > before, 10, "end of the route")
            mesh.left.namespace.ip("route add default via 172.31.0.251")
            pinger.wait_more()


def test_flood_that_misses_a_tunnel_is_counted(mesh):
    raw = mesh.a.raw()
    with tunnels((mesh.left, "br-int", "t-nowhere", "vxlan", "172.31.200.1", (), {"key": KEY})):
        for _ in range(2):  # resolved, then known
            before = drops(mesh.left, "v-a", "tunnel_no_route")
            raw.send(udp_frame(6, b"<flood>"))
            wait_drop(mesh.left, "v-a", "tunnel_no_route", before)


def test_next_hop_that_does_not_answer_is_named(mesh):
    with mesh.pair("vxlan"):
        mesh.a.wait_ping(INNER["b"])
        mesh.left.namespace.ip("route add 172.31.0.2/32 via 172.31.0.99")
        before = drops(mesh.left, "v-a", "tunnel_no_neighbour")
        assert mesh.a.ping(INNER["b"], 1) == 0
        assert drops(mesh.left, "v-a", "tunnel_no_neighbour") > before
        mesh.left.namespace.ip("route del 172.31.0.2/32")
        mesh.a.wait_ping(INNER["b"])


# MTU and the underlay -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_packet_too_large_for_the_underlay_is_dropped_by_name(mesh, kind):
    headers = 20 + 8 + 8 + 14
    fits = underlay.MTU - headers - 20 - 8
    with mesh.pair(kind):
        mesh.a.wait_ping(INNER["b"])
        ping = ["ping", "-n", "-c1", "-W2", "-M", "do", "-s"]
        mesh.a.namespace.run([*ping, fits, INNER["b"]])
        before = drops(mesh.left, "v-a", "mtu_exceeded")
        assert mesh.a.namespace.run([*ping, fits + 1, INNER["b"]], check=False).returncode == 1
        assert drops(mesh.left, "v-a", "mtu_exceeded") == before + 1


@pytest.mark.parametrize("kind", KINDS)
def test_tcp_through_the_tunnel_and_beside_it(mesh, kind):
    with mesh.pair(kind, csum="true"):
        mesh.a.wait_ping(INNER["b"])
        for station in (mesh.a, mesh.b):
            station.namespace.ip("link set eth0 mtu 1500")
        transfer(mesh.b.namespace, mesh.a.namespace, INNER["b"], mesh.dir)
        for station in (mesh.a, mesh.b):
            station.namespace.ip("link set eth0 mtu 2000")
        mesh.left.namespace.run(["ping", "-n", "-c3", "-i0.05", "-W2", VTEPS["right"]])
        transfer(mesh.right.namespace, mesh.left.namespace, VTEPS["right"], mesh.dir)


# Endpoints in VLANs -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def second_wire(mesh):
    """A second wire between left and right, on br-tag of both, with the endpoints on internal ports in VLAN 30."""
    netns.veth(mesh.left.namespace, "up2", mesh.right.namespace, "up2", underlay.MTU)
    for n, host in enumerate((mesh.left, mesh.right), 1):
        host.add_bridge("br-tag")
        host.vsctl("add-port", "br-tag", "up2", "--", "add-port", "br-tag", "vtep30", "tag=30",
                   "--", "set", "Interface", "vtep30", "type=internal")
        host.give_address("vtep30", f"172.31.30.{n}/24")


@pytest.mark.parametrize("settings,tag", [
    (["trunks=30"], 30),
    (["tag=30"], None),
    (["trunks=30", "tag=30", "vlan_mode=native-tagged"], 30),
    (["trunks=30", "tag=30", "vlan_mode=native-untagged"], None),
    ([], 30),
])
@pytest.mark.parametrize("kind", KINDS)
def test_endpoint_in_a_vlan(mesh, second_wire, kind, settings, tag):
    for host in (mesh.left, mesh.right):
        host.vsctl("clear", "Port", "up2", "tag", "trunks", "vlan_mode",
                   *(["--", "set", "Port", "up2", *settings] if settings else []))
    with mesh.pair(kind, left={"remote_ip": "172.31.30.2"}, right={"remote_ip": "172.31.30.1"}):
        with Wire(mesh.right.namespace, "up2") as wire:
            mesh.a.wait_ping(INNER["b"])
            assert mesh.a.ping(INNER["b"]) == 3
            outer = wire.next(kind)
            assert (outer.src, outer.dst, outer.tag) == ("172.31.30.1", "172.31.30.2", tag)


def test_endpoint_s_vlan_changes_live(mesh, second_wire):
    for host in (mesh.left, mesh.right):
        host.vsctl("clear", "Port", "up2", "tag", "trunks", "vlan_mode")
    with mesh.pair("vxlan", left={"remote_ip": "172.31.30.2"}, right={"remote_ip": "172.31.30.1"}):
        with Pinger(mesh.a, INNER["b"]) as pinger, Wire(mesh.right.namespace, "up2") as wire:
            for host in (mesh.left, mesh.right):
                host.vsctl("set", "Port", "vtep30", "tag=31")
            wait_until(lambda: wire.next("vxlan").tag == 31, 10, "the new VLAN on the wire")
            pinger.wait_more()
            for host in (mesh.left, mesh.right):
                host.vsctl("set", "Port", "vtep30", "tag=30")
            pinger.wait_more()




# What is reported, and what moves -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_tunnel_port_reports_its_way_and_its_packets(mesh, kind):
    with mesh.pair(kind):
        mesh.a.wait_ping(INNER["b"])
        mesh.a.ping(INNER["b"])
        wait_until(lambda: mesh.left.vsctl("get", "Interface", "t-right", "status") ==
                   "{tunnel_egress_iface=br-phy, tunnel_egress_iface_carrier=up}", 10, "status of the tunnel")
        assert mesh.left.get("Interface", "t-right", "link_state") == "up"
        wait_until(lambda: int(mesh.left.get("Interface", "t-right", "statistics:tx_packets")) >= 4, 10,
                   "count of what the tunnel has sent")
        wait_until(lambda: int(mesh.left.get("Interface", "t-right", "statistics:rx_packets")) >= 4, 10,
                   "count of what the tunnel has received")


def test_guest_that_moves_to_another_host_is_followed(mesh):
    ports = [(host, "br-int", f"m-{name}", "vxlan", vtep, (), {"key": KEY})
             for host in mesh.hosts for name, vtep in VTEPS.items() if vtep != VTEPS[host.dir.name]]
    guest = mac_bytes("02:bb:00:00:00:77")
    b, c = mesh.b.raw(), mesh.c.raw()
    a = mesh.a.raw()
    with tunnels(*ports):
        mesh.a.wait_ping(INNER["b"])
        mesh.a.wait_ping(INNER["c"])
        for n, (here, there) in enumerate(((b, c), (c, b), (b, c))):
            def followed():
                # An address that has just moved is held where it is for a second.
                here.send((BROADCAST + guest + b"\x88\xb5here").ljust(60, b"\0"))
                a.send(udp_frame(5, b"<to guest %d>" % n, guest))
                return here.wait_for(b"<to guest %d>" % n, 0.2)

            wait_until(followed, 10, "frames to the guest where it is now")
            there.waiting()
            a.send(udp_frame(5, b"<again %d>" % n, guest))
            assert here.wait_for(b"<again %d>" % n)
            assert there.waiting(b"<again") == []


def test_uplink_taken_away_and_given_back(mesh):
    with mesh.pair("vxlan"):
        mesh.a.wait_ping(INNER["b"])
        mesh.left.vsctl("del-port", "br-phy", "uplink")
        before = drops(mesh.left, "v-a", "tunnel_no_underlay")
        assert mesh.a.ping(INNER["b"], 1) == 0
        assert drops(mesh.left, "v-a", "tunnel_no_underlay") > before
        mesh.left.vsctl("add-port", "br-phy", "uplink")
        mesh.a.wait_ping(INNER["b"])


def test_underlay_bridge_taken_away_and_given_back(mesh):
    with mesh.pair("geneve"):
        mesh.a.wait_ping(INNER["b"])
        mesh.left.vsctl("del-br", "br-phy")
        assert mesh.a.ping(INNER["b"], 1) == 0
        underlay.attach(mesh.left, "172.31.0.1/24")
        mesh.a.wait_ping(INNER["b"], 40)


def test_second_uplink_takes_over(mesh):
    mesh.plug(mesh.left.namespace, "spare", "left2")
    mesh.lan.ip("link set left2 down")
    mesh.left.vsctl("add-port", "br-phy", "spare")
    # Nobody says anything unasked, or asks for an address, which would teach the bridge its new ways.
    mesh.right.namespace.run(["sysctl", "-qw", "net.ipv6.conf.br-phy.disable_ipv6=1"])
    known = [(mesh.left.namespace, "br-phy", VTEPS["right"], mesh.right.namespace.mac("br-phy")),
             (mesh.right.namespace, "br-phy", VTEPS["left"], mesh.left.namespace.mac("br-phy")),
             (mesh.a.namespace, "eth0", INNER["b"], mesh.b.mac), (mesh.b.namespace, "eth0", INNER["a"], mesh.a.mac)]
    for space, device, address, mac in known:
        space.ip(f"neigh replace {address} lladdr {mac} dev {device} nud permanent")
    try:
        with mesh.pair("vxlan"), Pinger(mesh.a, INNER["b"]) as pinger:
            for down, up in (("left", "left2"), ("left2", "left")):
                mesh.lan.ip(f"link set {down} down")
                mesh.lan.ip(f"link set {up} up")
                pinger.wait_more(timeout=10)
    finally:
        for space, device, *_ in known:
            space.ip(f"neigh flush dev {device} nud permanent")
        mesh.lan.ip("link set left up")
        mesh.left.vsctl("del-port", "br-phy", "spare")
        mesh.lan.ip("link del left2")


@pytest.mark.parametrize("remote", ["172.31.0.1", "127.0.0.1", "255.255.255.255", "10.0.0.250"])
def test_remote_that_makes_no_sense_harms_nobody(mesh, remote):
    mesh.left.give_address("br-int", "10.0.0.251/24")
    try:
        with mesh.pair("vxlan"):
            add_tunnel(mesh.left, "br-int", "t-odd", "vxlan", remote, key=KEY)
            mesh.a.wait_ping(INNER["b"])
            assert mesh.a.ping(INNER["b"]) == 3
            mesh.left.vsctl("del-port", "t-odd")
    finally:
        mesh.left.namespace.ip("addr del 10.0.0.251/24 dev br-int")


@pytest.mark.parametrize("kind", KINDS)
def test_host_s_own_port_on_the_overlay(mesh, kind):
    mesh.left.give_address("br-int", "10.0.0.251/24")
    mesh.left.namespace.ip("link set br-int mtu 1500")
    mesh.b.namespace.ip("link set eth0 mtu 1500")
    try:
        with mesh.pair(kind, csum="true"):
            wait_until(lambda: mesh.b.ping("10.0.0.251", 1), 15, "answer of the host")
            for size in (1472, 1473, 8000):
                mesh.left.namespace.run(["ping", "-n", "-c2", "-i0.05", "-W2", "-s", size, INNER["b"]])
            transfer(mesh.b.namespace, mesh.left.namespace, INNER["b"], mesh.dir)
            transfer(mesh.left.namespace, mesh.b.namespace, "10.0.0.251", mesh.dir)
    finally:
        mesh.b.namespace.ip("link set eth0 mtu 2000")
        mesh.left.namespace.ip("addr del 10.0.0.251/24 dev br-int")
