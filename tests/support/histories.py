# SPDX-License-Identifier: Apache-2.0
"""Histories of connections for oracle.py: what each side sends, one packet after the other.

Ports of b: what a may open (OPEN), what a deny rule refuses (DENIED), what is answered (REJECTED), what no rule names
(CLOSED). a may be opened at BACK by b."""

import random

from scapy.all import (ICMP, IP, SCTP, TCP, UDP, ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest,
                       ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6, IPv6ExtHdrFragment, Raw, fragment)
from scapy.layers.sctp import (SCTPChunkCookieAck, SCTPChunkCookieEcho, SCTPChunkData, SCTPChunkInit,
                               SCTPChunkInitAck)

from oracle import V4, V6, Packet, other, ports_of

OPEN, DENIED, REJECTED, CLOSED, BACK = 80, 83, 82, 81, 90
FAMILIES = (4, 6)
# Other flags do not move a connection on.
SENSIBLE = ("S", "SA", "A", "PA", "FA", "R", "RA")


def network(side, family):
    """The network header of what SIDE sends to the other."""
    to = other(side)
    return IP(src=V4[side], dst=V4[to]) if family == 4 else IPv6(src=V6[side], dst=V6[to])


class Ports:
    """A new pair of ports for each connection."""
    _last = 20000

    @classmethod
    def next(cls):
        cls._last += 1
        return cls._last


class Tcp:
    """A TCP connection that a opens (or FIRST does), with sequence numbers as its ends would have them."""

    def __init__(self, family, port=OPEN, first="a"):
        self.family = family
        own = Ports.next()
        self._ports = {first: (own, port), other(first): (port, own)}
        self._next = {"a": 1000, "b": 700000}
        self._heard = {"a": 0, "b": 0}
        self._used = {"a": set(), "b": set()}
        self.history = []

    def send(self, side, flags, size=0, shift=0, note=""):
        """A segment of SIDE; SHIFT moves its sequence number out of place."""
        sport, dport = self._ports[side]
        ack = self._heard[side] if "A" in flags else 0
        segment = TCP(sport=sport, dport=dport, flags=flags, seq=(self._next[side] + shift) & 0xFFFFFFFF, ack=ack,
                      window=8192)
        if size:
            segment /= Raw(b"x" * size)
        packet = Packet(side, network(side, self.family) / segment, note or f"{side}:{flags or 'none'}+{size}")
        self.history.append(packet)
        if not shift and flags in SENSIBLE:
            # What is sent again takes no room: a SYN or FIN has one number in a connection.
            self._next[side] += size + sum(flag in flags and flag not in self._used[side] for flag in "SF")
            self._used[side] |= set(flags)
            self._heard[other(side)] = self._next[side]
        return self

    def say(self, text):
        """Segments as "a:S b:SA a:A a:PA+10"."""
        for word in text.split():
            side, rest = word.split(":")
            flags, _, size = rest.partition("+")
            self.send(side, "" if flags == "none" else flags, int(size or 0))
        return self

    def handshake(self):
        return self.say("a:S b:SA a:A")

    def spoil(self, side):
        """A segment whose checksum is not right."""
        self.send(side, "PA", 5, note=f"{side}: bad checksum")
        self.history[-1].ip.payload.chksum = 0x1234
        return self

    def error(self, side, **changes):
        """An ICMP error of SIDE about the last segment of the other."""
        last = next(packet.ip for packet in reversed(self.history) if packet.side != side and ports_of(packet.ip))
        self.history.append(icmp_error(side, self.family, last, **changes))
        return self


class Udp:
    """Datagrams between a port of a and one of b."""

    def __init__(self, family, port=53):
        self.family = family
        own = Ports.next()
        self._ports = {"a": (own, port), "b": (port, own)}
        self.history = []

    def send(self, side, size=8):
        sport, dport = self._ports[side]
        self.history.append(Packet(side, network(side, self.family) / UDP(sport=sport, dport=dport) /
                                   Raw(b"u" * size), f"{side}:udp"))
        return self

    def error(self, side, **changes):
        last = next(packet.ip for packet in reversed(self.history) if packet.side != side and ports_of(packet.ip))
        self.history.append(icmp_error(side, self.family, last, **changes))
        return self


class Echo:
    """Echo requests and replies of one identifier."""

    def __init__(self, family):
        self.family = family
        self._id = Ports.next()
        self._seq = 0
        self.history = []

    def send(self, side, kind, code=0):
        self._seq += 1
        if self.family == 4:
            echo = ICMP(type={"request": 8, "reply": 0}[kind], code=code, id=self._id, seq=self._seq)
        else:
            layer = ICMPv6EchoRequest if kind == "request" else ICMPv6EchoReply
            echo = layer(id=self._id, seq=self._seq, code=code)
        self.history.append(Packet(side, network(side, self.family) / echo / Raw(b"e" * 8), f"{side}:{kind}"))
        return self


