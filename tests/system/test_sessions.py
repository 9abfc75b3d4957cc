# SPDX-License-Identifier: Apache-2.0
"""Sessions: what belongs to a connection passes with it, what belongs to none does not; tenants, workers, the dump.

         host: sluice-vswitchd, two workers
    br-int: v-a  v-b  v-c  v-d  (VLAN 0)       v-e  v-f (VLAN 20)
             |    |    |    |                   |    |
             a    b    c    d                   e    f    namespaces, 10.3.0.1 to .4 and fd00:3::1 to 4;
                                                          e and f have the addresses of a and b
"""
import re
import socket

import pytest
from scapy.all import ICMP, IP, TCP, UDP, Ether, ICMPv6PacketTooBig, IPv6, Raw

from cloud import FAMILIES, all_guests, cloud, host, refuse_tcp, warm  # noqa: F401
from endpoints import drops, wait_drop
from lab.process import wait_until
from policed import Connection, change, sessions, waiting


def layers(source, destination, family):
    """The headers below a packet's transport."""
    ip = IP(src=source.v4, dst=destination.v4) if family == "v4" else IPv6(src=source.v6, dst=destination.v6)
    return Ether(src=source.mac, dst=destination.mac) / ip


def wide_open(cloud):
    """b has a group that allows everything towards it and nothing from it."""
    warm(cloud.a, cloud.b)
    cloud.change("group-add g", "rule-add g direction=ingress", "lport-set-groups v-b g")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("flags", ["SA", "A", "PA", "FA", "SR", "", "FPU", "SF"])
def test_segment_that_belongs_to_no_connection_and_opens_none_is_invalid(cloud, flags, family):
    wide_open(cloud)
    sender, receiver = cloud.a.raw(), cloud.b.raw()
    before = drops(cloud.host, "v-a", "ct_invalid")
    segment = TCP(sport=1234, dport=80, flags=flags, seq=7, ack=9) / Raw(b"<stray>")
    sender.send(layers(cloud.a, cloud.b, family) / segment)
    wait_drop(cloud.host, "v-a", "ct_invalid", before)
    assert receiver.waiting(b"<stray>") == []
    sender.close()
    receiver.close()


def test_syn_after_a_stray_segment_of_the_same_ports_opens_the_connection(cloud):
    wide_open(cloud)
    sender = cloud.a.raw()
    before = drops(cloud.host, "v-a", "ct_invalid")
    sender.send(layers(cloud.a, cloud.b, "v4") / TCP(sport=4321, dport=80, flags="A"))
    wait_drop(cloud.host, "v-a", "ct_invalid", before)
    sender.close()
    with cloud.b.listen(80) as listener, cloud.a.socket(socket.SOCK_STREAM, cloud.a.v4, 4321) as client:
        client.connect((cloud.b.v4, 80))
        listener.accept()[0].close()


@pytest.mark.parametrize("family", FAMILIES)
def test_port_unreachable_reaches_who_asked(cloud, family):
    """The error is RELATED: no rule of the asker's group allows it in, nor of the answerer's out."""
    address = getattr(cloud.b, family)
    warm(cloud.a, cloud.b)
    cloud.change("group-add asker", "rule-add asker direction=egress", "lport-set-groups v-a asker",
                 "group-add answerer", "rule-add answerer direction=ingress protocol=udp",
                 "lport-set-groups v-b answerer")
    with cloud.a.udp(0, cloud.a.address_like(address)) as client:
        client.connect((address, 9))
        client.send(b"anybody?")
        with pytest.raises(ConnectionRefusedError):
            client.recv(8)


