# SPDX-License-Identifier: Apache-2.0
"""Security groups as OpenStack documents them: a test per sentence, each in our own words in the test's docstring.
Sources, by the letters that docstrings begin with:

    I  Networking service, administrator's guide, "OpenStack Networking", section "Security groups"
    A  Networking API v2 reference, "Security groups" and "Security group rules"
    P  Networking API v2 reference, "Ports" (allowed address pairs, port security)
    L  Networking API v2 reference, attribute "stateful" of a security group
    N  notes on security groups in the documentation of gophercloud (networking/v2/extensions/security)
    S  not from there: what follows from "the rules that there are decide" when rules change, as Sluice promises it

         host: sluice-vswitchd, two workers
    br-int: v-a  v-b  v-c  v-d  (VLAN 0)       v-e  v-f (VLAN 20)
             |    |    |    |                   |    |
             a    b    c    d                   e    f    namespaces, 10.3.0.1 to .4 and fd00:3::1 to 4;
                                                          e and f have the addresses of a and b
"""
import itertools

import pytest
from scapy.all import (ARP, BOOTP, DHCP, IP, SCTP, UDP, DHCP6_Advertise, DHCP6_Solicit, Ether, ICMPv6MLReport2,
                       ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr,
                       IPv6, IPv6ExtHdrHopByHop, Raw, RouterAlert)
from scapy.layers.sctp import SCTPChunkInit

from cloud import (FAMILIES, all_guests, allow_tcp, allow_udp, cloud, host, refuse_ping, refuse_tcp,  # noqa: F401
                   refuse_udp, send_udp, warm)
from endpoints import drops, wait_drop
from lab.process import LabError, wait_until
from policed import Connection, sessions, waiting

BROADCAST = "ff:ff:ff:ff:ff:ff"
NUMBERS = itertools.count(1)
ETHERTYPES = {"v4": "IPv4", "v6": "IPv6"}
EGRESS = [f"direction=egress ethertype={kind}" for kind in ETHERTYPES.values()]


def add_group(name, *rules):
    """The commands that make a group."""
    return [f"group-add {name}", *(f"rule-add {name} {rule}" for rule in rules)]


def add_default(name="default"):
    """The group of a project that nobody changed."""
    return add_group(name, *EGRESS, *(f"direction=ingress ethertype={kind} remote_group={name}"
                                      for kind in ETHERTYPES.values()))


def put(guests, *groups):
    """The commands that give guests their groups."""
    return [f"lport-set-groups {guest.port} {' '.join(groups)}" for guest in guests]


def members(cloud, *guests):
    """Guests in an unchanged default group, who know each other's link addresses."""
    warm(cloud.a, cloud.b, cloud.c)
    cloud.change(*add_default(), *put(guests, "default"))


# The default group --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_members_of_the_default_group_talk_to_each_other(cloud, family):
    """N: members of a project's default group may reach each other, as its ingress rules name the group itself."""
    members(cloud, cloud.a, cloud.b)
    for source, destination in ((cloud.a, cloud.b), (cloud.b, cloud.a)):
        allow_tcp(source, destination, 80, getattr(destination, family))
        allow_udp(source, destination, 53, getattr(destination, family))
        assert source.echo_once(getattr(destination, family))


@pytest.mark.parametrize("family", FAMILIES)
def test_default_group_denies_ingress_from_others(cloud, family):
    """I: the default group denies all other ingress."""
    members(cloud, cloud.a, cloud.b)
    address = getattr(cloud.b, family)
    refuse_tcp(cloud, cloud.c, cloud.b, 80, address=address)
    refuse_udp(cloud, cloud.c, cloud.b, 53, address=address)
    refuse_ping(cloud, cloud.c, address)


@pytest.mark.parametrize("family", FAMILIES)
def test_default_group_allows_all_egress(cloud, family):
    """I: the default group allows all egress, and what comes back."""
    members(cloud, cloud.a, cloud.b)
    address = getattr(cloud.c, family)
    allow_tcp(cloud.a, cloud.c, 80, address)
    allow_udp(cloud.a, cloud.c, 53, address)
    assert cloud.a.echo_once(address)


