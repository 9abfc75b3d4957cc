# SPDX-License-Identifier: Apache-2.0
"""Security groups: who may talk, over which protocol, and what a change does to connections that are open.

         host: sluice-vswitchd, two workers
    br-int: v-a  v-b  v-c  v-d  (VLAN 0)       v-e  v-f (VLAN 20)
             |    |    |    |                   |    |
             a    b    c    d                   e    f    namespaces, 10.3.0.1 to .4 and fd00:3::1 to 4;
                                                          e and f have the addresses of a and b
"""
import socket
import struct

import pytest
from scapy.all import ICMP, IP, TCP, Ether, IPv6, ICMPv6DestUnreach, Raw, UDP  # noqa: F401

from endpoints import Pinger, drops, wait_drop
from lab.process import wait_until
from policed import Connection, Guest, Stream, all_drops, change, is_connected, receive, sessions, waiting

TCP_FAMILIES = ["v4", "v6"]


class Cloud:
    """The guests of this file; every test puts them into groups of its own."""

    def __init__(self, lab, host):
        host.add_bridge("br-int")
        self.host = host
        self.a, self.b, self.c, self.d = (Guest(lab, host, "br-int", name, n) for n, name in enumerate("abcd", 1))
        self.e, self.f = (Guest(lab, host, "br-int", name, n, "tag=20") for n, name in enumerate("ef", 1))
        self.guests = (self.a, self.b, self.c, self.d, self.e, self.f)
        self.change(*(f"lport-add {guest.port} '{guest.addresses()}'" for guest in self.guests))

    def change(self, *commands):
        return change(self.host, *commands)

    def open(self):
        """No groups, no rules, no sessions."""
        self.change(*(f"set Logical_Port {guest.port} enabled=true" for guest in self.guests),
                    *(f"lport-set-groups {guest.port}" for guest in self.guests))
        for group in self.host.sluice_vsctl("group-list").split():
            self.change(f"clear Security_Group {group} rules")
        groups = self.host.sluice_vsctl("group-list").split()
        addresses = self.host.sluice_vsctl("address-group-list").split()
        if groups or addresses:
            self.change(*(f"group-del {group}" for group in groups),
                        *(f"address-group-del {group}" for group in addresses))
        self.host.appctl("dpctl/flush-conntrack")

    def policy_drops(self, guest):
        """How many packets of a guest each direction's rules have refused."""
        counts = all_drops(self.host, guest.port)
        return {reason: counts.get(reason, 0) for reason in ("policy_egress", "policy_ingress", "policy_cut")}


@pytest.fixture(scope="module")
def host(lab):
    one = lab.host("host", cpu_mask="0x3").start()
    yield one
    assert one.daemon.running, one.log()[-2000:]


@pytest.fixture(scope="module")
def all_guests(lab, host):
    return Cloud(lab, host)


@pytest.fixture
def cloud(all_guests):
    """The guests, all open to each other at the start of a test."""
    all_guests.open()
    return all_guests


def refuse_tcp(cloud, source, destination, port, reason="policy_ingress", address=None):
    """A connection is refused and counted."""
    address = address or destination.v4
    before = drops(cloud.host, source.port, reason)
    with source.start_connect(address, port) as one:
        wait_until(lambda: drops(cloud.host, source.port, reason) > before, 10,
                   f"refusal of {source.name} to {address} port {port}", [cloud.host.daemon.log])
        assert not is_connected(one, 0)


def allow_tcp(source, destination, port, address=None):
    with Connection(source, destination, port, address) as one:
        one.exchange()


def send_udp(source, destination, port, address=None, count=1, sport=0):
    address = address or destination.v4
    with source.udp(sport, source.address_like(address)) as one:
        for _ in range(count):
            one.sendto(b"question", (address, port))


def allow_udp(source, destination, port, address=None):
    """A datagram arrives and its answer comes back."""
    address = address or destination.v4
    with destination.udp(port, address) as server, source.udp(0, source.address_like(address)) as client:
        client.sendto(b"question", (address, port))
        text, sender = server.recvfrom(64)
        assert text == b"question"
        server.sendto(b"answer", sender)
        assert client.recv(64) == b"answer"


def refuse_udp(cloud, source, destination, port, reason="policy_ingress", address=None):
    """Datagrams are refused, each counted once."""
    address = address or destination.v4
    before = drops(cloud.host, source.port, reason)
    with destination.udp(port, address) as server:
        send_udp(source, destination, port, address, count=3)
        wait_drop(cloud.host, source.port, reason, before, 3)
        assert not waiting(server)


