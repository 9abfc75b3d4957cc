# SPDX-License-Identifier: Apache-2.0
"""Policy that changes again and again under traffic: what may always pass loses nothing, what may never pass does not
get through, and one guest's flood is not its neighbours' trouble.

         host: sluice-vswitchd, two workers
    br-int: v-a  v-b  v-c  v-d  (VLAN 0)       v-e  v-f (VLAN 20)
             |    |    |    |                   |    |
             a    b    c    d                   e    f    namespaces, 10.3.0.1 to .4 and fd00:3::1 to 4;
                                                          e and f have the addresses of a and b
"""
import contextlib
import ipaddress

import pytest
from scapy.all import IP, TCP, Ether

from cloud import all_guests, allow_tcp, allow_udp, cloud, host, warm  # noqa: F401
from endpoints import drops
from lab.process import wait_until
from policed import Connection, Guest, Stream, change, is_connected, sessions

ROUNDS = 15
MEMBERS = 10000
SMALL_TABLE = 1024


class Witnesses:
    """Under each change: a stream of datagrams and an open connection from a to b that are always allowed, and
    datagrams from c to b that never are. Numbers are counted at both ends."""

    def __init__(self, cloud):
        self._cloud = cloud
        warm(cloud.a, cloud.b, cloud.c)
        cloud.change("group-add base",
                     "rule-add base direction=ingress protocol=udp port_min=7000 remote_cidr=10.3.0.1/32",
                     "rule-add base direction=ingress protocol=tcp port_min=7001 port_max=7003 remote_cidr=10.3.0.1/32",
                     "group-add out", "rule-add out direction=egress",
                     "lport-set-groups v-b base", "lport-set-groups v-a out")

    @contextlib.contextmanager
    def watch(self):
        """What the block changes must not be felt."""
        cloud = self._cloud
        with Connection(cloud.a, cloud.b, 7001) as connection, Stream(cloud.a, cloud.b, 7000) as allowed:
            with Stream(cloud.c, cloud.b, 7002, grace=0) as forbidden:
                connection.exchange()
                yield connection
                connection.exchange()
                allowed.wait_more()
                forbidden.wait_more()
            sent = forbidden.sent
        assert allowed.lost == 0, f"{allowed.lost} of {allowed.sent} were lost"
        assert forbidden.lost == sent > 0, f"{sent - forbidden.lost} of {sent} got through"


@pytest.fixture
def witnesses(cloud):
    return Witnesses(cloud)


def test_groups_that_come_and_go(cloud, witnesses):
    with witnesses.watch():
        for number in range(ROUNDS):
            cloud.change(f"group-add extra{number}",
                         f"rule-add extra{number} direction=ingress protocol=tcp port_min={3000 + number}",
                         f"lport-set-groups v-b base extra{number}", f"lport-set-groups v-a out extra{number}")
            cloud.change("lport-set-groups v-b base", "lport-set-groups v-a out", f"group-del extra{number}")


def test_rules_that_are_replaced(cloud, witnesses):
    """The rule that lets the stream in is another one each time."""
    with witnesses.watch():
        for number in range(ROUNDS):
            cloud.change("clear Security_Group base rules",
                         f"rule-add base name=udp{number} direction=ingress protocol=udp port_min={7000 - number} "
                         "port_max=7001 remote_cidr=10.3.0.0/31",
                         f"rule-add base name=tcp{number} direction=ingress protocol=tcp port_min=7001 "
                         f"remote_cidr=10.3.0.0/{31 - number % 2 * 8}")


