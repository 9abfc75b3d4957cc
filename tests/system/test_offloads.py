# SPDX-License-Identifier: Apache-2.0
"""What senders leave to the network card goes through the switch, and what arrives is right: receivers count no bad
checksum. That large frames went through in one piece shows in the counters of the port that they left by.

    left                                              right             peer (kernel VXLAN)
    br-int  v-a, v-b: stations with offloads on       br-int  v-c       vx 10.8.0.9
            g1, g2: guests, br-int itself (tap)
    br-phy  uplink ============ lan0 ================ uplink, br-phy    uplink
"""
import hashlib
import re
import socket

import pytest
from endpoints import Station, drops, entered
from lab import netns, underlay
from lab.guest import Nic
from tunnels import transfer, tunnels

VTEPS = {"left": "172.31.0.1", "right": "172.31.0.2", "peer": "172.31.0.9"}
GUESTS = {"g1": ("02:dd:00:00:08:11", "10.8.0.11"), "g2": ("02:dd:00:00:08:12", "10.8.0.12")}
AMOUNT = 8 << 20
# Per frame that leaves a port, on average, when large ones are among them and when there are none.
LARGE, ORDINARY = 3000, 1600


def turn_on(space, device):
    """Let the kernel leave checksums and segments to a device, which netns.veth() has forbidden it."""
    space.run(["ethtool", "-K", device, "tx", "on", "tso", "on", "gso", "on"])


class Pair:
    """Hosts left and right, and the namespace of the kernel's tunnel endpoint, on one segment."""

    def __init__(self, lab):
        self.lab = lab
        self.lan = lab.namespace("lan")
        self.lan.ip("link add lan0 type bridge")
        self.lan.ip("link set lan0 up")
        self.peer = lab.namespace("peer")
        self.left, self.right = (lab.host(name, cpu_mask="0x2").start() for name in ("left", "right"))
        for name, space in (("left", self.left.namespace), ("right", self.right.namespace), ("peer", self.peer)):
            netns.veth(space, underlay.DEVICE, self.lan, name, underlay.MTU)
            self.lan.ip(f"link set {name} master lan0")
        for host, name in ((self.left, "left"), (self.right, "right")):
            underlay.attach(host, f"{VTEPS[name]}/24")
            host.add_bridge("br-int")
        self.peer.ip(f"addr add {VTEPS['peer']}/24 dev uplink")
        self.left.give_address("br-int", "10.8.0.1/24")
        self.a = self.station(self.left, "a", "10.8.0.2/24", "fd08::2/64")
        self.b = self.station(self.left, "b", "10.8.0.3/24", "fd08::3/64")
        self.c = self.station(self.right, "c", "10.8.0.4/24", "fd08::4/64")

    def station(self, host, name, address, ipv6):
        station = Station(self.lab, host, "br-int", name, address)
        station.namespace.run(["sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=0"])
        station.namespace.ip(f"addr add {ipv6} dev eth0 nodad")
        turn_on(station.namespace, "eth0")
        turn_on(host.namespace, station.port)
        return station

    def tunnel(self, kind, csum):
        options = {"key": 8, "csum": str(csum).lower()}
        return tunnels((self.left, "br-int", "t-right", kind, VTEPS["right"], (), options),
                       (self.right, "br-int", "t-left", kind, VTEPS["left"], (), options))


@pytest.fixture(scope="module")
def pair(lab):
    yield (pair := Pair(lab))
    for host in (pair.left, pair.right):
        assert host.daemon.running, host.log()[-2000:]


def bad_checksums(space):
    """Segments and datagrams that the receiver has thrown away for their checksum so far."""
    text = space.run(["nstat", "-asz", "TcpInCsumErrors", "UdpInCsumErrors", "Udp6InCsumErrors"]).stdout
    return sum(int(number) for number in re.findall(r"CsumErrors +(\d+)", text))


def received(space, device):
    """Frames and bytes that have come by a device; one that was not cut is one."""
    folder = f"/sys/class/net/{device}/statistics"
    return [int(word) for word in space.run(["cat", f"{folder}/rx_packets", f"{folder}/rx_bytes"]).stdout.split()]