def refuse_ping(cloud, source, address, reason="policy_ingress"):
    before = drops(cloud.host, source.port, reason)
    assert not source.echo_once(address, timeout=0.1)
    wait_drop(cloud.host, source.port, reason, before, 1)


def warm(*guests):
    """Let guests know each other's link addresses, so that nothing but what a test sends is on the way."""
    for guest in guests:
        for other in guests:
            if other is not guest:
                assert guest.echo_once(other.v4)
                assert guest.echo_once(other.v6)


# Defaults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", TCP_FAMILIES)
def test_group_without_rules_refuses_everything_towards_the_guest(cloud, family):
    address = getattr(cloud.b, family)
    warm(cloud.a, cloud.b)
    cloud.change("group-add empty", "lport-set-groups v-b empty")
    refuse_tcp(cloud, cloud.a, cloud.b, 80, address=address)
    refuse_udp(cloud, cloud.a, cloud.b, 53, address=address)
    refuse_ping(cloud, cloud.a, address)


@pytest.mark.parametrize("family", TCP_FAMILIES)
def test_group_without_rules_refuses_everything_from_the_guest(cloud, family):
    address = getattr(cloud.a, family)
    warm(cloud.a, cloud.b)
    cloud.change("group-add empty", "lport-set-groups v-b empty")
    refuse_tcp(cloud, cloud.b, cloud.a, 80, "policy_egress", address=address)
    refuse_udp(cloud, cloud.b, cloud.a, 53, "policy_egress", address=address)
    refuse_ping(cloud, cloud.b, address, "policy_egress")


def test_port_without_groups_is_open_and_unpoliced_ports_are(cloud):
    allow_tcp(cloud.a, cloud.b, 80)
    allow_udp(cloud.b, cloud.a, 53)
    assert cloud.a.echo_once(cloud.b.v6)


# Rules --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family,ethertype", [("v4", "IPv4"), ("v6", "IPv6")])
def test_rule_of_a_protocol_allows_it_and_its_replies_and_nothing_else(cloud, family, ethertype):
    address = getattr(cloud.b, family)
    other = cloud.b.v6 if family == "v4" else cloud.b.v4
    warm(cloud.a, cloud.b)
    cloud.change("group-add g", f"rule-add g direction=ingress ethertype={ethertype} protocol=tcp port_min=80",
                 f"rule-add g direction=ingress ethertype={ethertype} protocol=udp port_min=53", "lport-set-groups v-b g")
    allow_tcp(cloud.a, cloud.b, 80, address)
    allow_udp(cloud.a, cloud.b, 53, address)
    refuse_tcp(cloud, cloud.a, cloud.b, 53, address=address)
    refuse_udp(cloud, cloud.a, cloud.b, 80, address=address)
    refuse_ping(cloud, cloud.a, address)
    refuse_tcp(cloud, cloud.a, cloud.b, 80, address=other)
    refuse_udp(cloud, cloud.a, cloud.b, 53, address=other)
    # Replies passed, but the guest may open nothing itself.
    refuse_tcp(cloud, cloud.b, cloud.a, 80, "policy_egress", address=getattr(cloud.a, family))


@pytest.mark.parametrize("family,protocol", [("v4", "icmp"), ("v6", "icmpv6")])
def test_ping_is_allowed_by_its_type_and_answered(cloud, family, protocol):
    warm(cloud.a, cloud.b)
    request = 8 if family == "v4" else 128
    cloud.change("group-add g", f"rule-add g direction=ingress protocol={protocol} icmp_type={request} icmp_code=0",
                 "lport-set-groups v-b g")
    assert cloud.a.echo_once(getattr(cloud.b, family))
    refuse_ping(cloud, cloud.b, getattr(cloud.a, family), "policy_egress")
    refuse_ping(cloud, cloud.a, cloud.b.v6 if family == "v4" else cloud.b.v4)


def test_egress_rule_is_asked_of_the_sender_and_ingress_rule_of_the_receiver(cloud):
    cloud.change("group-add out", "rule-add out direction=egress protocol=tcp port_min=80", "lport-set-groups v-a out",
                 "group-add in", "rule-add in direction=ingress protocol=tcp port_min=80 port_max=81",
                 "lport-set-groups v-b in")
    allow_tcp(cloud.a, cloud.b, 80)
    refuse_tcp(cloud, cloud.a, cloud.b, 81, "policy_egress")
    allow_tcp(cloud.c, cloud.b, 81)
    cloud.change("rule-add out direction=egress protocol=tcp port_min=82")
    refuse_tcp(cloud, cloud.a, cloud.b, 82, "policy_ingress")