def test_membership_of_many_addresses(cloud, witnesses):
    """The stream is let in because a is one of ten thousand addresses, of which all others change."""
    first = int(ipaddress.ip_address("10.64.0.0"))

    def addresses(shift):
        return " ".join(str(ipaddress.ip_address(first + shift + n)) for n in range(MEMBERS))

    cloud.change(f"address-group-add many 10.3.0.1 {addresses(0)}")
    cloud.change("clear Security_Group base rules",
                 "rule-add base direction=ingress protocol=udp port_min=7000 remote_addresses=many",
                 "rule-add base direction=ingress protocol=tcp port_min=7001 remote_addresses=many")
    with witnesses.watch():
        for number in range(4):
            cloud.change(f"address-group-set-addresses many 10.3.0.1 {addresses((number + 1) * MEMBERS)}")
        cloud.change("address-group-set-addresses many 10.3.0.1")
        cloud.change(f"address-group-set-addresses many 10.3.0.1 {addresses(0)}")


def test_acl_tiers_that_change(cloud, witnesses):
    """Tiers above and below, allowing, passing on, and denying other things."""
    try:
        with witnesses.watch():
            for number in range(ROUNDS):
                other = f"protocol=udp port_min={4000 + number}"
                cloud.change(
                    "clear Logical_Port v-b acls",
                    f"--id=@deny create ACL direction=ingress action=deny tier={number % 8} priority={number} {other}",
                    f"--id=@pass create ACL direction=ingress action=pass tier={(number + 3) % 8} priority=7 "
                    "protocol=udp",
                    f"--id=@reject create ACL direction=ingress action=reject tier={number % 8} priority=9 "
                    "protocol=tcp port_min=9",
                    *([f"--id=@allow create ACL direction=ingress action=allow tier={7 - number % 8} protocol=udp "
                       "port_min=7000 remote_cidr=10.3.0.1/32"] if number % 2 else []),
                    "add Logical_Port v-b acls @deny,@pass,@reject" + (",@allow" if number % 2 else ""))
    finally:
        cloud.change("clear Logical_Port v-b acls")


def test_database_that_dies_meanwhile(cloud, witnesses):
    with witnesses.watch():
        cloud.change("group-add later", "lport-set-groups v-b base later")
        cloud.host.kill_ovsdb()
        allow_tcp(cloud.a, cloud.b, 7003)
        before = drops(cloud.host, "v-c", "policy_ingress")
        wait_until(lambda: drops(cloud.host, "v-c", "policy_ingress") > before + 20, 10, "more refusals")
        cloud.host.start_ovsdb()
        cloud.change("lport-set-groups v-b base", "group-del later")


# Floods ---------------------------------------------------------------------------------------------------------------


def syns(guest, to, count, port=80, first=1024):
    """The frames of a flood."""
    base = bytes(Ether(src=guest.mac, dst=to.mac) / IP(src=guest.v4, dst=to.v4) / TCP(dport=port, flags="S"))
    for number in range(count):
        yield base[:34] + (first + number).to_bytes(2, "big") + base[36:]


def flood(cloud, guest, to, count, port=80):
    """SYNs from a guest, and wait until the switch has dealt with them."""
    sender = guest.raw()
    for frame in syns(guest, to, count, port):
        sender.send(frame)
    sender.close()
    guest.wait_ping(to.v4)


@pytest.fixture
def limited(cloud):
    """b takes TCP and UDP from everybody; each client may have few sessions, c fewer."""
    warm(cloud.a, cloud.b, cloud.c)
    cloud.change("group-add server", "rule-add server direction=ingress", "lport-set-groups v-b server",
                 "group-add out", "rule-add out direction=egress", "lport-set-groups v-a out",
                 "lport-set-groups v-c out",
                 "set Logical_Port v-c conntrack:max=200 conntrack:half-open=50")
    # What is in the way of a SYN's end must not answer: its reset would end the half-open session.
    cloud.b.namespace.run(["nft", "add table inet quiet"])
    cloud.b.namespace.run(["nft", "add chain inet quiet in { type filter hook input priority 0 ; }"])
    cloud.b.namespace.run(["nft", "add rule inet quiet in tcp dport 99 drop"])
    yield cloud
    cloud.b.namespace.run(["nft", "delete table inet quiet"])
    cloud.change("clear Logical_Port v-c conntrack")


