# SPDX-License-Identifier: Apache-2.0
"""Nonsense from every side: counted under its name, and nothing else happens.

         host: sluice-vswitchd, one worker
    br-int  v-a  v-b   v-bad      vs, vc (vhost-user)   vx, gn (tunnels)
             |    |      |        |   |
             a    b     bad      front-ends             a pings b without end
    br-phy  172.31.0.1, v-far == far 172.31.0.2         frames made by hand, to the tunnel endpoint
"""
import random
import struct

import pytest

from endpoints import Pinger, Station, VhostEnd, drops, wait_drop
from lab.process import wait_until
from vhost_frontend import BAD_DESCRIPTORS, BAD_MESSAGES, BAD_RINGS, Frontend
from vhost_packed import BAD_PACKED

MARK = b"<hostile>"
SENDER = "02:ba:d0:00:00:01"
LOCAL, REMOTE, STRANGER = "172.31.0.1", "172.31.0.2", "172.31.0.99"
VNI = {"vxlan": 77, "geneve": 78}
UDP_PORT = {"vxlan": 4789, "geneve": 6081}


# Frames by hand -----------------------------------------------------------------------------------------------------


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def address(text):
    return bytes(int(part) for part in text.split("."))


def ethernet(dst, ethertype, payload, src=SENDER):
    return mac(dst) + mac(src) + struct.pack("!H", ethertype) + payload


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) & ~1])) + (data[-1] << 8 if len(data) % 2 else 0)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(protocol, payload, src="10.4.0.9", dst="10.4.0.1", version=4, words=5, total=None, fragment=0, tos=0, bad=0):
    """An IPv4 packet; VERSION, header WORDS, TOTAL length and FRAGMENT field as wrong as one likes."""
    total = 20 + len(payload) if total is None else total
    header = struct.pack("!BBHHHBBH", version << 4 | words, tos, total, 1, fragment, 64, protocol, 0)
    header += address(src) + address(dst)
    return header[:10] + struct.pack("!H", checksum(header) ^ bad) + header[12:] + payload


def ipv6(protocol, payload, version=6, length=None):
    header = struct.pack("!IHBB", version << 28, len(payload) if length is None else length, protocol, 64)
    return header + bytes(15) + b"\x09" + bytes(15) + b"\x01" + payload


def tcp(offset=5, size=20):
    return (struct.pack("!HHIIBBHHH", 1, 2, 0, 0, offset << 4, 2, 100, 0, 0) + MARK)[:max(size, 0)]


def udp(payload, length=None, src=1, dst=2, check=0):
    return struct.pack("!HHHH", src, dst, 8 + len(payload) if length is None else length, check) + payload


def arp(hlen=6, plen=4, size=28):
    return (struct.pack("!HHBBH", 1, 0x0800, hlen, plen, 1) + mac(SENDER) + address("10.4.0.9") + bytes(6) +
            address("10.4.0.1"))[:size]


def hop_by_hop(n, last):
    """N extension headers of 8 bytes."""
    return b"".join(bytes([0 if i < n - 1 else last, 0]) + bytes(6) for i in range(n))


