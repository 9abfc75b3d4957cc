# SPDX-License-Identifier: Apache-2.0
"""Port security: a guest sends from its own addresses only, and nothing that only a router or DHCP server sends.

         host: sluice-vswitchd, one worker
    br-int: v-a  v-b  v-c
             |    |    |
             a    b    c     namespaces, 10.4.0.1 to .3 and fd00:4::1 to 3; a has a Logical_Port with its addresses
                             and sends raw frames, b and c listen
"""
import itertools

import pytest
from scapy.all import (ARP, BOOTP, DHCP, ICMP, IP, TCP, UDP, DHCP6_Advertise, DHCP6_Solicit, Dot1Q, Ether,
                       ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6ND_RS,
                       ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6, Raw, IPv6ExtHdrDestOpt)

from endpoints import drops, wait_drop
from policed import Guest, change

BROADCAST = "ff:ff:ff:ff:ff:ff"
ALL_NODES_MAC, ALL_NODES = "33:33:00:00:00:01", "ff02::1"
OTHER_MAC = "02:00:00:04:00:99"
MAC = "02:00:00:04:00:01"  # of a
LINK_LOCAL = "fe80::ff:fe04:1"  # RFC 4291 appendix A: the MAC's EUI-64


class Network:
    def __init__(self, lab, host):
        host.add_bridge("br-int")
        self.host = host
        self.a, self.b, self.c = (Guest(lab, host, "br-int", name, n, prefix=4) for n, name in enumerate("abc", 1))
        assert self.a.mac == MAC
        self.sender, self.receiver = self.a.raw(), self.b.raw()
        self.protect()

    def protect(self, *addresses, security="true"):
        change(self.host, "--if-exists lport-del v-a")
        words = " ".join(f"'{pair}'" for pair in addresses or [self.a.addresses()])
        change(self.host, f"lport-add v-a {words}", f"set Logical_Port v-a port_security={security}")

    def refuse(self, frame, reason):
        """The frame is dropped under a reason, and nobody hears of it."""
        mark, frame = marked(frame)
        before = drops(self.host, "v-a", reason)
        self.sender.send(frame)
        wait_drop(self.host, "v-a", reason, before)
        assert self.receiver.waiting(mark) == []

    def allow(self, frame):
        mark, frame = marked(frame)
        self.sender.send(frame)
        assert self.receiver.wait_for(mark) is not None, self.host.appctl("drop/show", "v-a")


NUMBERS = itertools.count(1)


def marked(frame):
    """A copy of a frame that can be known by its last bytes, and those bytes. They are padding to ARP and ND."""
    mark = b"<mark %d>" % next(NUMBERS)
    raw = bytes(frame)
    if frame.haslayer(IP) or frame.haslayer(IPv6):
        network = frame.getlayer(IP) or frame.getlayer(IPv6)
        if isinstance(network.lastlayer(), (UDP, TCP, ICMP, ICMPv6EchoRequest)):
            return mark, bytes(frame / Raw(mark))
    return mark, raw + bytes(max(0, 60 - len(raw))) + mark


@pytest.fixture(scope="module")
def network(lab, host):
    return Network(lab, host)


def ether(src=MAC, dst=BROADCAST):
    return Ether(src=src, dst=dst)


def arp(mac=MAC, ip="10.4.0.1", op=1, src=MAC, target="10.4.0.2"):
    return ether(src) / ARP(op=op, hwsrc=mac, psrc=ip, hwdst="00:00:00:00:00:00", pdst=target)


def v4(src, l4=None):
    return ether() / IP(src=src, dst="10.4.0.2") / (l4 or UDP(sport=1, dport=2))


def v6(src, l4=None, dst=ALL_NODES):
    return ether(dst=ALL_NODES_MAC) / IPv6(src=src, dst=dst, hlim=255) / (l4 or UDP(sport=1, dport=2))