def test_new_group_allows_egress_of_both_ethertypes_and_no_ingress(cloud):
    """A: a group is created with a rule for each ethertype that lets everything out."""
    warm(cloud.a, cloud.b)
    cloud.change(*add_group("new", *EGRESS), *put([cloud.b], "new"))
    for family in FAMILIES:
        allow_udp(cloud.b, cloud.a, 53, getattr(cloud.a, family))
        refuse_udp(cloud, cloud.a, cloud.b, 53, address=getattr(cloud.b, family))


# Rules --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_without_a_rule_nothing_passes(cloud, family):
    """I: the policy is to deny; rules can only allow."""
    warm(cloud.a, cloud.b)
    cloud.change(*add_group("empty"), *put([cloud.b], "empty"))
    refuse_tcp(cloud, cloud.a, cloud.b, 80, address=getattr(cloud.b, family))
    refuse_tcp(cloud, cloud.b, cloud.a, 80, "policy_egress", address=getattr(cloud.a, family))


def test_rules_of_all_groups_of_a_port_add_up(cloud):
    """I: a port can have several groups, whose rules add up."""
    warm(cloud.a, cloud.b)
    cloud.change(*add_group("web", "direction=ingress protocol=tcp port_min=80"),
                 *add_group("dns", "direction=ingress protocol=udp port_min=53"), *put([cloud.b], "web", "dns"))
    allow_tcp(cloud.a, cloud.b, 80)
    allow_udp(cloud.a, cloud.b, 53)
    refuse_tcp(cloud, cloud.a, cloud.b, 81)
    cloud.change(*put([cloud.b], "web"))
    refuse_udp(cloud, cloud.a, cloud.b, 53)


@pytest.mark.parametrize("family", FAMILIES)
def test_replies_need_no_rule(cloud, family):
    """I: rules are stateful: to allow TCP port 22 in is to allow the answers out."""
    warm(cloud.a, cloud.b)
    cloud.change(*add_group("ssh", "direction=ingress protocol=tcp port_min=22"), *put([cloud.b], "ssh"))
    allow_tcp(cloud.a, cloud.b, 22, getattr(cloud.b, family))
    refuse_tcp(cloud, cloud.b, cloud.a, 22, "policy_egress", address=getattr(cloud.a, family))


@pytest.mark.parametrize("family", FAMILIES)
def test_errors_of_an_allowed_connection_need_no_rule(cloud, family):
    """I: ICMP errors that concern an allowed connection pass too."""
    address = getattr(cloud.b, family)
    warm(cloud.a, cloud.b)
    cloud.change(*add_group("asker", *EGRESS), *add_group("answerer", "direction=ingress protocol=udp"),
                 *put([cloud.a], "asker"), *put([cloud.b], "answerer"))
    with cloud.a.udp(0, cloud.a.address_like(address)) as client:
        client.connect((address, 9))
        client.send(b"anybody?")
        with pytest.raises(ConnectionRefusedError):
            client.recv(8)


@pytest.mark.parametrize("family", FAMILIES)
def test_rule_is_of_one_ethertype(cloud, family):
    """A: a rule is for IPv4 or for IPv6, and says nothing of the other."""
    foreign = {"v4": "v6", "v6": "v4"}[family]
    warm(cloud.a, cloud.b)
    cloud.change(*add_group("g", f"direction=ingress ethertype={ETHERTYPES[family]} protocol=udp"),
                 *put([cloud.b], "g"))
    allow_udp(cloud.a, cloud.b, 53, getattr(cloud.b, family))
    refuse_udp(cloud, cloud.a, cloud.b, 53, address=getattr(cloud.b, foreign))


@pytest.mark.parametrize("name,number", [("tcp", 6), ("udp", 17), ("icmp", 1), ("icmpv6", 58), ("sctp", 132),
                                         ("udplite", 136), ("gre", 47), ("esp", 50), ("ah", 51), ("vrrp", 112)])
