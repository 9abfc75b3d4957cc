# SPDX-License-Identifier: Apache-2.0
"""Encapsulated packets, taken apart and put together byte by byte, and the commands that make tunnels."""

import struct
import time
from contextlib import contextmanager

from endpoints import RawSocket
from lab import netns, process, underlay
from lab.process import Process, wait_until

VTEPS = {"left": "172.31.0.1", "right": "172.31.0.2", "third": "172.31.0.3"}
UDP_PORTS = {"vxlan": 4789, "geneve": 6081}
KINDS = list(UDP_PORTS)


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def ip_bytes(text):
    return bytes(int(part) for part in text.split("."))


def ones_sum(content):
    """The 16-bit ones' complement sum (RFC 1071)."""
    content += b"\0" * (len(content) % 2)
    total = sum(struct.unpack(f"!{len(content) // 2}H", content))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return total


def pseudo_header(ip, length):
    return ip[12:20] + struct.pack("!BBH", 0, 17, length)


class Outer:
    """An encapsulated frame; raises ValueError for any other. KIND says how to read what follows UDP."""

    def __init__(self, frame, kind):
        self.dst_mac, self.src_mac = frame[:6], frame[6:12]
        self.tag = struct.unpack("!H", frame[14:16])[0] if frame[12:14] == b"\x81\x00" else None
        ip = frame[14 if self.tag is None else 18:]
        ethertype = frame[12:14] if self.tag is None else frame[16:18]
        if ethertype != b"\x08\x00" or ip[9] != 17:
            raise ValueError("not UDP")
        self.tos, self.ttl = ip[1], ip[8]
        self.df = bool(ip[6] & 0x40)
        self.src, self.dst = (".".join(map(str, ip[n:n + 4])) for n in (12, 16))
        self.ip_length = struct.unpack("!H", ip[2:4])[0]
        self.ip_checksum_right = ones_sum(ip[:20]) == 0xffff
        udp = ip[20:self.ip_length]
        self.sport, self.dport, self.udp_length, self.checksum = struct.unpack("!4H", udp[:8])
        self.checksum_right = ones_sum(pseudo_header(ip, len(udp)) + udp) == 0xffff
        header = udp[8:16]
        self.flags = header[0] if kind == "vxlan" else struct.unpack("!HH", header[:4])
        self.vni = int.from_bytes(header[4:7], "big")
        self.inner = udp[16:]


class Wire:
    """What comes in on a device of a namespace: "with Wire(namespace, device) as wire"."""

    def __init__(self, namespace, device):
        self._place = namespace, device

    def __enter__(self):
        self.raw = RawSocket(*self._place)
        return self

    def __exit__(self, *_):
        self.raw.close()

    def next(self, kind, port=None, mark=b"", timeout=10.0):
        """The next packet encapsulated as KIND, to a UDP port, that holds MARK."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            frame = self.raw.receive(left)
            if frame is None or mark not in frame:
                continue
            try:
                outer = Outer(frame, kind)
            except (ValueError, IndexError, struct.error):
                continue
            if outer.dport == (port or UDP_PORTS[kind]):
                return outer
        raise AssertionError(f"no {kind} packet on the wire in {timeout} s")


class Segment:
    """Hosts left, right and third, each with br-phy and br-int, whose uplinks end on a kernel bridge, lan0, in the
    namespace "lan"; there their ports are called like the hosts."""

    def __init__(self, lab):
        self.dir = lab.dir
        self.lan = lab.namespace("lan")
        self.lan.ip("link add lan0 type bridge")
        self.lan.ip("link set lan0 up")
        self.left, self.right, self.third = self.hosts = [lab.host(name, cpu_mask="0x3").start() for name in VTEPS]
        for host, (name, vtep) in zip(self.hosts, VTEPS.items()):
            self.plug(host.namespace, underlay.DEVICE, name)
            underlay.attach(host, f"{vtep}/24")
            host.add_bridge("br-int")

    def plug(self, space, device, name):
        """Join a new device of a namespace to the segment, by a port of that name."""
        netns.veth(space, device, self.lan, name, underlay.MTU)
        self.lan.ip(f"link set {name} master lan0")

    def wire(self, name):
        """What a host sends."""
        return Wire(self.lan, name)


def encapsulated(kind, src_mac, dst_mac, src, dst, vni, inner, port=None):
    """A frame with INNER in a tunnel packet, without a UDP checksum."""
    vni = struct.pack("!I", vni << 8)
    header = (b"\x08\0\0\0" if kind == "vxlan" else b"\0\0\x65\x58") + vni
    udp = struct.pack("!4H", 50000, port or UDP_PORTS[kind], 16 + len(inner), 0) + header + inner
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + ip_bytes(src) + ip_bytes(dst)
    ip = ip[:10] + struct.pack("!H", ~ones_sum(ip) & 0xffff) + ip[12:]
    return mac_bytes(dst_mac) + mac_bytes(src_mac) + b"\x08\x00" + ip + udp


def add_tunnel(host, bridge, name, kind, remote, *settings, **options):
    """Add a tunnel port; SETTINGS are COLUMN=VALUE of the Port, OPTIONS of Interface.options."""
    host.vsctl("add-port", bridge, name, *settings, "--", "set", "Interface", name, f"type={kind}",
               f"options:remote_ip={remote}", *(f"options:{key}={value}" for key, value in options.items()))


def set_options(host, name, **options):
    """Change options of a tunnel port."""
    host.vsctl("set", "Interface", name, *(f"options:{key}={value}" for key, value in options.items()))


@contextmanager
def tunnels(*ports):
    """Tunnel ports for the time of the block; each is (HOST, BRIDGE, NAME, KIND, REMOTE, SETTINGS, OPTIONS)."""
    try:
        for host, bridge, name, kind, remote, settings, options in ports:
            add_tunnel(host, bridge, name, kind, remote, *settings, **options)
        yield
    finally:
        for host, bridge, name, *_ in ports:
            host.vsctl("--if-exists", "del-port", bridge, name)


def transfer(server, client, address, log_dir, amount="4M"):
    """Send AMOUNT over TCP with iperf3 from one namespace to ADDRESS in another; raises when it does not arrive."""
    log = log_dir / "iperf3.log"
    log.unlink(missing_ok=True)
    listener = Process([*server.prefix(), "iperf3", "-s", "-1", "--forceflush"], log)
    try:
        wait_until(lambda: "listening" in log.read_text(), 10, "start of iperf3", [log])
        done = client.run(["iperf3", "-c", address, "-n", amount, "--connect-timeout", "5000"], check=False,
                          timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
    except process.LabError as error:
        raise AssertionError(f"{error}\n{process.tail(log)}") from error
    finally:
        listener.stop()