IP, ARP, IP6, VLAN = 0x0800, 0x0806, 0x86dd, 0x8100
# What makes the frame (given the MAC address it goes to), and the reason it must be dropped for.
MALFORMED = {
    "multicast source": (lambda to: ethernet(to, IP, ipv4(17, udp(MARK)), src="01:00:5e:00:00:01"), "bad_source_mac"),
    "broadcast source": (lambda to: ethernet(to, IP, ipv4(17, udp(MARK)), src="ff:ff:ff:ff:ff:ff"), "bad_source_mac"),
    "zero source": (lambda to: ethernet(to, IP, ipv4(17, udp(MARK)), src="00:00:00:00:00:00"), "bad_source_mac"),
    "IPv4 of version 5": (lambda to: ethernet(to, IP, ipv4(17, udp(MARK), version=5)), "ip_header"),
    "IPv4 header cut": (lambda to: ethernet(to, IP, ipv4(17, b"")[:19]), "ip_header"),
    "IPv4 header too short": (lambda to: ethernet(to, IP, ipv4(17, udp(MARK), words=4)), "ip_header"),
    "IPv4 header beyond the packet": (lambda to: ethernet(to, IP, ipv4(17, udp(MARK), words=15)), "ip_header"),
    "IPv4 longer than the frame": (lambda to: ethernet(to, IP, ipv4(17, udp(MARK), total=1000)), "ip_header"),
    "IPv4 shorter than its header": (lambda to: ethernet(to, IP, ipv4(17, udp(MARK), total=19)), "ip_header"),
    "IPv4 without anything": (lambda to: ethernet(to, IP, b""), "ip_header"),
    "IPv6 of version 4": (lambda to: ethernet(to, IP6, ipv6(17, udp(MARK), version=4)), "ip_header"),
    "IPv6 header cut": (lambda to: ethernet(to, IP6, ipv6(17, b"")[:39]), "ip_header"),
    "IPv6 longer than the frame": (lambda to: ethernet(to, IP6, ipv6(17, udp(MARK), length=1000)), "ip_header"),
    "TCP cut": (lambda to: ethernet(to, IP, ipv4(6, tcp(size=19))), "l4_header"),
    "TCP header too short": (lambda to: ethernet(to, IP, ipv4(6, tcp(offset=4))), "l4_header"),
    "TCP header beyond the packet": (lambda to: ethernet(to, IP, ipv4(6, tcp(offset=15))), "l4_header"),
    "TCP in a tiny fragment": (lambda to: ethernet(to, IP, ipv4(6, tcp(size=8), fragment=0x2000)), "l4_header"),
    "TCP fragment over its flags": (lambda to: ethernet(to, IP, ipv4(6, tcp(), fragment=1)), "l4_header"),
    "UDP cut": (lambda to: ethernet(to, IP, ipv4(17, udp(b"")[:7])), "l4_header"),
    "UDP shorter than its header": (lambda to: ethernet(to, IP, ipv4(17, udp(MARK, length=7))), "l4_header"),
    "UDP beyond the packet": (lambda to: ethernet(to, IP, ipv4(17, udp(MARK, length=1000))), "l4_header"),
    "SCTP cut": (lambda to: ethernet(to, IP, ipv4(132, bytes(11))), "l4_header"),
    "ICMP cut": (lambda to: ethernet(to, IP, ipv4(1, b"\x08\x00\x00\x00")), "l4_header"),
    "ICMPv6 cut": (lambda to: ethernet(to, IP6, ipv6(58, b"\x80\x00\x00\x00")), "l4_header"),
    "TCP over IPv6 cut": (lambda to: ethernet(to, IP6, ipv6(6, tcp(size=12))), "l4_header"),
    "ARP without anything": (lambda to: ethernet(to, ARP, b""), "arp_header"),
    "ARP cut": (lambda to: ethernet(to, ARP, arp(size=27)), "arp_header"),
    "ARP with long addresses": (lambda to: ethernet(to, ARP, arp(hlen=200)), "arp_header"),
    "ARP with IPv6 lengths": (lambda to: ethernet(to, ARP, arp(plen=16)), "arp_header"),
    "IPv6 with endless extensions": (lambda to: ethernet(to, IP6, ipv6(0, hop_by_hop(60, 17) + udp(MARK))),
                                     "ipv6_extension"),
    "IPv6 extension beyond the packet": (lambda to: ethernet(to, IP6, ipv6(0, b"\x11\xff" + bytes(6) + MARK)),
                                         "ipv6_extension"),
    "IPv6 fragment header cut": (lambda to: ethernet(to, IP6, ipv6(44, b"\x11\x00\x00")), "ipv6_extension"),
}
# Too short for a raw socket, or for the kernel's own VLAN code: from a guest only.
TRUNCATED = {
    "one byte": lambda to: b"\x02",
    "no Ethertype": lambda to: ethernet(to, IP, b"")[:13],
    "no VLAN tag": lambda to: ethernet(to, VLAN, b""),
    "half a VLAN tag": lambda to: ethernet(to, VLAN, b"\x00\x0a\x08"),
}


# The field ----------------------------------------------------------------------------------------------------------