def icmp_error(side, family, quoted, kind="unreachable", sport=None, source=None, cut=None):
    """An ICMP error of SIDE that quotes a packet; SPORT and SOURCE make the quotation false, CUT shortens it."""
    inner = quoted.copy()
    if sport is not None:
        inner.payload.sport = sport
    if source is not None:
        inner.src = source
    inner.ttl = 63
    text = bytes(inner)
    if cut is not None:
        text = text[:cut]
    layers = {(4, "unreachable"): ICMP(type=3, code=3), (4, "big"): ICMP(type=3, code=4, nexthopmtu=1280),
              (4, "time"): ICMP(type=11), (6, "unreachable"): ICMPv6DestUnreach(code=4),
              (6, "big"): ICMPv6PacketTooBig(mtu=1280), (6, "time"): ICMPv6TimeExceeded()}
    return Packet(side, network(side, family) / layers[family, kind] / Raw(text), f"{side}:icmp {kind}")


def fragments(side, family, port, order=None, size=2400, leave=()):
    """A datagram in pieces of 800 bytes, in ORDER; those in LEAVE are never sent."""
    sport = Ports.next()
    payload = UDP(sport=sport, dport=port) / Raw(b"f" * (size - 8))
    if family == 4:
        pieces = fragment(network(side, 4) / payload, fragsize=800)
    else:
        whole = bytes(network(side, 6) / payload)[40:]
        pieces = [network(side, 6) /
                  IPv6ExtHdrFragment(nh=17, offset=start // 8, m=start + 800 < len(whole), id=sport) /
                  Raw(whole[start:start + 800]) for start in range(0, len(whole), 800)]
    packets = [Packet(side, piece, f"{side}:piece {index}", ("datagram", sport)) for index, piece in enumerate(pieces)]
    return [packets[index] for index in order or range(len(packets)) if index not in leave]


def associate(family, port=OPEN, wrong_tag=False):
    """An SCTP association that a opens, and data; at the end, with WRONG_TAG, a chunk that is not of it."""
    sport = Ports.next()

    def one(side, tag, chunk, note):
        ports = {"sport": sport, "dport": port} if side == "a" else {"sport": port, "dport": sport}
        return Packet(side, network(side, family) / SCTP(tag=tag, **ports) / chunk, f"{side}:{note}")

    return [one("a", 0, SCTPChunkInit(init_tag=7, a_rwnd=8000, n_out_streams=1, n_in_streams=1, init_tsn=1), "init"),
            one("b", 7, SCTPChunkInitAck(init_tag=9, a_rwnd=8000, n_out_streams=1, n_in_streams=1, init_tsn=1), "ack"),
            one("a", 9, SCTPChunkCookieEcho(cookie=b"cook"), "echo"),
            one("b", 7, SCTPChunkCookieAck(), "cookie-ack"),
            one("a", 9, SCTPChunkData(tsn=1, data=b"data"), "data"),
            one("b", 7, SCTPChunkData(tsn=1, data=b"data"), "data"),
            *([one("a", 99, SCTPChunkData(tsn=2, data=b"data"), "wrong tag")] if wrong_tag else [])]


# Random ones ----------------------------------------------------------------------------------------------------------

FLAGS = ("S", "S", "SA", "SA", "A", "A", "A", "PA", "PA", "FA", "FA", "R", "RA", "F", "SF", "", "FPU")


def random_tcp(dice, family, length):
    """Segments of any kind from either side; half of the histories begin as connections do."""
    one = Tcp(family, dice.choice((OPEN, OPEN, OPEN, OPEN, CLOSED)))
    if dice.random() < 0.5:
        one.handshake()
    while len(one.history) < length:
        flags = dice.choice(FLAGS)
        one.send(dice.choice("ab"), flags, dice.choice((0, 0, 20)) if "S" not in flags and "R" not in flags else 0)
    return one.history


def random_udp(dice, family, length):
    """Datagrams and errors from either side."""
    one = Udp(family, dice.choice((53, 53, 53, CLOSED)))
    one.send(dice.choice("aaab"))
    while len(one.history) < length:
        side = dice.choice("ab")
        if dice.random() < 0.2 and any(packet.side != side and ports_of(packet.ip) for packet in one.history):
            changes = dice.choice(({}, {}, {"sport": 7}, {"source": (V4 if family == 4 else V6)[side]}))
            one.error(side, kind=dice.choice(("unreachable", "big", "time")), **changes)
        else:
            one.send(side)
    return one.history


def random_echo(dice, family, length):
    """Requests and replies from either side."""
    one = Echo(family)
    while len(one.history) < length:
        one.send(dice.choice("aab"), dice.choice(("request", "reply")))
    return one.history


def random_histories(seed, count, length=9):
    """So many histories, each time the same for a seed."""
    dice = random.Random(seed)
    makers = (random_tcp, random_tcp, random_udp, random_echo)
    return [makers[n % len(makers)](dice, dice.choice(FAMILIES), length) for n in range(count)]
