# SPDX-License-Identifier: Apache-2.0
"""Security groups: who may talk, over which protocol, by which rule.

         host: sluice-vswitchd, two workers
    br-int: v-a  v-b  v-c  v-d  (VLAN 0)       v-e  v-f (VLAN 20)
             |    |    |    |                   |    |
             a    b    c    d                   e    f    namespaces, 10.3.0.1 to .4 and fd00:3::1 to 4;
                                                          e and f have the addresses of a and b
"""
import pytest

from cloud import (FAMILIES, all_guests, allow_tcp, allow_udp, cloud, host, refuse_ping, refuse_tcp,  # noqa: F401
                   refuse_udp, warm)
from endpoints import drops
from lab.process import wait_until
from policed import Connection, waiting


# Defaults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_group_without_rules_refuses_everything_towards_the_guest(cloud, family):
    address = getattr(cloud.b, family)
    warm(cloud.a, cloud.b)
    cloud.change("group-add empty", "lport-set-groups v-b empty")
    refuse_tcp(cloud, cloud.a, cloud.b, 80, address=address)
    refuse_udp(cloud, cloud.a, cloud.b, 53, address=address)
    refuse_ping(cloud, cloud.a, address)


@pytest.mark.parametrize("family", FAMILIES)
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
                 f"rule-add g direction=ingress ethertype={ethertype} protocol=udp port_min=53",
                 "lport-set-groups v-b g")
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


@pytest.mark.parametrize("family", FAMILIES)
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