@pytest.mark.parametrize("by_name", [True, False], ids=["name", "number"])
def test_protocol_is_a_name_or_a_number(cloud, name, number, by_name):
    """A: the protocol of a rule is one of the names or an IP protocol number, and other protocols do not match."""
    warm(cloud.a, cloud.b)
    cloud.change(*add_group("g", f"direction=ingress protocol={name if by_name else number}"), *put([cloud.b], "g"))
    sender, receiver = cloud.a.raw(), cloud.b.raw()
    packet = (IPv6(src=cloud.a.v6, dst=cloud.b.v6, nh=number) if name == "icmpv6" else
              IP(src=cloud.a.v4, dst=cloud.b.v4, proto=number))
    # Ports, or type and code of an echo request; a length for UDP, a SYN for TCP, an INIT for SCTP.
    mark = b"<%d>" % next(NUMBERS)
    start = bytes([8, 0]) if number == 1 else bytes([128, 0]) if number == 58 else b"\x10\0"
    if number == 132:
        text = bytes(SCTP(sport=4096, dport=53) / SCTPChunkInit(init_tag=7)) + mark
    else:
        text = start + b"\0\x35" + bytes([0, 20 + len(mark)]) + bytes(6) + b"\x50\x02" + bytes(6) + mark
    sender.send(Ether(src=cloud.a.mac, dst=cloud.b.mac) / packet / Raw(text))
    assert receiver.wait_for(mark) is not None, cloud.host.appctl("drop/show", "v-a")
    before = drops(cloud.host, "v-a", "policy_ingress")
    sender.send(Ether(src=cloud.a.mac, dst=cloud.b.mac) / IP(src=cloud.a.v4, dst=cloud.b.v4, proto=99) / Raw(text))
    wait_drop(cloud.host, "v-a", "policy_ingress", before)
    sender.close()
    receiver.close()


@pytest.mark.parametrize("allow,refuse,protocol", [(allow_tcp, refuse_tcp, "tcp"), (allow_udp, refuse_udp, "udp")])
def test_ports_are_a_range_with_its_ends(cloud, allow, refuse, protocol):
    """A: the smallest and the largest port of a rule are both part of the range, which is of destination ports."""
    warm(cloud.a, cloud.b)
    cloud.change(*add_group("g", f"direction=ingress protocol={protocol} port_min=1000 port_max=1002"),
                 *put([cloud.b], "g"))
    for port in (1000, 1001, 1002):
        allow(cloud.a, cloud.b, port)
    for port in (999, 1003):
        refuse(cloud, cloud.a, cloud.b, port)
    before = drops(cloud.host, "v-a", "policy_ingress")
    send_udp(cloud.a, cloud.b, 2000, sport=1001)
    wait_drop(cloud.host, "v-a", "policy_ingress", before)


@pytest.mark.parametrize("family,protocol,request_type", [("v4", "icmp", 8), ("v6", "icmpv6", 128)])
def test_icmp_has_type_and_code_in_place_of_ports(cloud, family, protocol, request_type):
    """A: for ICMP a rule gives a type and may give a code."""
    address = getattr(cloud.b, family)
    warm(cloud.a, cloud.b)
    cloud.change(*add_group("g", f"name=r direction=ingress protocol={protocol} icmp_type={request_type} icmp_code=0"),
                 *put([cloud.b], "g"))
    assert cloud.a.echo_once(address)
    cloud.change("rule-del g r", f"rule-add g name=r direction=ingress protocol={protocol} icmp_type={request_type} "
                 "icmp_code=1")
    cloud.host.appctl("dpctl/flush-conntrack")
    refuse_ping(cloud, cloud.a, address)
    cloud.change("rule-del g r", f"rule-add g name=r direction=ingress protocol={protocol} icmp_type=13")
    refuse_ping(cloud, cloud.a, address)


@pytest.mark.parametrize("family,inside,outside", [("v4", "10.3.0.0/31", "10.3.1.0/24"),
                                                   ("v6", "fd00:3::/127", "fd00:4::/64")])