def mean_frame(lab, sender, receiver, address, device="eth0"):
    """Send over TCP to ADDRESS; returns how long frames were on average when they arrived at its device. None may have
    had a bad checksum."""
    bad, before = bad_checksums(receiver), received(receiver, device)
    transfer(receiver, sender, address, lab.dir, amount=str(AMOUNT))
    packets, octets = (now - then for now, then in zip(received(receiver, device), before))
    assert octets > AMOUNT / 2  # iperf3's server does not wait for the last bytes
    assert bad_checksums(receiver) == bad
    return octets / packets


# The kernel ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["10.8.0.3", "fd08::3"])
def test_large_frames_pass_from_station_to_station(lab, pair, address):
    pair.a.wait_ping("10.8.0.3")
    assert mean_frame(lab, pair.a.namespace, pair.b.namespace, address) > LARGE


def test_large_frames_pass_between_a_station_and_the_host(lab, pair):
    pair.a.wait_ping("10.8.0.1")
    assert mean_frame(lab, pair.a.namespace, pair.left.namespace, "10.8.0.1", "br-int") > LARGE
    assert mean_frame(lab, pair.left.namespace, pair.a.namespace, "10.8.0.2") > LARGE


def test_datagrams_pass_with_their_checksums_open(pair):
    bad = bad_checksums(pair.b.namespace)
    with entered(pair.b.namespace):
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind(("10.8.0.3", 5008))
        receiver.settimeout(5)
    with entered(pair.a.namespace):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with receiver, sender:
        for size in (1, 2, 3, 1000, 1471, 1472, 4000):
            sender.sendto(bytes(range(256)) * 16 if size == 4000 else bytes(size), ("10.8.0.3", 5008))
            assert receiver.recv(8192)
    assert bad_checksums(pair.b.namespace) == bad


# Tunnels ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("csum", [False, True])
@pytest.mark.parametrize("kind", ["vxlan", "geneve"])
def test_large_frames_are_cut_for_the_wire_of_a_tunnel(lab, pair, kind, csum):
    with pair.tunnel(kind, csum):
        pair.a.wait_ping("10.8.0.4")
        for address in ("10.8.0.4", "fd08::4"):
            assert mean_frame(lab, pair.a.namespace, pair.c.namespace, address) < ORDINARY
        assert drops(pair.right, "uplink", "tunnel_checksum") == 0


@pytest.mark.parametrize("csum", [False, True])
def test_kernels_tunnel_endpoint_finds_nothing_wrong(lab, pair, csum):
    for space, device in ((pair.peer, "uplink"), (pair.lan, "peer"), (pair.lan, "left"), (pair.left.namespace, "uplink")):
        turn_on(space, device)
    pair.peer.ip(f"link add vx address 02:ee:00:00:08:09 type vxlan id 8 local {VTEPS['peer']} remote {VTEPS['left']} dstport 4789 dev uplink",
                 "udpcsum" if csum else "noudpcsum")
    pair.peer.ip("link set vx mtu 1500 up")
    pair.peer.ip("addr add 10.8.0.9/24 dev vx")
    try:
        with tunnels((pair.left, "br-int", "t-peer", "vxlan", VTEPS["peer"], (),
                      {"key": 8, "csum": str(csum).lower()})):
            pair.a.wait_ping("10.8.0.9")
            assert mean_frame(lab, pair.a.namespace, pair.peer, "10.8.0.9", "vx") < ORDINARY
            # What the kernel has put into its tunnel in one piece comes out of it in one piece.
            assert mean_frame(lab, pair.peer, pair.a.namespace, "10.8.0.2") > LARGE
    finally:
        pair.peer.ip("link del vx")


# Guests -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guests(lab, pair):
    """Two guests with Linux's virtio-net, which has all offloads on."""
    started = {}
    for name, (mac, _) in GUESTS.items():
        path = str(lab.dir / f"{name}.sock")
        pair.left.plug_guest("br-int", name, path, mac, port_id=name, machine_id=f"m-{name}")
        started[name] = lab.guest(name, pair.left, nics=[Nic(path, mac)])
        started[name].start()
    for name, (_, address) in GUESTS.items():
        started[name].wait_ready(120).configure(f"{address}/24")
    return started


def guest_counters(guest):
    """Frames and bytes received, TCP segments with a bad checksum."""
    text = guest.run("cat /sys/class/net/eth0/statistics/rx_packets /sys/class/net/eth0/statistics/rx_bytes; "
                     "awk '/^Tcp:/ { n = $NF } END { print n }' /proc/net/snmp", check=True).output
    return [int(word) for word in text.split()]


