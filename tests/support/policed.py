# SPDX-License-Identifier: Apache-2.0
"""Guests under policy: stations with addresses of both families, sockets in them, connections held open by tests, and
the words in which tests change policy."""

import select
import shlex
import socket
import threading
import time

from endpoints import Station, entered
from lab.process import wait_until

PATIENCE = 10


class Guest(Station):
    """A station N of a network: 10.PREFIX.0.N and fdPREFIX::N, link address 02:00:00:PREFIX:LETTER:N."""

    def __init__(self, lab, host, bridge, name, n, *settings, prefix=3, mtu=1500):
        super().__init__(lab, host, None, name, None, mtu=mtu)
        self.mac = f"02:00:00:{prefix:02x}:00:{n:02x}"
        self.v4, self.v6 = f"10.{prefix}.0.{n}", f"fd00:{prefix:x}::{n:x}"
        self.namespace.ip(f"link set eth0 address {self.mac}")
        self.namespace.run(["sysctl", "-qw", "net.ipv6.conf.eth0.router_solicitations=0",
                            "net.ipv6.conf.eth0.accept_dad=0", "net.ipv6.conf.eth0.disable_ipv6=0"])
        self.namespace.ip(f"addr add {self.v4}/24 dev eth0")
        self.namespace.ip(f"addr add {self.v6}/64 dev eth0 nodad")
        host.vsctl("add-port", bridge, self.port, *settings)

    def addresses(self):
        """What Logical_Port.addresses says of it."""
        return f"{self.mac} {self.v4} {self.v6}"

    def address_like(self, other):
        """Its address of the family of OTHER."""
        return self.v6 if ":" in other else self.v4

    def socket(self, kind, address=None, port=0):
        """A socket of the guest, bound to an address of its own."""
        address = address or self.v4
        with entered(self.namespace):
            one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        self._lab.defer(one.close)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.settimeout(PATIENCE)
        one.bind((address, port))
        return one

    def udp(self, port=0, address=None):
        return self.socket(socket.SOCK_DGRAM, address, port)

    def listen(self, port, address=None):
        one = self.socket(socket.SOCK_STREAM, address, port)
        one.listen()
        return one

    def start_connect(self, address, port):
        """A TCP connection that is being opened."""
        one = self.socket(socket.SOCK_STREAM, self.address_like(address))
        one.setblocking(False)
        one.connect_ex((address, port))
        return one

    def echo_once(self, address, timeout=2, tries=1):
        """Whether an echo request is answered."""
        done = self.namespace.run(["ping", "-n", "-c", tries, "-W", timeout, address], check=False)
        return done.returncode == 0


class Connection:
    """An open TCP connection from CLIENT to a port of SERVER."""

    def __init__(self, client, server, port, address=None):
        address = address or server.v4
        with server.listen(port, address) as listener:
            self.client = client.socket(socket.SOCK_STREAM, client.address_like(address))
            self.client.connect((address, port))
            self.server = listener.accept()[0]
        for one in (self.client, self.server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.settimeout(PATIENCE)
        self.client_port = self.client.getsockname()[1]

    def exchange(self, text=b"hello"):
        """A text there and back; fails when either is lost."""
        for one, other in ((self.client, self.server), (self.server, self.client)):
            one.sendall(text)
            assert receive(other, len(text)) == text

    def close(self):
        self.client.close()
        self.server.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def receive(one, n):
    """N bytes of a stream."""
    text = b""
    while len(text) < n:
        piece = one.recv(n - len(text))
        assert piece, "the stream ended"
        text += piece
    return text


def waiting(one):
    """Whether there is something to read right now."""
    return bool(select.select([one], [], [], 0)[0])


def is_connected(one, timeout=PATIENCE):
    """Whether the connection that is being opened comes up in time."""
    return bool(select.select([], [one], [], timeout)[1]) and one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


class Stream:
    """Numbered datagrams from one guest to another, one each INTERVAL, as long as the block lasts. Afterwards .lost is
    how many did not arrive, .sent how many there were; .got holds the numbers of those
    that did. The last ones have GRACE seconds to arrive."""

    def __init__(self, source, destination, port, address=None, interval=0.002, grace=1):
        address = address or destination.v4
        self._to = destination.udp(port, address)
        self._to.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._from = source.udp(0, source.address_like(address))
        self._from.connect((address, port))
        self._interval = interval
        self._grace = grace
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent = self.lost = 0
        self.got = set()

    def _run(self):
        while not self._stop.is_set():
            self._from.send(b"%d" % self.sent)
            self.sent += 1
            while waiting(self._to):
                self.got.add(int(self._to.recv(64)))
            time.sleep(self._interval)  # the pace of the traffic, not a wait for anything

    def wait_more(self, count=20):
        """Wait until COUNT more datagrams were sent."""
        want = self.sent + count
        wait_until(lambda: self.sent >= want, PATIENCE, f"{count} more datagrams")

    def __enter__(self):
        self._thread.start()
        self.wait_more(3)
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(PATIENCE)
        deadline = time.monotonic() + self._grace
        while len(self.got) < self.sent and (left := deadline - time.monotonic()) > 0:
            if select.select([self._to], [], [], left)[0]:
                self.got.add(int(self._to.recv(64)))
        self.lost = self.sent - len(self.got)
        self._to.close()
        self._from.close()


def change(host, *commands):
    """One transaction of the Sluice database, each command one string; returns when the switch enforces it."""
    words = []
    for command in commands:
        words += [*(["--"] if words else []), *shlex.split(command)]
    return host.sluice_vsctl(*words)


def all_drops(host, port):
    """{reason: packets} of a port, by drop/show."""
    rows = (line.split() for line in host.appctl("drop/show", port).splitlines()[1:])
    return {fields[1]: int(fields[2]) for fields in rows}


def sessions(host, text=""):
    """The lines of dpctl/dump-conntrack that hold TEXT."""
    return [line for line in host.appctl("dpctl/dump-conntrack").splitlines() if text in line]