def test_remote_prefix_is_the_other_side(cloud, family, inside, outside):
    """A: a rule's remote prefix matches the source of what comes in and the destination of what goes out."""
    a, b = getattr(cloud.a, family), getattr(cloud.b, family)
    warm(cloud.a, cloud.b, cloud.c)
    cloud.change(*add_group("g", f"direction=ingress protocol=udp remote_cidr={inside}",
                            f"direction=egress protocol=udp remote_cidr={inside}",
                            f"direction=ingress protocol=tcp remote_cidr={outside}"), *put([cloud.b], "g"))
    allow_udp(cloud.a, cloud.b, 53, b)
    allow_udp(cloud.b, cloud.a, 53, a)
    refuse_udp(cloud, cloud.c, cloud.b, 53, address=b)
    refuse_udp(cloud, cloud.b, cloud.c, 53, "policy_egress", address=getattr(cloud.c, family))
    refuse_tcp(cloud, cloud.a, cloud.b, 80, address=b)


# Groups that change -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_remote_group_includes_ports_that_join_later(cloud, family):
    """S: a remote group stands for the addresses of the ports that are in it now, not when it was written."""
    address = getattr(cloud.b, family)
    warm(cloud.a, cloud.b, cloud.c)
    cloud.change(*add_group("clients", *EGRESS), *add_group("g", "direction=ingress protocol=tcp remote_group=clients"),
                 *put([cloud.b], "g"))
    refuse_tcp(cloud, cloud.a, cloud.b, 80, address=address)
    cloud.change(*put([cloud.a], "clients"))
    allow_tcp(cloud.a, cloud.b, 80, address)
    cloud.change(*put([cloud.c], "clients"))
    allow_tcp(cloud.c, cloud.b, 80, address)


def test_remote_group_includes_addresses_that_are_added_later(cloud):
    """S: an allowed address pair belongs to the port, and so to the groups of the port."""
    warm(cloud.a, cloud.b)
    cloud.change(*add_group("clients", *EGRESS), *add_group("g", "direction=ingress protocol=udp remote_group=clients"),
                 *put([cloud.a], "clients"), *put([cloud.b], "g"))
    cloud.a.namespace.ip("addr add 10.3.0.77/24 dev eth0")
    try:
        with cloud.b.udp(53) as server, cloud.a.udp(0, "10.3.0.77") as client:
            before = drops(cloud.host, "v-a", "spoofed_ipv4")
            client.sendto(b"early", (cloud.b.v4, 53))
            wait_drop(cloud.host, "v-a", "spoofed_ipv4", before)
            cloud.change(f"lport-set-addresses v-a '{cloud.a.addresses()} 10.3.0.77'")
            client.sendto(b"late", (cloud.b.v4, 53))
            assert server.recvfrom(8)[0] == b"late"
    finally:
        cloud.a.namespace.ip("addr del 10.3.0.77/24 dev eth0")
        cloud.change(f"lport-set-addresses v-a '{cloud.a.addresses()}'")


def cut(cloud, one):
    """A packet of the client is cut."""
    before = drops(cloud.host, "v-a", "policy_cut")
    one.client.send(b"late")
    wait_until(lambda: drops(cloud.host, "v-a", "policy_cut") > before, 10, "cut of the connection")
    assert not waiting(one.server)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("change", ["rule-del web r", "lport-set-groups v-b other", "lport-set-groups v-a other"],
                         ids=["rule_removed", "server_taken_out", "client_taken_out"])
def test_what_is_no_longer_allowed_is_cut_while_open(cloud, family, change):
    """S: changes of rules and of membership concern the connections that are open."""
    warm(cloud.a, cloud.b)
    cloud.change(*add_group("clients", *EGRESS), *add_group("other", *EGRESS),
                 *add_group("web", "name=r direction=ingress protocol=tcp port_min=80 remote_group=clients"),
                 *put([cloud.a], "clients"), *put([cloud.b], "web"))
    with Connection(cloud.a, cloud.b, 80, getattr(cloud.b, family)) as one:
        one.exchange()
        cloud.change(change)
        cut(cloud, one)


def test_group_in_use_cannot_be_deleted(cloud):
    """A: a group is deleted with its rules, but not while a port has it."""
    cloud.change(*add_group("g", "direction=ingress"), *put([cloud.b], "g"))
    with pytest.raises(LabError):
        cloud.change("group-del g")
    cloud.change("lport-set-groups v-b", "group-del g")


