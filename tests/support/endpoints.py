# SPDX-License-Identifier: Apache-2.0
"""What stands at the ends of a switch in the system tests: namespaces on veth pairs, raw sockets in them, endless pings
whose losses are counted, and what the switch says of its drops."""

import contextlib
import ctypes
import os
import re
import select
import signal
import socket
import threading
import time
from pathlib import Path

from lab import netns
from lab.process import Process, wait_until
from vhost_frontend import Frontend

CLONE_NEWNET = 0x40000000
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
TP_STATUS_VLAN_VALID = 1 << 4
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
_libc = ctypes.CDLL(None, use_errno=True)


def _enter(path):
    with open(path, "rb") as file:
        if _libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {path}")


@contextlib.contextmanager
def entered(namespace):
    """The calling thread is in a namespace; the sockets it makes there stay there."""
    with open(f"/proc/self/task/{threading.get_native_id()}/ns/net", "rb") as own:
        _enter(f"/run/netns/{namespace.name}")
        try:
            yield
        finally:
            _libc.setns(own.fileno(), CLONE_NEWNET)


class RawSocket:
    """Frames as they are, on a device of a namespace. What it receives has its VLAN tag in place."""

    def __init__(self, namespace, device):
        with entered(namespace):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self._socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self._socket.bind((device, ETH_P_ALL))

    def send(self, frame):
        """Send a frame, bytes or a scapy packet."""
        self._socket.send(bytes(frame))

    def receive(self, timeout=5.0):
        """The next frame, or None when none comes in time."""
        if not select.select([self._socket], [], [], timeout)[0]:
            return None
        frame, ancillary, _, _ = self._socket.recvmsg(65536, 256)
        for _, _, aux in ancillary:
            status, tci, tpid = (int.from_bytes(aux[a:b], "little") for a, b in ((0, 4), (16, 18), (18, 20)))
            if status & TP_STATUS_VLAN_VALID:
                frame = frame[:12] + (tpid or 0x8100).to_bytes(2, "big") + tci.to_bytes(2, "big") + frame[12:]
        return frame

    def wait_for(self, mark, timeout=5.0):
        """The next frame that holds MARK (bytes); those before it are thrown away. None when none comes in time."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            frame = self.receive(left)
            if frame is not None and mark in frame:
                return frame
        return None

    def waiting(self, mark=b""):
        """The frames that hold MARK among those that are there already."""
        frames = []
        while (frame := self.receive(0)) is not None:
            if mark in frame:
                frames.append(frame)
        return frames

    def enlarge(self, size):
        """Let so many bytes of frames wait to be received."""
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)

    def close(self):
        self._socket.close()


class Station:
    """A namespace with one device, eth0, whose other end is the port of a bridge."""

    def __init__(self, lab, host, bridge, name, address=None, *settings, mtu=1500):
        self.name = name
        self.port = f"v-{name}"
        self.host = host
        self.namespace = lab.namespace(name)
        netns.veth(host.namespace, self.port, self.namespace, "eth0", mtu)
        # Frames of its own, such as router solicitations, would be among those that tests count.
        self.namespace.run(["sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1"])
        self.address = address.split("/")[0] if address else None
        if address:
            self.namespace.ip(f"addr add {address} dev eth0")
        self.mac = self.namespace.mac("eth0")
        self._lab = lab
        if bridge:
            host.vsctl("add-port", bridge, self.port, *settings)

    def raw(self):
        """A raw socket on eth0, closed at the end of the laboratory."""
        one = RawSocket(self.namespace, "eth0")
        self._lab.defer(one.close)
        return one

    def ping(self, address, count=3, wait=2):
        """How many of COUNT echo requests were answered, the last within WAIT seconds."""
        done = self.namespace.run(["ping", "-n", "-c", count, "-i", "0.05", "-W", wait, address], check=False)
        match = re.search(r"(\d+) received", done.stdout)
        return int(match[1]) if match else 0

    def cannot_reach(self, address):
        """Whether an echo request stays unanswered for a second."""
        return self.ping(address, 1, 1) == 0

    def wait_ping(self, address, timeout=15):
        """Wait until an echo request is answered."""
        wait_until(lambda: self.ping(address, 1), timeout, f"answer of {address} to {self.name}",
                   [self.host.daemon.log])


class Pinger:
    """A ping that goes on and on: "with Pinger(station, address) as pinger", then pinger.lost."""

    def __init__(self, station, address, interval="0.02"):
        log = Path(station.host.dir) / f"ping-{station.name}.log"
        log.unlink(missing_ok=True)
        self._process = Process([*station.namespace.prefix(), "ping", "-n", "-i", interval, "-W", "2", address], log)
        self._log = log
        self.sent = self.lost = 0
        self.gaps = []

    def answered(self):
        """How many answers have come so far."""
        return self._log.read_text().count("bytes from")

    def wait_more(self, count=20, timeout=20):
        """Wait until COUNT more requests are answered."""
        want = self.answered() + count
        wait_until(lambda: self.answered() >= want, timeout, f"{count} more answers to ping", [self._log])

    def __enter__(self):
        self.wait_more(3)
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.wait_more(2)
        finally:
            os.kill(self._process.pid, signal.SIGINT)
        wait_until(lambda: not self._process.running, 10, "end of ping", [self._log])
        text = self._log.read_text()
        self.sent = int(re.search(r"(\d+) packets transmitted", text)[1])
        numbers = [int(number) for number in re.findall(r"icmp_seq=(\d+) ttl", text)]
        # Requests after the last answer are not lost but on their way.
        self.gaps = [(a, b) for a, b in zip([0, *numbers], numbers) if b > a + 1]
        self.lost = sum(b - a - 1 for a, b in self.gaps)


def drops(host, port, reason):
    """How many packets of PORT were dropped under REASON, by drop/show."""
    for line in host.appctl("drop/show", port).splitlines():
        fields = line.split()
        if fields[:2] == [port, reason]:
            return int(fields[2])
    return 0


def wait_drop(host, port, reason, before, more=1, timeout=10):
    """Wait until exactly MORE packets than BEFORE were dropped."""
    wait_until(lambda: drops(host, port, reason) >= before + more, timeout,
               f"{more} more drops of {port} under {reason}", [host.daemon.log])
    assert drops(host, port, reason) == before + more, host.appctl("drop/show", port)


def ofport(host, interface):
    """The number of an interface."""
    return int(host.get("Interface", interface, "ofport"))


def fdb(host, bridge):
    """What fdb/show says: {(VLAN, MAC): (port, age)}."""
    lines = host.appctl("fdb/show", bridge).splitlines()
    assert lines[0] == " port  VLAN  MAC                Age"
    rows = (line.split() for line in lines[1:])
    return {(int(vlan), mac): (port, int(age)) for port, vlan, mac, age in rows}


class VhostEnd:
    """A vhost-user front-end in the place of a guest; SERVER as QEMU is for dpdkvhostuserclient. Frames in and out as
    with RawSocket."""

    def __init__(self, lab, path, server=True, queues=1):
        self.frontend = Frontend(str(path), server=server, queues=queues, timeout=20)
        lab.defer(self.close)

    def send(self, frame):
        self.frontend.send(bytes(frame))

    def receive(self, timeout=5.0):
        return self.frontend.receive(timeout)

    wait_for = RawSocket.wait_for
    waiting = RawSocket.waiting

    def close(self):
        """Hang up; harmless when done before."""
        if self.frontend is not None:
            self.frontend.close()
        self.frontend = None
