# SPDX-License-Identifier: Apache-2.0
"""The guests that the tests of security groups share, and how a test says that something is allowed or refused. A test
file takes the fixtures host, all_guests and cloud by importing them."""

import pytest

from endpoints import drops, wait_drop
from lab.host import SLUICE_VSCTL
from lab.process import wait_until
from policed import Connection, Guest, all_drops, change, is_connected, waiting

FAMILIES = ["v4", "v6"]


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
        """No groups, no rules, no ACLs, no sessions."""
        self.change(*(f"set Logical_Port {guest.port} enabled=true" for guest in self.guests),
                    *(f"lport-set-groups {guest.port}" for guest in self.guests),
                    *(f"clear Logical_Port {guest.port} acls conntrack" for guest in self.guests))
        for group in self.host.sluice_vsctl("group-list").split():
            self.change(f"clear Security_Group {group} rules")
        groups = self.host.sluice_vsctl("group-list").split()
        addresses = self.host.sluice_vsctl("address-group-list").split()
        if groups or addresses:
            self.change(*(f"group-del {group}" for group in groups),
                        *(f"address-group-del {group}" for group in addresses))
        self.host.appctl("dpctl/flush-conntrack")

    @property
    def vsctl(self):
        """The program sluice-vsctl."""
        return SLUICE_VSCTL

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