# What always passes, and what never does ----------------------------------------------------------------------------


def from_b(cloud, *layers, dst=BROADCAST):
    frame = Ether(src=cloud.b.mac, dst=dst)
    for layer in layers:
        frame /= layer
    return frame


def link_local(guest):
    octets = [int(octet, 16) for octet in guest.mac.split(":")]
    return f"fe80::{octets[0] ^ 2:x}{octets[1]:02x}:{octets[2]:02x}ff:fe{octets[3]:02x}:{octets[4]:02x}{octets[5]:02x}"


OUTGOING = {
    "dhcp_discover": lambda c: from_b(c, IP(src="0.0.0.0", dst="255.255.255.255"), UDP(sport=68, dport=67), BOOTP(op=1),
                                      DHCP(options=[("message-type", "discover"), "end"])),
    "dhcp_request": lambda c: from_b(c, IP(src="0.0.0.0", dst="255.255.255.255"), UDP(sport=68, dport=67), BOOTP(op=1),
                                     DHCP(options=[("message-type", "request"), "end"])),
    "dhcpv6_solicit": lambda c: from_b(c, IPv6(src=link_local(c.b), dst="ff02::1:2"), UDP(sport=546, dport=547),
                                       DHCP6_Solicit(), dst="33:33:00:01:00:02"),
    "arp_request": lambda c: from_b(c, ARP(hwsrc=c.b.mac, psrc=c.b.v4, pdst=c.a.v4)),
    "neighbour_solicitation": lambda c: from_b(c, IPv6(src=c.b.v6, dst="ff02::1:ff00:1", hlim=255),
                                               ICMPv6ND_NS(tgt=c.a.v6), ICMPv6NDOptSrcLLAddr(lladdr=c.b.mac),
                                               dst="33:33:ff:00:00:01"),
    "neighbour_advertisement": lambda c: from_b(c, IPv6(src=c.b.v6, dst="ff02::1", hlim=255), ICMPv6ND_NA(tgt=c.b.v6),
                                                ICMPv6NDOptDstLLAddr(lladdr=c.b.mac), dst="33:33:00:00:00:01"),
    "duplicate_address_detection": lambda c: from_b(c, IPv6(src="::", dst="ff02::1:ff00:2", hlim=255),
                                                    ICMPv6ND_NS(tgt=c.b.v6), dst="33:33:ff:00:00:02"),
    "router_solicitation": lambda c: from_b(c, IPv6(src=link_local(c.b), dst="ff02::2", hlim=255), ICMPv6ND_RS(),
                                            dst="33:33:00:00:00:02"),
    "mld_report": lambda c: from_b(c, IPv6(src=link_local(c.b), dst="ff02::16", hlim=1),
                                   IPv6ExtHdrHopByHop(options=[RouterAlert()]), ICMPv6MLReport2(),
                                   dst="33:33:00:00:00:16"),
}
INCOMING = {
    "dhcp_offer": lambda c: Ether(src=c.c.mac, dst=c.b.mac) / IP(src=c.c.v4, dst=c.b.v4) / UDP(sport=67, dport=68) /
    BOOTP(op=2) / DHCP(options=[("message-type", "offer"), "end"]),
    "dhcpv6_advertise": lambda c: Ether(src=c.c.mac, dst=c.b.mac) / IPv6(src=link_local(c.c), dst=link_local(c.b)) /
    UDP(sport=547, dport=546) / DHCP6_Advertise(),
    "router_advertisement": lambda c: Ether(src=c.c.mac, dst="33:33:00:00:00:01") /
    IPv6(src=link_local(c.c), dst="ff02::1", hlim=255) / ICMPv6ND_RA(),
    "neighbour_solicitation": lambda c: Ether(src=c.c.mac, dst=c.b.mac) / IPv6(src=c.c.v6, dst=c.b.v6, hlim=255) /
    ICMPv6ND_NS(tgt=c.b.v6),
    "arp_request": lambda c: Ether(src=c.c.mac, dst=BROADCAST) / ARP(hwsrc=c.c.mac, psrc=c.c.v4, pdst=c.b.v4),
}
FORBIDDEN = {
    "dhcp_offer": (lambda c: from_b(c, IP(src=c.b.v4, dst="255.255.255.255"), UDP(sport=67, dport=68), BOOTP(op=2),
                                    DHCP(options=[("message-type", "offer"), "end"])), "guest_dhcp_server"),
    "dhcpv6_advertise": (lambda c: from_b(c, IPv6(src=link_local(c.b), dst=link_local(c.c)), UDP(sport=547, dport=546),
                                          DHCP6_Advertise(), dst=c.c.mac), "guest_dhcp_server"),
    "router_advertisement": (lambda c: from_b(c, IPv6(src=link_local(c.b), dst="ff02::1", hlim=255), ICMPv6ND_RA(),
                                              dst="33:33:00:00:00:01"), "guest_router"),
    "foreign_mac": (lambda c: Ether(src=c.d.mac, dst=c.c.mac) / IP(src=c.b.v4, dst=c.c.v4) / UDP(), "spoofed_mac"),
    "foreign_ipv4": (lambda c: from_b(c, IP(src=c.d.v4, dst=c.c.v4), UDP(), dst=c.c.mac), "spoofed_ipv4"),
    "foreign_ipv6": (lambda c: from_b(c, IPv6(src=c.d.v6, dst=c.c.v6), UDP(), dst=c.c.mac), "spoofed_ipv6"),
    "foreign_arp": (lambda c: from_b(c, ARP(hwsrc=c.b.mac, psrc=c.d.v4, pdst=c.c.v4)), "spoofed_arp"),
    "foreign_neighbour": (lambda c: from_b(c, IPv6(src=c.b.v6, dst="ff02::1", hlim=255), ICMPv6ND_NA(tgt=c.d.v6),
                                           dst="33:33:00:00:00:01"), "spoofed_nd"),
}


