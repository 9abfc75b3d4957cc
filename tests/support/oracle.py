# SPDX-License-Identifier: Apache-2.0
"""The kernel's nftables and conntrack as a second opinion: the same packets go through Sluice and through a router
whose forward chain holds the same rules, and what each let through is compared.

        wires:     sa          sb               ka              kb        raw sockets only
                   |            |                |               |
        switch:  v-sa (br-int) v-sb    router:  ra (nftables)   rb

A packet is known again by its number: IPv4's identification, IPv6's flow label. Packets are sent in rounds; in a round
each side sends, then a frame that always passes tells that what was before it has been dealt with."""

import socket
import time
from dataclasses import dataclass, field

from scapy.all import ARP, ICMP, TCP, Ether, ICMPv6DestUnreach

from endpoints import RawSocket
from lab import netns
from lab.process import LabError
from policed import change

SIDES = "ab"
MACS = {"a": "02:00:00:09:00:0a", "b": "02:00:00:09:00:0b"}
V4 = {"a": "10.9.0.2", "b": "10.9.1.2"}
V6 = {"a": "fd00:9:0::2", "b": "fd00:9:1::2"}
PATIENCE = 10
# So many are under way at once, for which the rings of a switch without a CPU have room.
BURST = 32
ETHERTYPES = {4: 0x0800, 6: 0x86DD}


def other(side):
    return "b" if side == "a" else "a"


@dataclass(eq=False)
class Packet:
    """What one side sends: an IP packet of scapy, and what the two made of it. NOTE says what it is; the pieces of one
    DATAGRAM (any value) have one number."""
    side: str
    ip: object
    note: str = ""
    datagram: object = None
    number: int = 0
    seen: dict = field(default_factory=dict)

    @property
    def verdicts(self):
        """Of Sluice and of the kernel: pass, drop, or what the sender was told."""
        return tuple(self.seen.get(name, "drop") for name in ("sluice", "kernel"))

    def bytes(self, number):
        """The packet with its number in place, from network header on."""
        self.number = number
        ip = self.ip.copy()
        if ip.version == 4:
            ip.id = number
        else:
            ip.fl = number
        return bytes(ip)


def key(frame):
    """(version, number, fragment offset) of a frame; None when it is not IP."""
    kind = int.from_bytes(frame[12:14], "big")
    if kind == 0x0800:
        return 4, int.from_bytes(frame[18:20], "big"), int.from_bytes(frame[20:22], "big") & 0x1FFF
    if kind == 0x86DD:
        offset = int.from_bytes(frame[56:58], "big") >> 3 if frame[20] == 44 else 0
        return 6, int.from_bytes(frame[15:18], "big") & 0xFFFFF, offset
    return None


def answer(frame):
    """What a frame tells its receiver about a packet of its own, with the ports of that packet; None for others."""
    packet = Ether(frame)
    if TCP in packet and packet[TCP].flags.R:
        return "reset", (packet[TCP].dport, packet[TCP].sport)
    quoted = bytes(packet[ICMP].payload) if ICMP in packet and packet[ICMP].type == 3 else b""
    if quoted:
        quoted = quoted[(quoted[0] & 15) * 4:]
    elif ICMPv6DestUnreach in packet:
        quoted = bytes(packet[ICMPv6DestUnreach].payload)[40:]
    if len(quoted) < 4:
        return None
    return "unreachable", (int.from_bytes(quoted[:2], "big"), int.from_bytes(quoted[2:4], "big"))


class Way:
    """One of the two: frames go in at a side and come out at the other."""

    def __init__(self, lab, name, wires, devices, gateways):
        self.name = name
        self.sockets = {side: RawSocket(wires, devices[side]) for side in SIDES}
        for one in self.sockets.values():
            lab.defer(one.close)
            one.enlarge(8 << 20)
        self._gateways = gateways
        self._token = 0
        self.frames = {side: [] for side in SIDES}

    def send(self, side, data):
        header = bytes.fromhex((self._gateways[side] + MACS[side]).replace(":", ""))
        self.sockets[side].send(header + ETHERTYPES[data[0] >> 4].to_bytes(2, "big") + data)

    def _mark(self, side):
        """A frame that always comes through, and where and by which bytes it is known there."""
        raise NotImplementedError

    def settle(self, side):
        """Wait until all that SIDE has sent was dealt with."""
        frame, at, mark = self._mark(side)
        deadline = time.monotonic() + PATIENCE
        while True:
            self.sockets[side].send(frame)
            while (got := self.sockets[at].receive(0.5)) is not None:
                self.frames[at].append(got)
                if mark in got and got[12:14] == b"\x08\x06":
                    return
            if time.monotonic() > deadline:
                raise LabError(f"{self.name}: nothing comes through from {side}")

    def collect(self):
        """What has come out since the last call, by side."""
        for side in SIDES:
            self.frames[side] += self.sockets[side].waiting()
        frames, self.frames = self.frames, {side: [] for side in SIDES}
        return frames


class SluiceWay(Way):
    """Marks are ARP requests, which no rule is asked about."""

    def _mark(self, side):
        self._token += 1
        asked = f"10.200.{self._token >> 8 & 255}.{self._token & 255}"
        request = Ether(src=MACS[side], dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=MACS[side], psrc=V4[side], pdst=asked)
        return bytes(request), other(side), socket.inet_aton(asked)


