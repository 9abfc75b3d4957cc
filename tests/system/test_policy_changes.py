# SPDX-License-Identifier: Apache-2.0
"""What a change of policy does to connections that are open: on the next packet, and to no other connection.

         host: sluice-vswitchd, two workers
    br-int: v-a  v-b  v-c  v-d  (VLAN 0)       v-e  v-f (VLAN 20)
             |    |    |    |                   |    |
             a    b    c    d                   e    f    namespaces, 10.3.0.1 to .4 and fd00:3::1 to 4;
                                                          e and f have the addresses of a and b
"""
import pytest

from cloud import FAMILIES, all_guests, allow_udp, cloud, host, refuse_udp, warm  # noqa: F401
from endpoints import Pinger, drops, wait_drop
from lab.process import wait_until
from policed import Connection, Stream, receive, waiting


def expect_cut(cloud, sender, receiver, port):
    """A packet of SENDER, behind PORT, is cut under the policy as it is."""
    before = drops(cloud.host, port, "policy_cut")
    sender.sendall(b"late")
    wait_until(lambda: drops(cloud.host, port, "policy_cut") > before, 10, f"cut at {port}", [cloud.host.daemon.log])
    assert not waiting(receiver)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("direction", ["original", "reply"])
def test_removed_rule_cuts_open_tcp_on_the_next_packet_and_added_again_lets_it_go_on(cloud, direction, family):
    cloud.change("group-add g", "rule-add g name=web direction=ingress protocol=tcp port_min=80",
                 "lport-set-groups v-b g")
    with Connection(cloud.a, cloud.b, 80, getattr(cloud.b, family)) as one:
        one.exchange()
        cloud.change("rule-del g web")
        sender, receiver, port = ((one.client, one.server, "v-a") if direction == "original" else
                                  (one.server, one.client, "v-b"))
        expect_cut(cloud, sender, receiver, port)
        cloud.change("rule-add g name=web direction=ingress protocol=tcp port_min=80")
        assert receive(receiver, 4) == b"late"  # by TCP's retransmission
        one.exchange()


@pytest.mark.parametrize("family", FAMILIES)
def test_removed_rule_cuts_udp_in_both_directions(cloud, family):
    address = getattr(cloud.b, family)
    cloud.change("group-add g", "rule-add g name=dns direction=ingress protocol=udp port_min=53",
                 "lport-set-groups v-b g")
    with cloud.b.udp(53, address) as server, cloud.a.udp(0, cloud.a.address_like(address)) as client:
        client.sendto(b"1", (address, 53))
        _, there = server.recvfrom(8)
        server.sendto(b"2", there)
        assert client.recv(8) == b"2"
        cloud.change("rule-del g dns")
        before = {port: drops(cloud.host, port, "policy_cut") for port in ("v-a", "v-b")}
        for _ in range(5):
            client.sendto(b"3", (address, 53))
            server.sendto(b"4", there)
        for port, count in before.items():
            wait_drop(cloud.host, port, "policy_cut", count, 5)
        assert not waiting(server) and not waiting(client)
        cloud.change("rule-add g name=dns direction=ingress protocol=udp port_min=53")
        server.sendto(b"5", there)
        assert client.recv(8) == b"5"
        client.sendto(b"6", (address, 53))
        assert server.recv(8) == b"6"


def test_removed_rule_cuts_a_running_ping(cloud):
    cloud.change("group-add g", "rule-add g name=ping direction=ingress protocol=icmp", "lport-set-groups v-b g")
    with Pinger(cloud.a, cloud.b.v4) as pinger:
        cloud.change("rule-del g ping")
        before = drops(cloud.host, "v-a", "policy_cut")
        wait_until(lambda: drops(cloud.host, "v-a", "policy_cut") >= before + 5, 10, "cut of a ping")
        answered = pinger.answered()
        wait_until(lambda: drops(cloud.host, "v-a", "policy_cut") >= before + 10, 10, "cut of a ping")
        assert pinger.answered() == answered
        cloud.change("rule-add g name=ping direction=ingress protocol=icmp")
        pinger.wait_more(5)