class Field:
    """Both bridges and all who are at them."""

    def __init__(self, lab, host):
        self.lab, self.host = lab, host
        host.add_bridge("br-int")
        host.add_bridge("br-phy")
        self.a, self.b = (Station(lab, host, "br-int", name, f"10.4.0.{n}/24") for n, name in enumerate("ab", 1))
        self.bad = Station(lab, host, "br-int", "bad")
        self.far = Station(lab, host, "br-phy", "far", f"{REMOTE}/24", mtu=1600)
        host.give_address("br-phy", f"{LOCAL}/24")
        self.vtep = host.namespace.mac("br-phy")
        for name, kind in (("vx", "vxlan"), ("gn", "geneve")):
            host.vsctl("add-port", "br-int", name, "--", "set", "Interface", name, f"type={kind}",
                       f"options:remote_ip={REMOTE}", f"options:key={VNI[kind]}")
        host.vsctl("add-port", "br-int", "vs", "--", "set", "Interface", "vs", "type=dpdkvhostuser", "--",
                   "add-port", "br-int", "vc", "--", "set", "Interface", "vc", "type=dpdkvhostuserclient",
                   f"options:vhost-server-path={host.dir}/vc.sock")
        self.raw_a, self.raw_bad, self.raw_far = self.a.raw(), self.bad.raw(), self.far.raw()
        self.pid = host.daemon.pid

    def path(self, name):
        return str(self.host.run_dir / "vs" if name == "vs" else self.host.dir / "vc.sock")

    def end(self, name="vs"):
        """A well-behaved front-end, connected."""
        one = VhostEnd(self.lab, self.path(name), server=name == "vc")
        self.host.wait_link(name)
        return one

    def check_port(self, name):
        """A new front-end on a port of which an earlier one made nonsense is served as if nothing had been."""
        end = self.end(name)
        mark = b"<good %d>" % random.getrandbits(60)
        own = {"vs": "02:ba:d0:00:00:02", "vc": "02:ba:d0:00:00:03"}[name]
        self.raw_a.waiting()
        try:
            end.send(ethernet(self.a.mac, 0x88b5, mark.ljust(60), src=own))
            assert self.raw_a.wait_for(mark) is not None
            self.raw_a.send(ethernet(own, 0x88b5, mark.ljust(60), src=self.a.mac))
            assert end.wait_for(mark) is not None
        finally:
            end.close()
        self.host.wait_link(name, "down")


@pytest.fixture(scope="module")
def field(lab, host):
    return Field(lab, host)


@pytest.fixture(scope="module", autouse=True)
def undisturbed(field):
    """The pings from a to b go on without loss, and it is the same daemon in the end."""
    with Pinger(field.a, "10.4.0.2") as pinger:
        yield pinger
    assert pinger.lost == 0, f"{pinger.gaps} of {pinger.sent}"
    assert field.host.daemon.running and field.host.daemon.pid == field.pid


@pytest.fixture(autouse=True)
def alive(field, undisturbed):
    yield
    undisturbed.wait_more(2)
    assert int(field.host.daemon.pidfile.read_text()) == field.pid and field.host.daemon.running


@pytest.fixture(scope="module")
def guest(field):
    """A front-end on vs that sends malformed frames by honest descriptors."""
    end = field.end()
    yield end
    end.close()


# Frames -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_frame_of_a_netdev_is_counted(field, what):
    make, reason = MALFORMED[what]
    before = drops(field.host, "v-bad", reason)
    field.raw_bad.send(make(field.a.mac))
    wait_drop(field.host, "v-bad", reason, before)
    assert field.raw_a.waiting(MARK) == []


@pytest.mark.parametrize("what", [*MALFORMED, *TRUNCATED])
def test_malformed_frame_of_a_guest_is_counted(field, guest, what):
    make, reason = MALFORMED.get(what) or (TRUNCATED[what], "truncated")
    before = drops(field.host, "vs", reason)
    guest.send(make(field.a.mac))
    wait_drop(field.host, "vs", reason, before)
    assert field.raw_a.waiting(MARK) == []


@pytest.mark.parametrize("tag", [0, 10, 4095])
def test_malformed_frame_with_a_tag_is_counted(field, guest, tag):
    before = drops(field.host, "vs", "ip_header")
    frame = ethernet(field.a.mac, IP, ipv4(17, udp(MARK), total=1000))
    guest.send(frame[:12] + struct.pack("!HH", VLAN, tag) + frame[12:])
    wait_drop(field.host, "vs", "ip_header", before)


def test_well_formed_rarities_are_forwarded(field, guest):
    """What looks odd but is allowed: refusing it would break somebody."""
    field.raw_a.waiting()
    for frame in (ethernet(field.a.mac, IP, ipv4(17, udp(MARK)) + b"trailer"),
                  ethernet(field.a.mac, IP, ipv4(200, MARK)),
                  ethernet(field.a.mac, IP6, ipv6(0, hop_by_hop(2, 17) + udp(MARK))),
                  ethernet(field.a.mac, IP6, ipv6(59, MARK)),
                  ethernet(field.a.mac, IP, ipv4(17, MARK, fragment=100)),
                  ethernet(field.a.mac, 0x88b5, MARK),
                  ethernet(field.a.mac, 0x0040, MARK)):
        guest.send(frame)
        assert field.raw_a.wait_for(MARK) == frame