def comes_through(sender, receiver, frame):
    """Whether a frame, known by what is padded to its end, is received; one that the switch drops is seen by nobody."""
    mark = b"<neutron %d>" % next(NUMBERS)
    sender.send(bytes(frame) + bytes(max(0, 60 - len(frame))) + mark)
    return receiver.wait_for(mark, 5) is not None


@pytest.fixture
def closed(cloud):
    """b in a group without rules, with raw sockets at b and at c: cloud, socket of b, socket of c."""
    warm(cloud.b, cloud.c)
    cloud.change(*add_group("empty"), *put([cloud.b], "empty"), "set Logical_Port v-c port_security=false")
    ends = cloud.b.raw(), cloud.c.raw()
    yield cloud, *ends
    for one in ends:
        one.close()
    cloud.change("set Logical_Port v-c port_security=true")


@pytest.mark.parametrize("name", OUTGOING)
def test_what_every_group_lets_out(closed, name):
    """I: every group lets out DHCP requests of the port, neighbour discovery with the checks for duplicates, MLD, and
    ARP."""
    cloud, b, c = closed
    assert comes_through(b, c, OUTGOING[name](cloud)), cloud.host.appctl("drop/show", "v-b")


@pytest.mark.parametrize("name", INCOMING)
def test_what_every_group_lets_in(closed, name):
    """I: every group lets in the answers of DHCP servers, neighbour discovery, router advertisements and ARP."""
    cloud, b, c = closed
    assert comes_through(c, b, INCOMING[name](cloud)), cloud.host.appctl("drop/show", "v-c")


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_no_group_lets_out(cloud, name):
    """I: whatever the rules, a guest is no DHCP server and no router, and has no addresses but those of its port."""
    frame, reason = FORBIDDEN[name]
    warm(cloud.b, cloud.c)
    cloud.change(*add_group("all", "direction=egress", "direction=ingress"), *put([cloud.b], "all"))
    before = drops(cloud.host, "v-b", reason)
    sender = cloud.b.raw()
    sender.send(frame(cloud))
    wait_drop(cloud.host, "v-b", reason, before)
    sender.close()


