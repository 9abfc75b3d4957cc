# SPDX-License-Identifier: Apache-2.0
"""Every frame is accounted for while policy changes all the time, guests flood, and the session table is full: it has
arrived, or it is counted under the reason for which it has not.

         host: sluice-vswitchd, two workers                      small: a table of 1024 sessions
    br-int: v-a  v-b  v-c  v-d  (VLAN 0)   v-e  v-f (VLAN 20)    br-int: v-p   v-q
             |    |    |    |               |    |                        |     |
             a    b    c    d               e    f                        p     q    namespaces, 10.4.0.1 and .2
"""
import contextlib
import threading

import pytest

from cloud import all_guests, allow_tcp, allow_udp, cloud, host, refuse_udp, warm  # noqa: F401
from endpoints import drops
from floods import Flood, Opener
from lab.process import wait_until
from policed import Connection, Guest, Stream, all_drops, change, sessions

ROUNDS = 25
TABLE = 1024
REASONS = ("policy_egress", "policy_ingress", "policy_cut", "ct_invalid")
# Ports of b.
ALWAYS, NEVER, NEVER_BY_GUEST = 2000, 2001, 2002


class Watched:
    """Traffic for as long as the block lasts: from a to port ALWAYS of b and back, which must pass; and what must not:
    from a to port NEVER, from c to port NEVER_BY_GUEST. Afterwards .check() counts."""

    def __init__(self, cloud):
        self._cloud = cloud
        self._always = [Stream(cloud.a, cloud.b, ALWAYS, interval=0.001),
                        Stream(cloud.a, cloud.b, ALWAYS + 1000, cloud.b.v6, interval=0.001),
                        Stream(cloud.b, cloud.a, ALWAYS, interval=0.001)]
        self._never = [Stream(cloud.a, cloud.b, NEVER, interval=0.001, grace=0.2),
                       Stream(cloud.c, cloud.b, NEVER_BY_GUEST, interval=0.001, grace=0.2)]
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        self._before = self._refused()
        for stream in (*self._always, *self._never):
            self._stack.enter_context(stream)
        return self

    def __exit__(self, *_):
        self.wait_more()
        self._stack.close()

    def wait_more(self):
        for stream in (*self._always, *self._never):
            stream.wait_more()

    def _refused(self):
        return {guest.port: sum(all_drops(self._cloud.host, guest.port).get(reason, 0) for reason in REASONS)
                for guest in (self._cloud.a, self._cloud.c)}

    def check(self):
        """Not one frame lost or leaked, and each that was refused counted once."""
        assert [stream.lost for stream in self._always] == [0, 0, 0]
        assert [len(stream.got) for stream in self._never] == [0, 0]
        sent = {guest.port: stream.sent for guest, stream in zip((self._cloud.a, self._cloud.c), self._never)}
        assert {port: count - self._before[port] for port, count in self._refused().items()} == sent


def always_and_never(cloud, *more):
    """b lets everybody in at ALWAYS and ALWAYS + 1000, by a group of its own, and a lets b in."""
    warm(cloud.a, cloud.b, cloud.c)
    cloud.change("group-add base", f"rule-add base name=always direction=ingress protocol=udp port_min={ALWAYS}",
                 f"rule-add base direction=ingress protocol=udp port_min={ALWAYS + 1000}",
                 "rule-add base direction=egress", "rule-add base direction=ingress protocol=icmp",
                 "group-add peer", f"rule-add peer direction=ingress protocol=udp port_min={ALWAYS}",
                 "rule-add peer direction=egress", "lport-set-groups v-b base", "lport-set-groups v-a peer", *more)


def run(cloud, step):
    """STEP(n) returns the commands of the nth change; all under traffic."""
    with Watched(cloud) as watched:
        for n in range(ROUNDS):
            cloud.change(*step(n))
    watched.check()


def test_the_only_group_replaced_all_the_time(cloud):
    always_and_never(cloud)

    def step(n):
        return (f"group-add g{n}", f"rule-add g{n} direction=egress",
                f"rule-add g{n} direction=ingress protocol=udp port_min={ALWAYS} port_max={ALWAYS}",
                f"rule-add g{n} direction=ingress protocol=udp port_min={ALWAYS + 900} port_max={ALWAYS + 1000 + n}",
                f"lport-set-groups v-b g{n}", f"group-del {f'g{n - 1}' if n > 0 else 'base'}")

    run(cloud, step)