def receive_in(guest):
    """Let a guest wait for one connection, whose bytes it keeps. Its own direction stays open: busybox's nc at the other
    end would leave when that ends."""
    guest.run("rm -f /tmp/got /tmp/open; mkfifo /tmp/open\n"
              "(nc -l -p 5009 <>/tmp/open >/tmp/got; touch /tmp/end) >/dev/null 2>&1 &\n"
              "until netstat -ltn | grep -q ':5009 '; do usleep 20000; done; rm -f /tmp/end", check=True)


def digest_of_received(guest):
    return guest.run("until [ -e /tmp/end ]; do usleep 50000; done; md5sum </tmp/got", timeout=60, check=True).output


def test_guests_are_offered_all_but_udp_fragmentation(pair, guests):
    features = int(pair.left.get("Interface", "g1", "status:features"), 16)
    for bit in (0, 1, 7, 8, 9, 11, 12, 13, 15):  # CSUM .. HOST_ECN, MRG_RXBUF
        assert features & 1 << bit, bit
    for bit in (6, 10, 14):  # GSO, GUEST_UFO, HOST_UFO
        assert not features & 1 << bit, bit


def test_large_frames_pass_from_guest_to_guest(guests):
    sender, receiver = guests["g1"], guests["g2"]
    sent = sender.run("head -c 4000000 /dev/urandom >/tmp/sent; md5sum </tmp/sent", timeout=60, check=True).output
    before = guest_counters(receiver)
    receive_in(receiver)
    sender.run("nc 10.8.0.12 5009 </tmp/sent", timeout=60, check=True)
    assert digest_of_received(receiver) == sent
    packets, octets, bad = (now - then for now, then in zip(guest_counters(receiver), before))
    assert octets > 4000000
    assert bad == 0
    assert octets / packets > LARGE


def test_guests_tag_comes_and_goes_in_front_of_large_frames(pair, guests):
    """A trunk guest's VLAN device and the access port of a kernel device."""
    guest = guests["g1"]
    guest.run("for m in llc stp garp mrp 8021q; do insmod /modules/$m.ko; done; "
              "ip link add link eth0 name eth0.9 type vlan id 9 && ip addr add 10.9.0.11/24 dev eth0.9 && "
              "ip link set eth0.9 up", check=True)
    pair.left.vsctl("set", "Port", "v-b", "tag=9")
    pair.b.namespace.ip("addr add 10.9.0.3/24 dev eth0")
    try:
        pair.b.wait_ping("10.9.0.11")
        bad, before = bad_checksums(pair.b.namespace), received(pair.b.namespace, "eth0")
        content = bytes(range(249)) * 8000
        receive_in(guest)
        with entered(pair.b.namespace):
            sender = socket.create_connection(("10.9.0.11", 5009), 10)
            listener = socket.create_server(("10.9.0.3", 5009))
        with sender:
            sender.sendall(content)
        assert digest_of_received(guest).split()[0] == hashlib.md5(content).hexdigest()
        listener.settimeout(20)
        guest.run("nc 10.9.0.3 5009 </tmp/got >/dev/null 2>&1 &", check=True)
        with listener, listener.accept()[0] as receiver:
            assert receiver.makefile("rb").read() == content
        packets, octets = (now - then for now, then in zip(received(pair.b.namespace, "eth0"), before))
        assert bad_checksums(pair.b.namespace) == bad
        assert octets > len(content)
        assert octets / packets > 1000  # acknowledgements of what went the other way are among them
    finally:
        pair.left.vsctl("clear", "Port", "v-b", "tag")


def test_guest_and_kernel_understand_each_other(lab, pair, guests):
    """Through a kernel device, in both directions."""
    guest = guests["g1"]
    before = guest_counters(guest)
    content = bytes(range(251)) * 16000
    receive_in(guest)
    with entered(pair.a.namespace):
        sender = socket.create_connection(("10.8.0.11", 5009), 10)
    with sender:
        sender.sendall(content)
    assert digest_of_received(guest).split()[0] == hashlib.md5(content).hexdigest()
    packets, octets, bad = (now - then for now, then in zip(guest_counters(guest), before))
    assert bad == 0
    assert octets / packets > LARGE