def test_allowed_address_pair_may_be_used(cloud):
    """P: a port may send from its allowed address pairs, a MAC with an address or prefix each, and from no others."""
    warm(cloud.b, cloud.c)
    cloud.change(*add_group("all", "direction=egress"), *put([cloud.b], "all"),
                 f"lport-set-addresses v-b '{cloud.b.addresses()}' '02:00:00:03:00:55 10.3.7.0/24'")
    b, c = cloud.b.raw(), cloud.c.raw()
    try:
        pair = Ether(src="02:00:00:03:00:55", dst=cloud.c.mac)
        assert comes_through(b, c, pair / IP(src="10.3.7.9", dst=cloud.c.v4) / UDP(sport=1, dport=2) / Raw(bytes(30)))
        before = drops(cloud.host, "v-b", "spoofed_ipv4")
        b.send(pair / IP(src="10.3.8.9", dst=cloud.c.v4) / UDP(sport=1, dport=2))
        wait_drop(cloud.host, "v-b", "spoofed_ipv4", before)
    finally:
        cloud.change(f"lport-set-addresses v-b '{cloud.b.addresses()}'")
        b.close()
        c.close()


def test_port_without_port_security_has_neither_checks_nor_groups(cloud):
    """I: port security off takes anti-spoofing and groups away; here the groups are taken away with it by the
    controller, as Networking does itself (a port without port security cannot have groups)."""
    warm(cloud.b, cloud.c)
    cloud.change("set Logical_Port v-b port_security=false")
    b, c = cloud.b.raw(), cloud.c.raw()
    try:
        for name in ("foreign_ipv4", "foreign_mac", "router_advertisement"):
            assert comes_through(b, c, FORBIDDEN[name][0](cloud)), name
        allow_udp(cloud.a, cloud.b, 53)
    finally:
        cloud.change("set Logical_Port v-b port_security=true")
        b.close()
        c.close()


# Stateless groups ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_stateless_group_needs_a_rule_for_each_direction(cloud, family):
    """L: rules of a stateless group are asked about every packet, so answers need a rule of their own."""
    address = getattr(cloud.b, family)
    warm(cloud.a, cloud.b)
    cloud.change("group-add g stateful=false", "rule-add g direction=ingress protocol=udp port_min=53",
                 *put([cloud.b], "g"))
    with cloud.b.udp(53, address) as server, cloud.a.udp(0, cloud.a.address_like(address)) as client:
        client.sendto(b"question", (address, 53))
        _, asker = server.recvfrom(8)
        before = drops(cloud.host, "v-b", "policy_egress")
        server.sendto(b"answer", asker)
        wait_drop(cloud.host, "v-b", "policy_egress", before)
        assert not waiting(client)
        cloud.change("rule-add g direction=egress protocol=udp")
        server.sendto(b"answer", asker)
        assert client.recv(8) == b"answer"


def test_stateless_group_has_no_sessions_and_takes_tcp_as_it_comes(cloud):
    """L: nothing is remembered of what a stateless group allows. a is open, so both ends' policy is that of b."""
    warm(cloud.a, cloud.b)
    cloud.change("group-add g stateful=false", "rule-add g direction=ingress protocol=tcp port_min=80",
                 "rule-add g direction=egress protocol=tcp", *put([cloud.b], "g"))
    with Connection(cloud.a, cloud.b, 80) as one:
        one.exchange()
        assert sessions(cloud.host, f"sport={one.client_port},") == []
        cloud.host.appctl("dpctl/flush-conntrack")
        one.exchange()


def test_stateful_rule_beside_a_stateless_one_wins(cloud):
    """L: a port may have groups of both kinds; what a stateful one allows has its answers allowed."""
    warm(cloud.a, cloud.b)
    cloud.change("group-add less stateful=false", "rule-add less direction=ingress protocol=udp",
                 "group-add full", "rule-add full direction=ingress protocol=udp port_min=53",
                 *put([cloud.b], "less", "full"))
    allow_udp(cloud.a, cloud.b, 53)
    with cloud.b.udp(54) as server, cloud.a.udp() as client:
        client.sendto(b"question", (cloud.b.v4, 54))
        _, asker = server.recvfrom(8)
        before = drops(cloud.host, "v-b", "policy_egress")
        server.sendto(b"answer", asker)
        wait_drop(cloud.host, "v-b", "policy_egress", before)