def test_rules_replaced_all_the_time(cloud):
    always_and_never(cloud)
    cloud.change("rule-del base always", f"rule-add base name=r0 direction=ingress protocol=udp port_min={ALWAYS}")

    def step(n):
        return (f"rule-del base r{n}", f"rule-add base name=r{n + 1} direction=ingress protocol=udp "
                f"port_min={ALWAYS - n} port_max={ALWAYS} remote_cidr=10.3.0.0/{24 + n % 6}")

    run(cloud, step)


def test_acl_tiers_changed_all_the_time(cloud):
    """What is denied is denied by another tier each time, what is allowed allowed by another one."""
    always_and_never(cloud)
    cloud.change("lport-set-groups v-b", *acls(0))

    def step(n):
        return ("acl-del port v-b deny", "acl-del port v-b guest", "acl-del port v-b allow", *acls(n + 1))

    run(cloud, step)


def acls(n):
    """b without groups: everything else is open."""
    high, low = n % 4, 4 + n * 3 % 4
    order = (high, low) if n % 2 else (low, high)
    return (f"acl-add port v-b name=deny direction=ingress action=deny tier={order[0]} protocol=udp port_min={NEVER}",
            f"acl-add port v-b name=guest direction=ingress action=deny tier={order[1]} priority={n} protocol=udp "
            f"port_min={NEVER_BY_GUEST} remote_cidr=10.3.0.3",
            f"acl-add port v-b name=allow direction=ingress action=allow tier={high} protocol=udp port_min={ALWAYS}")


def test_ovsdb_server_killed_changes_nothing(cloud):
    always_and_never(cloud)
    with Watched(cloud) as watched:
        for _ in range(3):
            cloud.host.kill_ovsdb()
            watched.wait_more()
            cloud.host.start_ovsdb()
            # In force again, and confirmed.
            cloud.change("rule-add base name=extra direction=ingress protocol=tcp port_min=80")
            watched.wait_more()
            cloud.change("rule-del base extra")
    watched.check()


# Floods ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def flooded(cloud):
    """a floods b at port 80, within limits; c and d are neighbours that have policy too."""
    warm(cloud.a, cloud.b, cloud.c, cloud.d)
    cloud.change("group-add open", "rule-add open direction=ingress", "rule-add open direction=egress",
                 *(f"lport-set-groups {guest.port} open" for guest in (cloud.a, cloud.b, cloud.c, cloud.d)),
                 "lport-set-conntrack v-a max=600 half-open=50")
    return cloud


def test_handshakes_that_do_not_finish_are_limited_and_the_oldest_makes_way(flooded):
    opener = Opener(flooded.a, flooded.b, "syn", 80)
    before = drops(flooded.host, "v-a", "ct_quota")
    for _ in range(20):
        opener.send(15)
        opener.look()
    refused = drops(flooded.host, "v-a", "ct_quota") - before
    wait_until(lambda: opener.look() + refused == opener.sent, 10, "every SYN accounted for")
    assert opener.arrived == 300  # an early drop costs the session, not the packet
    lines = sessions(flooded.host, "dport=80)")
    assert 0 < len(lines) <= 50
    # The newest is among those that are left, the oldest is not.
    assert any(f"sport={1024 + 299}," in line for line in lines)
    assert not any("sport=1024," in line for line in lines)
    opener.close()


def test_guest_has_no_more_sessions_than_it_may_and_others_have_theirs(flooded):
    flooded.change("lport-set-conntrack v-a max=100")
    opener = Opener(flooded.a, flooded.b, "udp", 53)
    before = drops(flooded.host, "v-a", "ct_quota")
    opener.send(400)
    wait_until(lambda: opener.look() + drops(flooded.host, "v-a", "ct_quota") - before == opener.sent, 10,
               "every datagram accounted for")
    assert opener.arrived == 100
    allow_tcp(flooded.c, flooded.d, 80)
    refuse_udp(flooded, flooded.a, flooded.c, 53, "ct_quota")
    # Towards the full one there is no limit: the caller is charged.
    allow_udp(flooded.c, flooded.a, 53)
    opener.close()