@pytest.mark.parametrize("family", FAMILIES)
def test_packet_too_big_reaches_the_sender_of_a_connection_only(cloud, family):
    address = getattr(cloud.b, family)
    warm(cloud.a, cloud.b)
    cloud.change("group-add asker", "rule-add asker direction=egress", "lport-set-groups v-a asker",
                 "group-add answerer", "rule-add answerer direction=ingress protocol=udp",
                 "lport-set-groups v-b answerer")
    with cloud.b.udp(7777, address) as server, cloud.a.udp(0, cloud.a.address_like(address)) as client:
        client.sendto(b"<big>", (address, 7777))
        port = server.recvfrom(8)[1][1]
        raw_a, raw_b = cloud.a.raw(), cloud.b.raw()
        quoted = layers(cloud.a, cloud.b, family).payload / UDP(sport=port, dport=7777) / Raw(b"<quoted>")
        unknown = layers(cloud.a, cloud.b, family).payload / UDP(sport=port, dport=7778) / Raw(b"<unknown>")
        error = ICMP(type=3, code=4, nexthopmtu=1280) if family == "v4" else ICMPv6PacketTooBig(mtu=1280)
        raw_b.send(layers(cloud.b, cloud.a, family) / error / quoted)
        assert raw_a.wait_for(b"<quoted>") is not None
        before = drops(cloud.host, "v-b", "ct_invalid")
        raw_b.send(layers(cloud.b, cloud.a, family) / error / unknown)
        wait_drop(cloud.host, "v-b", "ct_invalid", before)
        assert raw_a.waiting(b"<unknown>") == []
        raw_a.close()
        raw_b.close()
    for option in ("-4", "-6"):
        cloud.a.namespace.ip(f"{option} route flush cache")  # the guest believed the error


def test_icmp_error_is_cut_with_its_connection(cloud):
    warm(cloud.a, cloud.b)
    cloud.change("group-add g", "rule-add g name=udp direction=ingress protocol=udp", "lport-set-groups v-b g")
    with cloud.b.udp(7777) as server, cloud.a.udp() as client:
        client.sendto(b"1", (cloud.b.v4, 7777))
        port = server.recvfrom(8)[1][1]
        cloud.change("rule-del g udp")
        raw_b = cloud.b.raw()
        before = drops(cloud.host, "v-b", "policy_cut")
        quoted = IP(src=cloud.a.v4, dst=cloud.b.v4) / UDP(sport=port, dport=7777) / Raw(b"<quoted>")
        raw_b.send(layers(cloud.b, cloud.a, "v4") / ICMP(type=3, code=3) / quoted)
        wait_drop(cloud.host, "v-b", "policy_cut", before)
        raw_b.close()


@pytest.mark.parametrize("family", FAMILIES)
def test_fragments_pass_where_their_first_one_does(cloud, family):
    address = getattr(cloud.b, family)
    cloud.change("group-add g", "rule-add g name=udp direction=ingress protocol=udp port_min=2000",
                 "lport-set-groups v-b g")
    with cloud.b.udp(2000, address) as server, cloud.b.udp(2001, address) as closed, \
            cloud.a.udp(0, cloud.a.address_like(address)) as client:
        for size in (3000, 20000, 60000):
            client.sendto(b"q" * size, (address, 2000))
            text, sender = server.recvfrom(65536)
            assert text == b"q" * size
            server.sendto(b"a" * size, sender)
            assert client.recv(65536) == b"a" * size
        before = (drops(cloud.host, "v-a", "policy_ingress"), drops(cloud.host, "v-a", "ct_fragment"))
        client.sendto(b"q" * 4000, (address, 2001))
        wait_drop(cloud.host, "v-a", "ct_fragment", before[1], 2)
        wait_drop(cloud.host, "v-a", "policy_ingress", before[0], 1)
        assert not waiting(closed)
        cloud.change("rule-del g udp")
        before = (drops(cloud.host, "v-a", "policy_cut"), drops(cloud.host, "v-a", "ct_fragment"))
        client.sendto(b"q" * 4000, (address, 2000))
        wait_drop(cloud.host, "v-a", "ct_fragment", before[1], 2)
        wait_drop(cloud.host, "v-a", "policy_cut", before[0], 1)
        assert not waiting(server)


