# SPDX-License-Identifier: Apache-2.0
"""Security groups between two hosts: the sender on one, the receiver on the other, a VXLAN or GENEVE tunnel between.

      host: sluice-vswitchd              host: sluice-vswitchd
    br-int: v-a  v-c  tun0             tun0  v-b :br-int
             |    |     \\_ br-phy ==== br-phy _/  |
             a    c     172.31.0.1   172.31.0.2   b      10.6.0.1, .3 and .2; fd00:6::1, 3 and 2
"""
import pytest

from endpoints import drops
from lab import underlay
from lab.process import wait_until
from policed import Connection, Guest, Stream, change, sessions, waiting

MTU = 1400
GUESTS = "abc"
TUNNEL = "tun0"  # answers for the packets that came through it


class Overlay:
    """Every host has all Logical_Port rows, as a controller would give them; the remote ones are known by address."""

    def __init__(self, lab, kind):
        self.left, self.right = (lab.host(f"{kind[0]}{side}", cpu_mask="0x1").start() for side in "lr")
        underlay.join(self.left, "172.31.0.1/24", self.right, "172.31.0.2/24")
        for host, remote in ((self.left, "172.31.0.2"), (self.right, "172.31.0.1")):
            host.add_bridge("br-int")
            host.vsctl("add-port", "br-int", "tun0", "--", "set", "Interface", "tun0", f"type={kind}",
                       f"options:remote_ip={remote}", "options:key=77")
        names = {name: f"{kind[0]}{name}" for name in GUESTS}
        self.a = Guest(lab, self.left, "br-int", names["a"], 1, prefix=6, mtu=MTU)
        self.b = Guest(lab, self.right, "br-int", names["b"], 2, prefix=6, mtu=MTU)
        self.c = Guest(lab, self.left, "br-int", names["c"], 3, prefix=6, mtu=MTU)
        for guest in (self.a, self.b, self.c):
            self.change(f"lport-add {guest.port} '{guest.addresses()}'")
        wait_until(lambda: self.a.echo_once(self.b.v4), 20, "answer over the tunnel",
                   [self.left.daemon.log, self.right.daemon.log])
        assert self.c.echo_once(self.b.v6, timeout=5) and self.a.echo_once(self.b.v6, timeout=5)

    def change(self, *commands):
        for host in (self.left, self.right):
            change(host, *commands)


@pytest.fixture(scope="module", params=["vxlan", "geneve"])
def overlay(lab, request):
    one = Overlay(lab, request.param)
    yield one
    for host in (one.left, one.right):
        assert host.daemon.running, host.log()[-2000:]
        host.stop()


@pytest.mark.parametrize("family", ["v4", "v6"])
def test_group_is_in_force_across_hosts(overlay, family):
    """One group for all, its members may talk to each other: what clouds call the default group."""
    a, b, c = overlay.a, overlay.b, overlay.c
    address = getattr(b, family)
    overlay.change("group-add default", "rule-add default direction=egress",
                   "rule-add default name=peers direction=ingress remote_group=default",
                   f"lport-set-groups {a.port} default", f"lport-set-groups {b.port} default")
    try:
        with Connection(a, b, 80, address) as one:
            one.exchange(b"x" * 20000)
            for host in (overlay.left, overlay.right):
                assert len(sessions(host, f"sport={one.client_port},")) == 1
            before = drops(overlay.right, TUNNEL, "policy_ingress")
            with c.start_connect(address, 80) as refused:
                wait_until(lambda: drops(overlay.right, TUNNEL, "policy_ingress") > before, 10, "refusal of a stranger")
                assert not waiting(refused)
            with Stream(a, b, 2000, address) as stream:
                overlay.change(f"lport-set-groups {c.port} default")
                with Connection(c, b, 81, address) as late:
                    late.exchange()
                overlay.change(f"lport-set-groups {c.port}")
                stream.wait_more()
            assert stream.lost == 0
            overlay.change("rule-del default peers")
            before = drops(overlay.right, TUNNEL, "policy_cut")
            one.client.send(b"late")
            wait_until(lambda: drops(overlay.right, TUNNEL, "policy_cut") > before, 10, "cut of the connection")
            assert not waiting(one.server)
            before = drops(overlay.right, b.port, "policy_cut")
            one.server.send(b"late")
            wait_until(lambda: drops(overlay.right, b.port, "policy_cut") > before, 10, "cut of the replies")
            assert not waiting(one.client)
    finally:
        overlay.change(*(f"lport-set-groups {guest.port}" for guest in (a, b, c)), "group-del default")


def test_egress_is_refused_before_the_tunnel(overlay):
    a, b = overlay.a, overlay.b
    overlay.change("group-add closed", f"lport-set-groups {a.port} closed")
    try:
        before = drops(overlay.left, a.port, "policy_egress")
        with a.start_connect(b.v4, 80) as refused:
            wait_until(lambda: drops(overlay.left, a.port, "policy_egress") > before, 10, "refusal by the left host")
            assert not waiting(refused)
    finally:
        overlay.change(f"lport-set-groups {a.port}", "group-del closed")


def test_port_unreachable_crosses_the_tunnel(overlay):
    a, b = overlay.a, overlay.b
    overlay.change("group-add asker", "rule-add asker direction=egress", f"lport-set-groups {a.port} asker",
                   "group-add answerer", "rule-add answerer direction=ingress protocol=udp",
                   f"lport-set-groups {b.port} answerer")
    try:
        with a.udp() as client:
            client.connect((b.v4, 9))
            client.send(b"anybody?")
            with pytest.raises(ConnectionRefusedError):
                client.recv(8)
    finally:
        overlay.change(f"lport-set-groups {a.port}", f"lport-set-groups {b.port}", "group-del asker",
                       "group-del answerer")


@pytest.mark.parametrize("family", ["v4", "v6"])
def test_fragmented_datagrams_cross_the_tunnel(overlay, family):
    a, b = overlay.a, overlay.b
    address = getattr(b, family)
    overlay.change("group-add asker", "rule-add asker direction=egress", f"lport-set-groups {a.port} asker",
                   "group-add answerer", "rule-add answerer direction=ingress protocol=udp",
                   f"lport-set-groups {b.port} answerer")
    try:
        with b.udp(2000, address) as server, a.udp(0, a.address_like(address)) as client:
            client.sendto(b"q" * 8000, (address, 2000))
            text, sender = server.recvfrom(65536)
            assert text == b"q" * 8000
            server.sendto(b"a" * 8000, sender)
            assert client.recv(65536) == b"a" * 8000
    finally:
        overlay.change(f"lport-set-groups {a.port}", f"lport-set-groups {b.port}", "group-del asker",
                       "group-del answerer")