REFUSED = {
    "mac": (ether(OTHER_MAC) / IP(src="10.4.0.1", dst="10.4.0.2") / UDP(), "spoofed_mac"),
    "mac_of_arp": (arp(mac=OTHER_MAC, src=OTHER_MAC), "spoofed_mac"),
    "mac_of_other_ethertype": (Ether(src=OTHER_MAC, dst=BROADCAST, type=0x88b5), "spoofed_mac"),
    "ipv4_udp": (v4("10.4.0.2"), "spoofed_ipv4"),
    "ipv4_tcp": (v4("10.4.0.2", TCP(dport=80, flags="S")), "spoofed_ipv4"),
    "ipv4_icmp": (v4("192.0.2.1", ICMP()), "spoofed_ipv4"),
    "ipv4_zero": (v4("0.0.0.0"), "spoofed_ipv4"),
    "ipv4_fragment": (ether() / IP(src="10.4.0.2", dst="10.4.0.3", frag=100) / Raw(b"x" * 16), "spoofed_ipv4"),
    "ipv6_udp": (v6("fd00:4::2"), "spoofed_ipv6"),
    "ipv6_echo": (v6("fd00:4::2", ICMPv6EchoRequest()), "spoofed_ipv6"),
    "ipv6_other_link_local": (v6("fe80::1"), "spoofed_ipv6"),
    "ipv6_unspecified": (v6("::"), "spoofed_ipv6"),
    "arp_ip": (arp(ip="10.4.0.2"), "spoofed_arp"),
    "arp_reply_ip": (arp(ip="10.4.0.254", op=2), "spoofed_arp"),
    "arp_mac": (arp(mac=OTHER_MAC), "spoofed_arp"),
    "na_target": (v6("fd00:4::1", ICMPv6ND_NA(tgt="fd00:4::2") / ICMPv6NDOptDstLLAddr(lladdr=MAC)), "spoofed_nd"),
    "na_link_address": (v6("fd00:4::1", ICMPv6ND_NA(tgt="fd00:4::1") / ICMPv6NDOptDstLLAddr(lladdr=OTHER_MAC)),
                        "spoofed_nd"),
    "ns_link_address": (v6("fd00:4::1", ICMPv6ND_NS(tgt="fd00:4::2") / ICMPv6NDOptSrcLLAddr(lladdr=OTHER_MAC)),
                        "spoofed_nd"),
    "dad_for_another": (v6("::", ICMPv6ND_NS(tgt="fd00:4::2")), "spoofed_nd"),
    "na_behind_extension": (v6("fd00:4::1", IPv6ExtHdrDestOpt() / ICMPv6ND_NA(tgt="fd00:4::2")), "spoofed_nd"),
    "dhcp_offer": (ether() / IP(src="10.4.0.1", dst="255.255.255.255") / UDP(sport=67, dport=68) / BOOTP(op=2) /
                   DHCP(options=[("message-type", "offer"), "end"]), "guest_dhcp_server"),
    "dhcpv6_advertise": (v6("fd00:4::1", UDP(sport=547, dport=546) / DHCP6_Advertise(), "fe80::5"),
                         "guest_dhcp_server"),
    "router_advertisement": (v6(LINK_LOCAL, ICMPv6ND_RA()), "guest_router"),
    "redirect_v6": (v6(LINK_LOCAL, ICMPv6ND_Redirect(tgt="fe80::1", dst="fd00:4::2")), "guest_router"),
    "redirect_v4": (v4("10.4.0.1", ICMP(type=5, code=1, gw="10.4.0.9") / IP(src="10.4.0.1", dst="10.4.0.2") / UDP()),
                    "guest_router"),
    "arp_of_rarp": (ether() / ARP(op=3, hwsrc=MAC, hwdst=MAC), "spoofed_arp"),
    "arp_probe_for_another": (arp(ip="0.0.0.0"), "spoofed_arp"),  # RFC 5227 2.1.1: it looks like a conflict
    "dad_to_all_nodes": (v6("::", ICMPv6ND_NS(tgt="fd00:4::1")), "spoofed_nd"),  # RFC 4861 7.1.1
    "rarp": (Ether(src=MAC, dst=BROADCAST, type=0x8035) / bytes(ARP(op=3, hwsrc=MAC, hwdst=MAC)),
                       "guest_rarp"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_frame_is_refused_under_its_reason(network, name):
    network.refuse(*REFUSED[name])


ALLOWED = {
    "ipv4": v4("10.4.0.1"),
    "ipv6": v6("fd00:4::1"),
    "ipv6_link_local": v6(LINK_LOCAL),
    "arp": arp(),
    "arp_probe": arp(ip="0.0.0.0", target="10.4.0.1"),
    "ns": v6("fd00:4::1", ICMPv6ND_NS(tgt="fd00:4::2") / ICMPv6NDOptSrcLLAddr(lladdr=MAC)),
    "na": v6("fd00:4::1", ICMPv6ND_NA(tgt="fd00:4::1") / ICMPv6NDOptDstLLAddr(lladdr=MAC)),
    "dad": v6("::", ICMPv6ND_NS(tgt="fd00:4::1"), "ff02::1:ff00:1"),
    "dad_link_local": v6("::", ICMPv6ND_NS(tgt=LINK_LOCAL), "ff02::1:ff04:1"),
    "router_solicitation": v6(LINK_LOCAL, ICMPv6ND_RS()),
    "router_solicitation_unspecified": v6("::", ICMPv6ND_RS()),
    "dhcp_discover": ether() / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67) / BOOTP(op=1) /
    DHCP(options=[("message-type", "discover"), "end"]),
    "dhcp_request": ether() / IP(src="10.4.0.1", dst="255.255.255.255") / UDP(sport=68, dport=67) / BOOTP(op=1) /
    DHCP(options=[("message-type", "request"), "end"]),
    "dhcpv6_solicit": v6(LINK_LOCAL, UDP(sport=546, dport=547) / DHCP6_Solicit(), "ff02::1:2"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_frame_of_the_guest_s_own_passes(network, name):
    network.allow(ALLOWED[name])


@pytest.mark.parametrize("name", ["dhcp_discover", "dhcpv6_solicit", "arp", "ns", "dad", "router_solicitation"])
def test_what_a_guest_cannot_live_without_passes_under_a_group_without_rules(network, name):
    change(network.host, "group-add closed", "lport-set-groups v-a closed")
    try:
        network.allow(ALLOWED[name])
        network.refuse(ALLOWED["ipv4"], "policy_egress")
    finally:
        change(network.host, "lport-set-groups v-a", "group-del closed")


def test_tagged_frames_are_looked_into(network):
    change(network.host, "set Logical_Port v-a enabled=true")
    network.refuse(Ether(src=MAC, dst=BROADCAST) / Dot1Q(vlan=5) / IP(src="10.4.0.2", dst="10.4.0.3") / UDP(),
                   "spoofed_ipv4")


def test_allowed_address_pairs(network):
    try:
        network.protect(f"{MAC} 10.4.0.1 10.9.0.0/24 10.8.0.5/24 fd00:9::/64", f"{OTHER_MAC} 10.4.0.50")
        for source in ("10.4.0.1", "10.9.0.77", "10.8.0.5"):
            network.allow(v4(source))
        for source in ("10.9.1.1", "10.8.0.6", "10.4.0.50"):
            network.refuse(v4(source), "spoofed_ipv4")
        network.allow(v6("fd00:9::77"))
        network.refuse(v6("fd00:4::1"), "spoofed_ipv6")
        network.allow(ether(OTHER_MAC) / IP(src="10.4.0.50", dst="10.4.0.2") / UDP())
        network.refuse(ether(OTHER_MAC) / IP(src="10.4.0.1", dst="10.4.0.2") / UDP(), "spoofed_ipv4")
        network.allow(arp(mac=OTHER_MAC, ip="10.4.0.50", src=OTHER_MAC))
    finally:
        network.protect()


def test_mac_without_addresses_may_use_any(network):
    try:
        network.protect(MAC)
        network.allow(v4("192.0.2.7"))
        network.allow(v6("2001:db8::7"))
        network.allow(arp(ip="192.0.2.7"))
        network.refuse(ether(OTHER_MAC) / IP(src="10.4.0.1", dst="10.4.0.2") / UDP(), "spoofed_mac")
        network.refuse(*REFUSED["router_advertisement"])
        network.refuse(*REFUSED["dhcp_offer"])
    finally:
        network.protect()


@pytest.mark.parametrize("name", ["mac", "ipv4_udp", "ipv6_udp", "arp_ip", "na_target", "dhcp_offer",
                                  "router_advertisement", "rarp"])
def test_nothing_is_refused_without_port_security(network, name):
    network.protect(security="false")
    try:
        network.allow(REFUSED[name][0])
    finally:
        network.protect()


def test_change_of_addresses_reaches_a_known_flow(network):
    network.allow(v4("10.4.0.1"))
    network.protect(f"{MAC} 10.4.0.7")
    network.refuse(v4("10.4.0.1"), "spoofed_ipv4")
    network.allow(v4("10.4.0.7"))
    network.protect()
    network.allow(v4("10.4.0.1"))


def test_spoofed_address_is_not_learned(network):
    network.host.appctl("fdb/flush", "br-int")
    network.refuse(ether(network.c.mac) / IP(src="10.4.0.1", dst="10.4.0.2") / UDP(), "spoofed_mac")
    assert network.c.mac not in network.host.appctl("fdb/show", "br-int")