def test_later_fragment_alone_is_refused(cloud):
    wide_open(cloud)
    sender, receiver = cloud.a.raw(), cloud.b.raw()
    ip = IP(src=cloud.a.v4, dst=cloud.b.v4, proto=17, id=4711, frag=185)
    before = drops(cloud.host, "v-a", "ct_fragment")
    sender.send(Ether(src=cloud.a.mac, dst=cloud.b.mac) / ip / Raw(b"<stray>"))
    wait_drop(cloud.host, "v-a", "ct_fragment", before)
    assert receiver.waiting(b"<stray>") == []
    sender.close()
    receiver.close()


def test_tenants_with_the_same_addresses_have_sessions_and_policy_of_their_own(cloud):
    cloud.change("group-add red", "rule-add red name=web direction=ingress protocol=tcp port_min=80",
                 "lport-set-groups v-b red",
                 "group-add blue", "rule-add blue direction=ingress protocol=tcp port_min=80",
                 "lport-set-groups v-f blue")
    with cloud.b.listen(80) as red, cloud.f.listen(80) as blue, \
            cloud.a.socket(socket.SOCK_STREAM, cloud.a.v4, 5555) as red_client, \
            cloud.e.socket(socket.SOCK_STREAM, cloud.e.v4, 5555) as blue_client:
        red_client.connect((cloud.b.v4, 80))
        blue_client.connect((cloud.f.v4, 80))
        red_server, blue_server = red.accept()[0], blue.accept()[0]
        lines = sessions(cloud.host, "sport=5555,dport=80")
        assert len(lines) == 2
        assert len({re.search(r"zone=\d+|$", line)[0] for line in lines}) == 2
        red_client.send(b"red")
        blue_client.send(b"blue")
        assert (red_server.recv(8), blue_server.recv(8)) == (b"red", b"blue")
        cloud.change("rule-del red web")
        before = drops(cloud.host, "v-a", "policy_cut")
        red_client.send(b"late")
        wait_until(lambda: drops(cloud.host, "v-a", "policy_cut") > before, 10, "cut of the red connection")
        assert not waiting(red_server)
        blue_client.send(b"on")
        blue_server.settimeout(5)
        assert blue_server.recv(8) == b"on"
        red_server.close()
        blue_server.close()
    refuse_tcp(cloud, cloud.a, cloud.b, 80)


def workers_of(cloud):
    """{port: worker that takes its packets}, by dpctl/dump-flows after a ping."""
    warm(cloud.a, cloud.b, cloud.c, cloud.d)
    workers, worker = {}, None
    for line in cloud.host.appctl("dpctl/dump-flows").splitlines():
        if match := re.match(r"flow-dump from worker (\d+):", line):
            worker = int(match[1])
        elif match := re.search(r"in_port\((v-\w)\)", line):
            workers.setdefault(match[1], worker)
    return workers


def test_directions_of_a_connection_are_on_different_workers(cloud):
    workers = workers_of(cloud)
    assert len(set(workers.values())) == 2, workers
    client, server = next((one, other) for one in (cloud.a, cloud.b, cloud.c, cloud.d)
                          for other in (cloud.a, cloud.b, cloud.c, cloud.d) if workers[one.port] != workers[other.port])
    cloud.change("group-add g", "rule-add g name=web direction=ingress protocol=tcp port_min=80",
                 f"lport-set-groups {server.port} g", "group-add out", "rule-add out direction=egress",
                 f"lport-set-groups {client.port} out")
    for _ in range(20):
        with Connection(client, server, 80) as one:
            one.exchange(b"x" * 5000)
    with Connection(client, server, 80) as one:
        one.exchange()
        change(cloud.host, "rule-del g web")
        for end, other, port in ((one.client, one.server, client.port), (one.server, one.client, server.port)):
            before = drops(cloud.host, port, "policy_cut")
            end.send(b"late")
            wait_until(lambda: drops(cloud.host, port, "policy_cut") > before, 10, f"cut at {port}")
            assert not waiting(other)