def scramble(rng, frame):
    """A frame with some bytes changed, and sometimes cut or stretched."""
    bytes_ = bytearray(frame)
    for _ in range(rng.randrange(1, 6)):
        bytes_[rng.randrange(12, len(bytes_))] = rng.randrange(256)
    return bytes(bytes_[:rng.randrange(14, len(bytes_) + 1)] if rng.random() < 0.3 else bytes_)


def test_random_frames_do_no_harm(field, guest, undisturbed):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    seeds = [make(field.a.mac) for make, _ in MALFORMED.values()]
    seeds += [outer(field, kind, tunnel(kind, inner(field))) for kind in VNI]
    for _ in range(1500):
        frame = scramble(rng, rng.choice([frame for frame in seeds if len(frame) > 14]))
        guest.send(frame)
        field.raw_bad.send(frame)
        field.raw_far.send(mac(field.vtep) + frame[6:])
    undisturbed.wait_more(5)
    field.raw_a.waiting()
    frame = ethernet(field.a.mac, 0x88b5, MARK + b"last")
    guest.send(frame)
    assert field.raw_a.wait_for(frame) == frame


def test_random_frames_of_a_policed_guest_do_no_harm(field, guest, undisturbed):
    """Port security, sessions and rules see what the parser lets through."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    field.host.sluice_vsctl("group-add", "g", "--", "rule-add", "g", "direction=egress", "--", "rule-add", "g",
                            "direction=ingress")
    field.host.sluice_vsctl("lport-add", "vs", f"{SENDER} 10.4.0.9", "--", "lport-set-groups", "vs", "g")
    seeds = [make(field.a.mac) for make, _ in MALFORMED.values()]
    seeds += [ethernet(field.a.mac, IP, ipv4(protocol, payload + MARK)) for protocol, payload in
              ((6, tcp()), (17, udp(MARK)), (1, b"\x08\0\0\0" + bytes(4)), (1, b"\x03\1\0\0" + bytes(4) +
               ipv4(17, udp(b""), src="10.4.0.1", dst="10.4.0.9")))]
    try:
        for _ in range(1500):
            guest.send(scramble(rng, rng.choice([frame for frame in seeds if len(frame) > 14])))
        undisturbed.wait_more(5)
        field.raw_a.waiting()
        frame = ethernet(field.a.mac, IP, ipv4(17, udp(MARK + b"last", dst=rng.randrange(1 << 16))))
        guest.send(frame)
        assert field.raw_a.wait_for(MARK + b"last") == frame
    finally:
        field.host.sluice_vsctl("lport-del", "vs", "--", "group-del", "g")


# Tunnels ------------------------------------------------------------------------------------------------------------


def inner(field, tos=0):
    return ethernet(field.a.mac, IP, ipv4(17, udp(MARK), tos=tos))


def vxlan(frame, vni, flags=8):
    return struct.pack("!BBHI", flags, 0, 0, vni << 8) + frame


def geneve(frame, vni, version=0, words=0, flags=0, protocol=0x6558, options=b""):
    return struct.pack("!BBHI", version << 6 | words, flags, protocol, vni << 8) + options + frame


def tunnel(kind, frame, vni=None):
    return (vxlan if kind == "vxlan" else geneve)(frame, VNI[kind] if vni is None else vni)


def outer(field, kind, payload, udp_length=None, check=0, **changes):
    segment = udp(payload, length=udp_length, src=50000, dst=UDP_PORT[kind], check=check)
    return ethernet(field.vtep, IP, ipv4(17, segment, **{"src": REMOTE, "dst": LOCAL, **changes}), src=field.far.mac)


BOTH = {
    "unknown VNI": (lambda f, k: outer(f, k, tunnel(k, inner(f), vni=0xabcdef)), "tunnel_unknown_vni"),
    "VNI of the other kind": (lambda f, k: outer(f, k, tunnel(k, inner(f), vni=155 - VNI[k])), "tunnel_unknown_vni"),
    "unknown VTEP": (lambda f, k: outer(f, k, tunnel(k, inner(f)), src=STRANGER), "tunnel_unknown_vtep"),
    "header cut": (lambda f, k: outer(f, k, tunnel(k, b"")[:7]), "tunnel_header"),
    "nothing": (lambda f, k: outer(f, k, b""), "tunnel_header"),
    "no inner frame": (lambda f, k: outer(f, k, tunnel(k, b"")), "tunnel_header"),
    "inner frame cut": (lambda f, k: outer(f, k, tunnel(k, inner(f)[:13])), "tunnel_header"),
    "UDP shorter than its header": (lambda f, k: outer(f, k, tunnel(k, inner(f)), udp_length=7), "tunnel_header"),
    "UDP shorter than the packet": (lambda f, k: outer(f, k, tunnel(k, inner(f)), udp_length=30), "tunnel_header"),
    "UDP beyond the packet": (lambda f, k: outer(f, k, tunnel(k, inner(f)), udp_length=2000), "tunnel_header"),
    "IP beyond the frame": (lambda f, k: outer(f, k, tunnel(k, inner(f)), total=3000), "tunnel_header"),
    "IP shorter than UDP": (lambda f, k: outer(f, k, tunnel(k, inner(f)), total=30), "tunnel_header"),
    "first fragment": (lambda f, k: outer(f, k, tunnel(k, inner(f)), fragment=0x2000), "tunnel_header"),
    "IP checksum wrong": (lambda f, k: outer(f, k, tunnel(k, inner(f)), bad=0x1234), "tunnel_checksum"),
    "UDP checksum wrong": (lambda f, k: outer(f, k, tunnel(k, inner(f)), check=0x1234), "tunnel_checksum"),
    "congestion an inner packet cannot carry": (lambda f, k: outer(f, k, tunnel(k, inner(f)), tos=3), "tunnel_ecn"),
    "inner IP malformed": (lambda f, k: outer(f, k, tunnel(k, ethernet(f.a.mac, IP, ipv4(17, udp(MARK), total=999)))),
                           "ip_header"),
    "inner source multicast": (lambda f, k: outer(f, k, tunnel(k, ethernet(f.a.mac, IP, b"", "01:00:5e:00:00:01"))),
                               "bad_source_mac"),
}
ONE = {
    "VXLAN without a VNI": ("vxlan", lambda f: vxlan(inner(f), 77, flags=0), "tunnel_header"),
    "GENEVE of version 1": ("geneve", lambda f: geneve(inner(f), 78, version=1), "tunnel_header"),
    "GENEVE options beyond the packet": ("geneve", lambda f: geneve(inner(f), 78, words=63), "tunnel_header"),
    "GENEVE option beyond the options": ("geneve", lambda f: geneve(inner(f), 78, words=1, options=b"\0\0\0\x1f"),
                                         "tunnel_header"),
    "GENEVE of another protocol": ("geneve", lambda f: geneve(inner(f), 78, protocol=0x0800), "tunnel_header"),
    "GENEVE control packet": ("geneve", lambda f: geneve(inner(f), 78, flags=0x80), "tunnel_option"),
    "GENEVE with a critical flag": ("geneve", lambda f: geneve(inner(f), 78, flags=0x40), "tunnel_option"),
    "GENEVE with a critical option": ("geneve", lambda f: geneve(inner(f), 78, words=1, options=b"\0\0\x80\0"),
                                      "tunnel_option"),
}


def check_valid(field, kind):
    field.raw_a.waiting()
    field.raw_far.send(outer(field, kind, tunnel(kind, inner(field))))
    assert field.raw_a.wait_for(MARK) == inner(field)


def check_refused(field, frame, reason, port="v-far"):
    field.raw_a.waiting()
    before = drops(field.host, port, reason)
    field.raw_far.send(frame)
    wait_drop(field.host, port, reason, before)
    assert field.raw_a.waiting(MARK) == []


@pytest.mark.parametrize("kind", VNI)
@pytest.mark.parametrize("what", BOTH)
def test_tunnel_packet_is_refused(field, kind, what):
    make, reason = BOTH[what]
    # What is wrong inside is the tunnel's, what is wrong outside the underlay port's.
    inside = reason in ("ip_header", "bad_source_mac")
    check_refused(field, make(field, kind), reason, {"vxlan": "vx", "geneve": "gn"}[kind] if inside else "v-far")
    check_valid(field, kind)


@pytest.mark.parametrize("what", ONE)
def test_tunnel_packet_of_its_kind_is_refused(field, what):
    kind, make, reason = ONE[what]
    check_refused(field, outer(field, kind, make(field)), reason)
    check_valid(field, kind)


def test_options_nobody_need_understand_are_skipped(field):
    field.raw_a.waiting()
    field.raw_far.send(outer(field, "geneve", geneve(inner(field), 78, words=3, options=b"\1\2\3\2" + bytes(8))))
    assert field.raw_a.wait_for(MARK) == inner(field)


def test_guest_cannot_inject_tunnel_packets(field):
    """The same frame from a port of br-int is a frame like any other: no decapsulation there."""
    field.raw_a.waiting()
    frame = outer(field, "vxlan", tunnel("vxlan", inner(field)))
    field.raw_bad.send(frame)
    assert field.raw_a.wait_for(MARK) == frame  # flooded on br-int, to whose ports the endpoint's address is unknown
    assert drops(field.host, "v-bad", "tunnel_unknown_vtep") == 0


# What they hand over can be read and written after all.
HARMLESS = ("rx_available_jump",)

# Descriptors --------------------------------------------------------------------------------------------------------


def post_bad_descriptors(field, guest, kind, packed):
    guest.close()
    hostile = Frontend(field.path("vs"), packed=packed)
    try:
        field.host.wait_link("vs")
        reason = "tx_queue_full" if kind.startswith("rx_") else "rx_descriptor"
        before = drops(field.host, "vs", reason)
        for _ in range(5):
            hostile.post_bad_descriptor(kind)
        if kind in HARMLESS:
            return
        if kind.startswith("rx_"):
            for _ in range(5):
                field.raw_bad.send(ethernet("ff:ff:ff:ff:ff:ff", 0x88b5, MARK.ljust(60)))
        wait_until(lambda: drops(field.host, "vs", reason) > before, 10, f"count of {kind}", [field.host.daemon.log])
    finally:
        hostile.close()
        field.host.wait_link("vs", "down")
        field.check_port("vs")


@pytest.mark.parametrize("kind", BAD_DESCRIPTORS)
def test_bad_descriptors_of_a_guest(field, guest, kind):
    post_bad_descriptors(field, guest, kind, packed=False)


@pytest.mark.parametrize("kind", BAD_PACKED)
def test_bad_descriptors_of_a_guest_with_packed_rings(field, guest, kind):
    post_bad_descriptors(field, guest, kind, packed=True)


@pytest.mark.parametrize("kind", BAD_RINGS)
def test_rings_where_none_can_be(field, guest, kind):
    guest.close()
    with Frontend(field.path("vs")) as hostile:
        hostile.post_bad_ring(kind)
    field.check_port("vs")


@pytest.mark.parametrize("port", ["vs", "vc"])
@pytest.mark.parametrize("kind", BAD_MESSAGES)
def test_broken_protocol(field, guest, kind, port):
    guest.close()
    with Frontend(field.path(port), server=port == "vc") as hostile:
        hostile.send_bad_message(kind)
    field.check_port(port)


@pytest.mark.parametrize("port", ["vs", "vc"])
def test_front_end_that_dies_in_mid_burst(field, guest, port):
    guest.close()
    for _ in range(3):
        hostile = Frontend(field.path(port), server=port == "vc")
        field.host.wait_link(port)
        hostile.die_in_mid_burst()
        field.host.wait_link(port, "down")
    field.check_port(port)


def test_guest_that_takes_nothing_gets_no_more(field, guest, undisturbed):
    guest.close()
    lazy = Frontend(field.path("vs"))
    try:
        field.host.wait_link("vs")
        before = drops(field.host, "vs", "tx_queue_full")
        for _ in range(400):  # its ring has room for 256
            field.raw_bad.send(ethernet("ff:ff:ff:ff:ff:ff", 0x88b5, MARK.ljust(60)))
        wait_until(lambda: drops(field.host, "vs", "tx_queue_full") >= before + 100, 10, "a full queue")
        undisturbed.wait_more(5)
    finally:
        lazy.close()
        field.host.wait_link("vs", "down")
        field.check_port("vs")


def test_drops_are_in_the_statistics_too(field):
    def dropped():
        text = field.host.vsctl("get", "Interface", "v-bad", "statistics")
        return {key.strip(): int(value) for key, value in
                (pair.split("=") for pair in text.strip("{}").split(","))}

    wait_until(lambda: dropped().get("drop_ip_header") == drops(field.host, "v-bad", "ip_header"), 15,
               "statistics of drops")
    assert dropped()["rx_dropped"] >= dropped()["drop_ip_header"] + dropped()["drop_l4_header"]