def open_some(cloud, results):
    """New connections of the neighbours, one after the other, of both protocols."""
    for _ in range(20):
        allow_tcp(cloud.c, cloud.d, 80)
        allow_udp(cloud.c, cloud.d, 53)
        results.append(True)


def test_syn_flood_leaves_the_neighbours_alone(flooded):
    opener, results = Opener(flooded.a, flooded.b, "syn", 80), []
    before = all_drops(flooded.host, "v-c"), all_drops(flooded.host, "v-d")
    with Connection(flooded.c, flooded.d, 8080) as old, Stream(flooded.c, flooded.d, 2000) as stream, \
            Connection(flooded.a, flooded.b, 8080) as own:
        with Flood(opener):
            wait_until(lambda: opener.sent > 5000, 60, "a flood")
            worker = threading.Thread(target=open_some, args=(flooded, results))
            worker.start()
            worker.join(60)
            for _ in range(20):
                old.exchange()
            stream.wait_more()
        # The flooder's established connection goes on too: handshakes make way for handshakes alone.
        own.exchange()
    assert len(results) == 20
    assert stream.lost == 0
    assert (all_drops(flooded.host, "v-c"), all_drops(flooded.host, "v-d")) == before
    # The flooder pays for the sessions that made way until their memory is free again, and no longer.
    wait_until(lambda: flooded.a.echo_once(flooded.b.v4, timeout=1), 60, "an end of the flooder's quota")
    opener.close()


# The table ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(lab):
    """A host whose table of sessions is as small as can be, and two guests that may have all of it."""
    one = lab.host("small", cpu_mask="0x3", other_config={"max-sessions": str(TABLE)}).start()
    one.add_bridge("br-int")
    one.p, one.q = (Guest(lab, one, "br-int", name, n, prefix=4) for n, name in enumerate("pq", 1))
    change(one, "group-add open", "rule-add open direction=ingress", "rule-add open direction=egress",
           *(f"lport-add {guest.port} '{guest.addresses()}'" for guest in (one.p, one.q)),
           *(f"lport-set-groups {guest.port} open" for guest in (one.p, one.q)),
           *(f"lport-set-conntrack {guest.port} max=100000" for guest in (one.p, one.q)))
    yield one
    assert one.daemon.running, one.log()[-2000:]


def test_full_table_keeps_what_is_open_and_counts_what_it_refuses(small):
    warm(small.p, small.q)
    with Connection(small.p, small.q, 80) as old, Stream(small.p, small.q, 2000) as stream:
        opener = Opener(small.p, small.q, "udp", 53)
        before = drops(small, "v-p", "ct_table_full")
        for _ in range(50):
            opener.send(40)
            opener.look()
        wait_until(lambda: opener.look() + drops(small, "v-p", "ct_table_full") - before == opener.sent, 10,
                   "every datagram accounted for")
        assert opener.sent - opener.arrived > 2000 - TABLE
        assert int(small.appctl("dpctl/ct-get-nconns").split()[-1]) <= TABLE
        refused = drops(small, "v-p", "ct_table_full")
        with small.p.start_connect(small.q.v4, 81):
            wait_until(lambda: drops(small, "v-p", "ct_table_full") > refused, 10, "refusal of a new connection")
        for _ in range(20):
            old.exchange()
        stream.wait_more()
        opener.close()
    assert stream.lost == 0
    assert drops(small, "v-p", "ct_quota") == 0
    small.appctl("dpctl/flush-conntrack")
    allow_tcp(small.p, small.q, 82)


def test_policy_changes_are_in_force_while_the_table_is_full(small):
    warm(small.p, small.q)
    opener = Opener(small.p, small.q, "udp", 53)
    before = drops(small, "v-p", "ct_table_full")
    opener.send(2 * TABLE)
    wait_until(lambda: drops(small, "v-p", "ct_table_full") > before, 10, "a full table")
    opener.look()
    change(small, "acl-add port v-q name=stateless direction=ingress action=allow-stateless protocol=udp port_min=99",
           "acl-add port v-p name=stateless direction=egress action=allow-stateless protocol=udp port_min=99")
    with Stream(small.p, small.q, 99) as stream:  # needs no session
        stream.wait_more()
    assert stream.lost == 0
    change(small, "acl-del port v-q stateless", "acl-del port v-p stateless")
    opener.close()