@pytest.mark.parametrize("family", FAMILIES)
def test_dump_shows_tcp_sessions_as_ovs_does_with_their_states(cloud, family):
    cloud.change("group-add g", "rule-add g name=web direction=ingress protocol=tcp port_min=80",
                 "lport-set-groups v-b g")
    a, b = getattr(cloud.a, family), getattr(cloud.b, family)
    with Connection(cloud.a, cloud.b, 80, b) as one:
        one.exchange()
        line, = sessions(cloud.host, f"sport={one.client_port},")
        assert re.fullmatch(
            rf"tcp,orig=\(src={a},dst={b},sport={one.client_port},dport=80\),"
            rf"reply=\(src={b},dst={a},sport=80,dport={one.client_port}\)(,zone=\d+)?,"
            r"protoinfo=\(state=ESTABLISHED\),ingress_rule=g/web", line)
        one.client.shutdown(socket.SHUT_WR)
        assert one.server.recv(1) == b""
        wait_until(lambda: "state=ESTABLISHED" not in sessions(cloud.host, f"sport={one.client_port},")[0], 5,
                   "state of a half-closed session")
    wait_until(lambda: "state=TIME_WAIT" in sessions(cloud.host, f"sport={one.client_port},")[0], 5,
               "state of a closed session")


@pytest.mark.parametrize("family", FAMILIES)
def test_dump_shows_udp_and_icmp_sessions(cloud, family):
    cloud.change("group-add g", "rule-add g direction=ingress", "lport-set-groups v-b g")
    a, b = getattr(cloud.a, family), getattr(cloud.b, family)
    with cloud.b.udp(53, b) as server, cloud.a.udp(0, a) as client:
        client.sendto(b"1", (b, 53))
        port = server.recvfrom(8)[1][1]
    line, = sessions(cloud.host, f"sport={port},dport=53")
    assert line.startswith(f"udp,orig=(src={a},dst={b},sport={port},dport=53),"
                           f"reply=(src={b},dst={a},sport=53,dport={port})")
    assert "protoinfo" not in line
    cloud.a.echo_once(b)
    name, request, reply = ("icmp", 8, 0) if family == "v4" else ("icmpv6", 128, 129)
    line, = sessions(cloud.host, f"type={request},")
    assert re.match(rf"{name},orig=\(src={a},dst={b},id=(\d+),type={request},code=0\),"
                    rf"reply=\(src={b},dst={a},id=\1,type={reply},code=0\)", line)


def zones_of_pings(cloud):
    return {int((re.search(r"zone=(\d+)", line) or [0, 0])[1]) for line in sessions(cloud.host, "icmp,")}


def test_dump_of_a_zone_and_flush_of_a_zone(cloud):
    cloud.change("group-add g", "rule-add g direction=ingress", "lport-set-groups v-b g", "lport-set-groups v-f g")
    assert cloud.a.echo_once(cloud.b.v4) and cloud.e.echo_once(cloud.f.v4)
    zones = zones_of_pings(cloud)
    assert len(zones) == 2
    for zone in zones:
        lines = cloud.host.appctl("dpctl/dump-conntrack", f"zone={zone}").splitlines()
        assert len(lines) == 1
    cloud.host.appctl("dpctl/flush-conntrack", f"zone={max(zones)}")
    assert zones_of_pings(cloud) == {min(zones)}


def test_flushed_connection_is_not_taken_up_in_its_middle(cloud):
    cloud.change("group-add g", "rule-add g direction=ingress", "lport-set-groups v-b g")
    with Connection(cloud.a, cloud.b, 80) as one:
        one.exchange()
        cloud.host.appctl("dpctl/flush-conntrack")
        before = drops(cloud.host, "v-a", "ct_invalid")
        one.client.send(b"late")
        wait_until(lambda: drops(cloud.host, "v-a", "ct_invalid") > before, 10, "refusal of the connection")
        assert not waiting(one.server)
