# SPDX-License-Identifier: Apache-2.0
"""Frames in numbers, each of a connection of its own, from a raw socket of a guest: what floods are made of.

Their transport checksums are wrong on purpose: the switch has no use for them, and the kernel at the other end throws
the frames away in silence instead of answering."""

import threading

from scapy.all import IP, TCP, UDP, Ether, Raw

PORTS = range(1024, 65536)
BATCH = 32
SOCKET_BYTES = 32 << 20


class Opener:
    """Frames from one guest to a port of another, "udp" or "syn"; the source port of each is the next one. MARK is in
    all of them and in nothing else."""

    def __init__(self, source, destination, kind, port, mark=b"<flood>"):
        transport = (TCP(sport=0, dport=port, flags="S", chksum=0xBAD) if kind == "syn" else
                     UDP(sport=0, dport=port, chksum=0xBAD))
        frame = (Ether(src=source.mac, dst=destination.mac) / IP(src=source.v4, dst=destination.v4) / transport /
                 Raw(mark))
        self._frame = bytearray(bytes(frame))
        self._next = PORTS.start
        self._sender, self._receiver = source.raw(), destination.raw()
        self._receiver.enlarge(SOCKET_BYTES)
        self._mark = mark
        self.sent = self.arrived = 0

    def send(self, count):
        """COUNT frames more."""
        for _ in range(count):
            self._frame[34:36] = self._next.to_bytes(2, "big")
            self._next = self._next + 1 if self._next + 1 in PORTS else PORTS.start
            self._sender.send(self._frame)
            self.sent += 1

    def look(self):
        """How many have arrived so far."""
        self.arrived += len(self._receiver.waiting(self._mark))
        return self.arrived

    def close(self):
        self._sender.close()
        self._receiver.close()


class Flood:
    """An Opener at work as fast as it can be as long as the block lasts."""

    def __init__(self, opener):
        self._opener = opener
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._stop.is_set():
            self._opener.send(BATCH)
            self._opener.look()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