def test_flood_of_syns_pushes_out_itself_only(limited):
    """Half-open sessions over the limit make way for new ones; established ones of the same guest and of others, and
    new ones of others, go on."""
    cloud = limited
    with Connection(cloud.c, cloud.b, 81) as own, Connection(cloud.a, cloud.b, 80) as other:
        flood(cloud, cloud.c, cloud.b, 3000, 99)
        assert len([line for line in sessions(cloud.host, "dport=99") if f"src={cloud.c.v4}" in line]) <= 50
        own.exchange()
        other.exchange()
        allow_tcp(cloud.a, cloud.b, 82)
        allow_tcp(cloud.c, cloud.b, 83)
        with Stream(cloud.a, cloud.b, 7000) as stream:
            flood(cloud, cloud.c, cloud.b, 3000, 99)
        assert stream.lost == 0


def test_guest_at_its_limit_is_refused_and_counted_and_others_are_not(limited):
    cloud = limited
    before = drops(cloud.host, "v-c", "ct_quota")
    with Connection(cloud.c, cloud.b, 81) as own, cloud.b.udp(53):
        for number in range(300):
            with cloud.c.udp(20000 + number) as one:
                one.sendto(b"x", (cloud.b.v4, 53))
        wait_until(lambda: drops(cloud.host, "v-c", "ct_quota") > before, 10, "refusal by quota")
        own.exchange()
        assert len([line for line in sessions(cloud.host, "dport=53") if f"src={cloud.c.v4}" in line]) <= 200
        with cloud.c.start_connect(cloud.b.v4, 84) as refused:
            assert not is_connected(refused, 0.2)
        allow_tcp(cloud.a, cloud.b, 82)
        allow_udp(cloud.a, cloud.b, 54)
    cloud.host.appctl("dpctl/flush-conntrack")
    allow_tcp(cloud.c, cloud.b, 85)


@pytest.fixture(scope="module")
def small(lab, all_guests):
    """Another host whose table is small."""
    one = lab.host("small", cpu_mask="0x1")
    one.start()
    one.sluice_vsctl("--no-wait", "set", "Sluice", ".", f"options:max-sessions={SMALL_TABLE}")
    one.stop_switch()
    one.start_switch()
    cloud = SmallCloud(lab, one)
    yield cloud
    assert one.daemon.running, one.log()[-2000:]


class SmallCloud:
    """Two guests on a host of its own."""

    def __init__(self, lab, host):
        host.add_bridge("br-int")
        self.host = host
        self.a, self.b = (Guest(lab, host, "br-int", name, n, prefix=5) for n, name in enumerate(("x", "y"), 1))
        change(host, *(f"lport-add {one.port} '{one.addresses()}'" for one in (self.a, self.b)),
               *(f"set Logical_Port {one.port} conntrack:max=60000" for one in (self.a, self.b)),
               "group-add g", "rule-add g direction=ingress", "rule-add g direction=egress", "lport-set-groups v-y g",
               "lport-set-groups v-x g")


def test_full_table_keeps_what_it_has_and_counts_what_it_refuses(small):
    warm(small.a, small.b)
    with Connection(small.a, small.b, 80) as one, small.b.udp(53):
        with small.a.udp() as sender:
            before = drops(small.host, "v-x", "ct_table_full")
            for number in range(2 * SMALL_TABLE):
                sender.sendto(b"x", (small.b.v4, 10000 + number))
            wait_until(lambda: drops(small.host, "v-x", "ct_table_full") > before, 10, "full table")
        one.exchange()
        with small.a.start_connect(small.b.v4, 84) as refused:
            assert not is_connected(refused, 0.2)
        one.exchange()
    small.host.appctl("dpctl/flush-conntrack")
    wait_until(lambda: len(sessions(small.host)) == 0, 10, "empty table")
    allow_tcp(small.a, small.b, 81)