class KernelWay(Way):
    """Marks are ARP requests that the router answers; their sender address tells the answers apart."""

    def _mark(self, side):
        self._token += 1
        asking = f"{V4[side].rsplit('.', 1)[0]}.{self._token % 240 + 10}"
        gateway = V4[side].rsplit(".", 1)[0] + ".1"
        request = Ether(src=MACS[side], dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=MACS[side], psrc=asking, pdst=gateway)
        return bytes(request), side, socket.inet_aton(asking)


def make_router(lab, wires, ruleset):
    """The router with its rules; returns it and the addresses to which frames are sent, by side."""
    router = lab.namespace("router")
    gateways = {}
    for path, value in (("net/ipv4/ip_forward", 1), ("net/ipv6/conf/all/forwarding", 1),
                        ("net/ipv4/conf/all/rp_filter", 0), ("net/ipv4/conf/default/rp_filter", 0),
                        ("net/ipv4/icmp_ratelimit", 0), ("net/ipv6/icmp/ratelimit", 0),
                        ("net/ipv6/conf/all/accept_dad", 0), ("net/ipv6/conf/default/accept_dad", 0)):
        router.run(["sysctl", "-qw", f"{path.replace('/', '.')}={value}"])
    for side in SIDES:
        device, v4, v6 = f"r{side}", V4[side].rsplit(".", 1)[0], V6[side][:-1]
        netns.veth(wires, f"k{side}", router, device)
        router.ip(f"addr add {v4}.1/24 dev {device}")
        router.ip(f"addr add {v6}1/64 dev {device} nodad")
        router.ip(f"neigh replace {V4[side]} lladdr {MACS[side]} dev {device} nud permanent")
        router.ip(f"neigh replace {V6[side]} lladdr {MACS[side]} dev {device} nud permanent")
        gateways[side] = router.mac(device)
    router.run(["nft", "-f", "-"], stdin=ruleset)
    # Only now that conntrack is in use are its settings there.
    router.run(["sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_loose=0"])
    return router, gateways


class Oracle:
    """Both ways, ready: RULESET is nft's text, COMMANDS are sluice-vsctl's words for the same."""

    def __init__(self, lab, host, ruleset, commands):
        self.host = host
        wires = lab.namespace("wires")
        wires.run(["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"])
        host.add_bridge("br-int")
        for side in SIDES:
            netns.veth(host.namespace, f"v-s{side}", wires, f"s{side}")
            host.vsctl("add-port", "br-int", f"v-s{side}")
        self._router, gateways = make_router(lab, wires, ruleset)
        change(host, *(f"lport-add v-s{side} '{MACS[side]} {V4[side]} {V6[side]}'" for side in SIDES), *commands)
        self.ways = [SluiceWay(lab, "sluice", wires, {side: f"s{side}" for side in SIDES},
                               {side: MACS[other(side)] for side in SIDES}),
                     KernelWay(lab, "kernel", wires, {side: f"k{side}" for side in SIDES}, gateways)]
        for way in self.ways:
            for side in SIDES:
                way.settle(side)
            way.collect()
        self._number = 0
        self._datagrams = {}

    def track_windows(self, yes):
        """Whether the kernel looks at TCP's sequence numbers."""
        self._router.run(["sysctl", "-qw", f"net.netfilter.nf_conntrack_tcp_be_liberal={int(not yes)}"])

    def run(self, histories):
        """Send the packets of all histories, the first of each in the first round and so on, and note what became of
        them. Histories must not share connections."""
        packets = [packet for history in histories for packet in history]
        for number in range(max(map(len, histories))):
            self._round([history[number] for history in histories if number < len(history)])
        for way in self.ways:
            self._note(way, packets)

    def _round(self, packets):
        data = [(packet.side, packet.bytes(self._number_of(packet))) for packet in packets]
        for way in self.ways:
            for side in SIDES:
                chosen = [text for own, text in data if own == side]
                for start in range(0, len(chosen), BURST):
                    for text in chosen[start:start + BURST]:
                        way.send(side, text)
                    way.settle(side)

    def _number_of(self, packet):
        if packet.datagram in self._datagrams:
            return self._datagrams[packet.datagram]
        self._number += 1
        if packet.datagram is not None:
            self._datagrams[packet.datagram] = self._number
        return self._number

    @staticmethod
    def _note(way, packets):
        wanted, asked = {}, {}
        for packet in packets:
            wanted[(other(packet.side), *key(_framed(packet)))] = packet
            if (ports := ports_of(packet.ip)) is not None:
                asked.setdefault((packet.side, packet.ip.version, ports), []).append(packet)
        for side, frames in way.collect().items():
            for frame in frames:
                found = key(frame)
                packet = wanted.get((side, *found)) if found else None
                if packet is not None:
                    packet.seen[way.name] = "pass"
                elif found and (told := answer(frame)) is not None:
                    for own in asked.get((side, found[0], told[1]), []):
                        own.seen.setdefault(way.name, told[0])


def _framed(packet):
    return b"\0" * 12 + ETHERTYPES[packet.ip.version].to_bytes(2, "big") + packet.bytes(packet.number)


def ports_of(ip):
    """Source and destination port of a packet of scapy, None when it has none."""
    transport = ip.payload
    return (transport.sport, transport.dport) if hasattr(transport, "sport") else None
