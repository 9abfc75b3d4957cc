# SPDX-License-Identifier: Apache-2.0
"""What the demo tries, one row of the table each.

What must fail is shown twice: by the receiver, which got nothing, and by the switch, which names the reason.
"""

from lab.process import wait_until

from . import drops
from .capture import Capture
from .report import Row
from .topology import CLOSED_PORT, GATEWAY, MTU, OPEN_PORT, SEATS, TENANT_1, TENANT_2

COUNT = 5
FAILING_COUNT = 3
SEAT = {seat.name: seat for seat in SEATS}
FOREIGN_MAC = "02:00:00:00:00:66"
FOREIGN_IPV4 = "10.0.0.99"


class Checks:
    """The checks of one encapsulation."""

    def __init__(self, topology, encap, folder, progress):
        self._hosts = topology.hosts
        self._guests = topology.guests
        self._encap = encap
        self._progress = progress
        self._capture = Capture(self._hosts[0], folder, encap)
        self.rows = []

    def run(self):
        """Try everything; the rows are in self.rows."""
        self._wait_for_overlay()
        self._capture.start()
        try:
            self._pings()
            self._allowed_tcp()
            self._denied_tcp()
            self._spoofed_ipv4()
            self._spoofed_arp()
            self._spoofed_mac()
            self._tenant_2()
        finally:
            self._capture.stop()
        self._wire()

    def _row(self, tried, expected, happened, right):
        self.rows.append(Row(self._encap.upper(), tried, expected, happened, right))
        self._progress.step(f"{self._encap.upper()}: {tried}: {happened}{'' if right else '  <-- WRONG'}")

    def _wait_for_overlay(self):
        """The endpoints have to find each other's link address first."""
        self._progress.step(f"{self._encap.upper()}: waiting for the overlay between the hosts")
        logs = [host.daemon.log for host in self._hosts]
        for name, address in (("g1", SEAT["g3"].ipv4), ("g3", SEAT["g1"].ipv4), ("g4", GATEWAY)):
            wait_until(lambda n=name, a=address: self._guests[n].ping(a, count=1), 30,
                       f"an answer from {address} to {name} over {self._encap.upper()}", logs)

    # What must work -------------------------------------------------------------------------------------------------

    def _pings(self):
        for tried, sender, address in (
                ("ping across hosts, g1 to g3", "g1", SEAT["g3"].ipv4),
                ("ping across hosts, IPv6", "g1", SEAT["g3"].ipv6),
                ("ping on one host, g1 to g2", "g1", SEAT["g2"].ipv4)):
            answers = self._guests[sender].ping(address, count=COUNT)
            self._row(tried, f"{COUNT} of {COUNT} answered", f"{answers} of {COUNT} answered", answers == COUNT)
        answers = self._guests["g1"].ping(SEAT["g3"].ipv4, count=COUNT, size=MTU - 28)
        self._row(f"ping across hosts, {MTU} bytes", f"{COUNT} of {COUNT} answered", f"{answers} of {COUNT} answered",
                  answers == COUNT)

    def _allowed_tcp(self):
        for where, receiver in (("across hosts", "g3"), ("on one host", "g2")):
            wanted = f"{receiver}-port-{OPEN_PORT}"
            text = self._guests["g1"].connect_tcp(SEAT[receiver].ipv4, OPEN_PORT)
            self._row(f"TCP to port {OPEN_PORT}, allowed, {where}", "connects",
                      "connected" if text == wanted else f"no connection ({text})" if text else "no connection",
                      text == wanted)

    # What must fail -------------------------------------------------------------------------------------------------

    def _denied_tcp(self):
        for where, receiver in (("across hosts", "g3"), ("on one host", "g2")):
            def attempt(receiver=receiver):
                return self._guests["g1"].connect_tcp(SEAT[receiver].ipv4, CLOSED_PORT)

            text, dropped = self._drops_during(SEAT[receiver].host, "policy_ingress", attempt)
            self._row(f"TCP to port {CLOSED_PORT}, no rule, {where}", "fails, policy_ingress",
                      f"{'no connection' if text is None else 'CONNECTED'}, {dropped} dropped as policy_ingress",
                      text is None and dropped > 0)

    def _spoofed_ipv4(self):
        def attempt():
            with_neighbour(self._guests["g1"], SEAT["g2"])
            return self._guests["g1"].run(
                f"ip addr add {FOREIGN_IPV4}/32 dev eth0\n"
                f"ping -c {FAILING_COUNT} -W 1 -i 0.2 -I {FOREIGN_IPV4} {SEAT['g2'].ipv4}\n"
                f"ip addr del {FOREIGN_IPV4}/32 dev eth0\n", timeout=15)

        self._spoof("spoofed source address, g1 to g2", "g2", "spoofed_ipv4", attempt)

    def _spoofed_mac(self):
        own = SEAT["g1"]
        guest = self._guests["g1"]

        def attempt():
            guest.use_mac(FOREIGN_MAC)
            with_neighbour(guest, SEAT["g2"])
            guest.ping(SEAT["g2"].ipv4, count=FAILING_COUNT)
            guest.use_mac(own.mac)
            # The IPv6 address went with the link.
            guest.run(f"ip addr add {own.ipv6}/64 dev eth0", check=True)

        self._spoof("spoofed source MAC, g1 to g2", "g2", "spoofed_mac", attempt)

    def _spoof(self, tried, receiver, reason, attempt):
        """A spoofed ping from g1: the receiver must not see it, and g1's host must drop it for a reason."""
        before = self._guests[receiver].echoes_received()
        _, dropped = self._drops_during(SEAT["g1"].host, reason, attempt)
        seen = self._guests[receiver].echoes_received() - before
        self._row(tried, f"fails, {reason}", f"{seen} arrived, {dropped} dropped as {reason}",
                  seen == 0 and dropped >= FAILING_COUNT)

    def _spoofed_arp(self):
        """g1 says that g2's address is its own."""
        stolen = SEAT["g2"].ipv4
        script = (f"ip addr add {stolen}/32 dev eth0\n"
                  f"arping -q -U -c {FAILING_COUNT} -w {FAILING_COUNT} -s {stolen} -I eth0 {SEAT['g3'].ipv4}\n"
                  f"arping -q -b -c {FAILING_COUNT} -w {FAILING_COUNT} -s {stolen} -I eth0 {SEAT['g3'].ipv4}\n"
                  f"ip addr del {stolen}/32 dev eth0\n")
        _, dropped = self._drops_during(SEAT["g1"].host, "spoofed_arp",
                                        lambda: self._guests["g1"].run(script, timeout=20))
        fooled = self._guests["g3"].run(f"arp -n | grep '({stolen})' | grep -q {SEAT['g1'].mac}")
        self._row("spoofed ARP, g1 as g2 to g3", "fails, spoofed_arp",
                  f"{'g3 FOOLED' if fooled else 'g3 not fooled'}, {dropped} dropped as spoofed_arp",
                  not fooled and dropped >= FAILING_COUNT)

    def _drops_during(self, host, reason, attempt):
        """What an attempt came to, and by how much a host's drop counter rose meanwhile."""
        before = drops.total(self._hosts[host], reason)
        result = attempt()
        return result, drops.total(self._hosts[host], reason) - before

    # Tenant 2 -------------------------------------------------------------------------------------------------------

    def _tenant_2(self):
        answers = self._guests["g4"].ping(GATEWAY, count=COUNT)
        self._row("tenant 2: ping across hosts, g4 to its gateway", f"{COUNT} of {COUNT} answered",
                  f"{answers} of {COUNT} answered", answers == COUNT)
        for name in ("g2", "g3"):
            self._tenant_2_reaches(name)
        before = {name: self._guests[name].echoes_received() for name in ("g1", "g4")}
        answers = self._guests["g3"].ping(SEAT["g1"].ipv4, count=COUNT)
        got = {name: self._guests[name].echoes_received() - count for name, count in before.items()}
        self._row("tenant 1: g3 to g1, whose addresses g4 has too", f"g1 gets {COUNT}, g4 gets 0",
                  f"g1 got {got['g1']}, g4 got {got['g4']}, {answers} answered",
                  answers == COUNT and got == {"g1": COUNT, "g4": 0})

    def _tenant_2_reaches(self, name):
        """g4 with a guest of tenant 1: once by ARP, once with the link address given to it."""
        guest, seat = self._guests["g4"], SEAT[name]
        before = self._guests[name].echoes_received()
        found = guest.arping(seat.ipv4, count=FAILING_COUNT)
        with_neighbour(guest, seat)
        answers = guest.ping(seat.ipv4, count=FAILING_COUNT)
        text = guest.connect_tcp(seat.ipv4, OPEN_PORT)
        guest.run(f"arp -d {seat.ipv4}")
        seen = self._guests[name].echoes_received() - before
        self._row(f"tenant 2: g4 to tenant 1's {name}", "fails",
                  f"{found} ARP answers, {answers} pings answered, {seen} arrived, "
                  f"{'no connection' if text is None else 'CONNECTED'}",
                  found == answers == seen == 0 and text is None)

    # The wire -------------------------------------------------------------------------------------------------------

    def _wire(self):
        frames = {tenant.vni: self._capture.count_network(self._encap, tenant.vni) for tenant in (TENANT_1, TENANT_2)}
        others = self._capture.count() - sum(frames.values())
        seen = ", ".join(f"{count} of VNI {vni}" for vni, count in frames.items())
        self._row("frames between the hosts", f"{self._encap.upper()} only, both VNIs", f"{seen}, {others} others",
                  all(frames.values()) and others == 0)


def with_neighbour(guest, seat):
    """Give a guest the link address of another, so that what it sends needs no ARP."""
    guest.run(f"arp -s {seat.ipv4} {seat.mac}", check=True)