def test_unrelated_connections_lose_nothing(cloud):
    """Of the same port and group, of another port, and of nobody who has policy."""
    cloud.change("group-add g", "rule-add g direction=ingress protocol=udp port_min=2000",
                 "rule-add g direction=ingress protocol=icmp", "lport-set-groups v-b g",
                 "group-add other", "rule-add other direction=ingress protocol=udp port_min=3000",
                 "rule-add other direction=ingress protocol=icmp", "rule-add other direction=egress",
                 "lport-set-groups v-d other")
    with Stream(cloud.a, cloud.b, 2000) as same, Stream(cloud.c, cloud.d, 3000) as other, \
            Stream(cloud.e, cloud.f, 4000) as neither, Pinger(cloud.c, cloud.b.v4) as pinger, \
            Pinger(cloud.a, cloud.d.v4) as free:
        for n in range(15):
            cloud.change(f"rule-add g name=r{n} direction=ingress protocol=tcp port_min={n + 1}")
            cloud.change(f"rule-del g r{n}", "lport-set-groups v-a" if n % 2 else "lport-set-groups v-a other")
            if n % 2 == 0:
                cloud.change("lport-set-groups v-a")
        for stream in (same, other, neither):
            stream.wait_more()
    assert (same.lost, other.lost, neither.lost) == (0, 0, 0)
    assert (pinger.lost, free.lost) == (0, 0)


def test_group_replaced_by_another_in_one_transaction_loses_nothing(cloud):
    """At no time is the port in neither group, and the session goes on although another rule allows it now."""
    cloud.change("group-add one", "rule-add one direction=ingress protocol=udp port_min=2000",
                 "group-add two", "rule-add two direction=ingress protocol=udp port_min=1000 port_max=3000",
                 "lport-set-groups v-b one")
    with Stream(cloud.a, cloud.b, 2000, interval=0.001) as stream:
        for n in range(30):
            cloud.change(f"lport-set-groups v-b {'one' if n % 2 else 'two'}")
        stream.wait_more()
    assert stream.lost == 0


def test_rules_replaced_in_one_transaction_lose_nothing(cloud):
    cloud.change("group-add g", "rule-add g name=r0 direction=ingress protocol=udp port_min=2000",
                 "lport-set-groups v-b g")
    with Stream(cloud.a, cloud.b, 2000, interval=0.001) as stream:
        for n in range(30):
            cloud.change(f"rule-del g r{n}", f"rule-add g name=r{n + 1} direction=ingress protocol=udp port_min=2000")
        stream.wait_more()
    assert stream.lost == 0


def test_command_returns_when_not_one_packet_of_the_former_rule_passes_any_more(cloud):
    cloud.change("group-add g", "lport-set-groups v-b g")
    for n in range(15):
        cloud.change(f"rule-add g name=r{n} direction=ingress protocol=udp port_min=2000")
        with Stream(cloud.a, cloud.b, 2000, interval=0.0005, grace=0.1) as stream:
            cloud.change(f"rule-del g r{n}")
            last = stream.sent + 1  # one may have been on its way
            stream.wait_more()
        assert stream.got and max(stream.got) <= last


def test_group_taken_from_a_port_opens_it_and_put_back_closes_it(cloud):
    cloud.change("group-add g", "lport-set-groups v-b g")
    refuse_udp(cloud, cloud.a, cloud.b, 53)
    cloud.change("lport-set-groups v-b")
    with Connection(cloud.a, cloud.b, 80) as one:
        one.exchange()
        cloud.change("lport-set-groups v-b g")
        before = sum(cloud.policy_drops(cloud.a).values())
        one.client.send(b"late")
        wait_until(lambda: sum(cloud.policy_drops(cloud.a).values()) + drops(cloud.host, "v-a", "ct_invalid") > before,
                   10, "end of the connection")
        assert not waiting(one.server)


def test_port_that_is_not_enabled_passes_nothing(cloud):
    warm(cloud.a, cloud.b)
    for guest, port in ((cloud.a, "v-a"), (cloud.b, "v-b")):
        cloud.change(f"set Logical_Port {port} enabled=false")
        before = drops(cloud.host, "v-a", "port_disabled")
        assert not cloud.a.echo_once(cloud.b.v4, timeout=0.1)
        wait_until(lambda: drops(cloud.host, "v-a", "port_disabled") > before, 10, "drop under port_disabled")
        cloud.change(f"set Logical_Port {port} enabled=true")
        assert cloud.a.echo_once(cloud.b.v4)


def test_logical_port_deleted_and_added_again_under_traffic(cloud):
    cloud.change("group-add g", "rule-add g direction=ingress protocol=udp", "lport-set-groups v-b g")
    with Stream(cloud.a, cloud.b, 2000) as stream:
        for _ in range(5):
            cloud.change("lport-del v-b")
            allow_udp(cloud.a, cloud.b, 99)
            cloud.change(f"lport-add v-b '{cloud.b.addresses()}'", "lport-set-groups v-b g")
        stream.wait_more()
    assert stream.lost == 0