def test_port_range_ends_at_its_edges(cloud):
    cloud.change("group-add g", "rule-add g direction=ingress protocol=udp port_min=1000 port_max=1999",
                 "rule-add g direction=ingress protocol=udp port_min=65535 port_max=65535", "lport-set-groups v-b g")
    for port in (1000, 1500, 1999, 65535):
        allow_udp(cloud.a, cloud.b, port)
    for port in (999, 2000, 65534):
        refuse_udp(cloud, cloud.a, cloud.b, port)


def test_rule_without_columns_allows_everything_of_its_direction(cloud):
    cloud.change("group-add g", "rule-add g direction=ingress", "lport-set-groups v-b g")
    allow_tcp(cloud.a, cloud.b, 80)
    allow_udp(cloud.a, cloud.b, 80, cloud.b.v6)
    assert cloud.a.echo_once(cloud.b.v4)


def test_several_groups_of_a_port_add_up(cloud):
    cloud.change("group-add one", "rule-add one direction=ingress protocol=udp port_min=1",
                 "group-add two", "rule-add two direction=ingress protocol=udp port_min=2",
                 "lport-set-groups v-b one two")
    allow_udp(cloud.a, cloud.b, 1)
    allow_udp(cloud.a, cloud.b, 2)
    cloud.change("lport-set-groups v-b one")
    allow_udp(cloud.a, cloud.b, 1)
    refuse_udp(cloud, cloud.a, cloud.b, 2)


# Remotes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family,cidr", [("v4", "10.3.0.0/31"), ("v6", "fd00:3::/127")])
def test_remote_cidr_is_the_other_side(cloud, family, cidr):
    # a is .1 and in the prefix, c is .3 and is not.
    cloud.change("group-add g", f"rule-add g direction=ingress protocol=udp remote_cidr={cidr}",
                 "lport-set-groups v-b g")
    address = getattr(cloud.b, family)
    allow_udp(cloud.a, cloud.b, 53, address)
    refuse_udp(cloud, cloud.c, cloud.b, 53, address=address)


@pytest.mark.parametrize("family", TCP_FAMILIES)
def test_remote_group_follows_its_members(cloud, family):
    address = getattr(cloud.b, family)
    cloud.change("group-add web", "group-add db", "rule-add db direction=ingress protocol=udp remote_group=web",
                 "rule-add web direction=egress", "lport-set-groups v-b db", "lport-set-groups v-a web")
    allow_udp(cloud.a, cloud.b, 53, address)
    refuse_udp(cloud, cloud.c, cloud.b, 53, address=address)
    cloud.change("lport-set-groups v-c web")
    allow_udp(cloud.c, cloud.b, 53, address)
    cloud.change("lport-set-groups v-a")
    refuse_udp(cloud, cloud.a, cloud.b, 53, address=address)
    allow_udp(cloud.c, cloud.b, 53, address)


def test_member_that_leaves_a_remote_group_has_its_connection_cut(cloud):
    cloud.change("group-add web", "rule-add web direction=egress", "group-add db",
                 "rule-add db direction=ingress protocol=tcp remote_group=web", "lport-set-groups v-b db",
                 "lport-set-groups v-a web", "lport-set-groups v-c web")
    with Connection(cloud.a, cloud.b, 80) as cut, Connection(cloud.c, cloud.b, 81) as kept:
        cut.exchange()
        kept.exchange()
        cloud.change("lport-set-groups v-a")
        before = drops(cloud.host, "v-a", "policy_cut")
        cut.client.send(b"x")
        wait_until(lambda: drops(cloud.host, "v-a", "policy_cut") > before, 10, "cut of the connection")
        assert not waiting(cut.server)
        kept.exchange()


def test_remote_address_group_is_changed_live(cloud):
    cloud.change(f"address-group-add friends {cloud.a.v4} 192.0.2.0/24", "group-add g",
                 "rule-add g direction=ingress protocol=udp remote_addresses=friends", "lport-set-groups v-b g")
    allow_udp(cloud.a, cloud.b, 53)
    refuse_udp(cloud, cloud.c, cloud.b, 53)
    refuse_udp(cloud, cloud.a, cloud.b, 53, address=cloud.b.v6)
    cloud.change(f"address-group-set-addresses friends {cloud.c.v4} fd00:3::/64")
    refuse_udp(cloud, cloud.a, cloud.b, 53)
    allow_udp(cloud.c, cloud.b, 53)
    allow_udp(cloud.a, cloud.b, 53, cloud.b.v6)
    cloud.change("address-group-set-addresses friends")
    refuse_udp(cloud, cloud.c, cloud.b, 53)
