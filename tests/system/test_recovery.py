# SPDX-License-Identifier: Apache-2.0
"""What happens to a host at night: daemons that die, devices that go, bridges deleted under traffic.

    a                                b                       10.8.0.1, 10.8.0.2
    | v-a                            | v-b
    br-int ── blue (VNI 8) ──────── br-int
    left: br-phy 172.31.0.1         right: br-phy 172.31.0.2
    '------------- veth -------------'
"""
import re

import pytest
from endpoints import Pinger, Station
from lab import underlay
from lab.process import Process, wait_until

VTEPS = ["172.31.0.1", "172.31.0.2"]


class Pair:
    """Two hosts with a station each, joined by a Logical_Network."""

    def __init__(self, lab):
        self.lab = lab
        self.left, self.right = self.hosts = [lab.host(name, cpu_mask="0x2").start() for name in ("left", "right")]
        underlay.join(self.left, f"{VTEPS[0]}/24", self.right, f"{VTEPS[1]}/24")
        for host in self.hosts:
            host.add_bridge("br-int")
            host.sluice_vsctl("network-add", "blue", "bridge=br-int", "vni=8", f"vteps={','.join(VTEPS)}")
        self.a = Station(lab, self.left, "br-int", "a", "10.8.0.1/24")
        self.b = Station(lab, self.right, "br-int", "b", "10.8.0.2/24")
        self.a.wait_ping(self.b.address)


@pytest.fixture(scope="module")
def pair(lab):
    one = Pair(lab)
    yield one
    for host in one.hosts:
        assert host.daemon.running, host.log()[-2000:]
        assert "Sanitizer" not in host.log()


@pytest.mark.parametrize("which", ["left", "right"])
@pytest.mark.parametrize("address_by", ["the host's scripts", "nobody in between"])
def test_switch_killed_under_overlay_traffic(pair, which, address_by):
    """Guards against answers of the kernel ("udp port 4789 unreachable") where the switch should take the packet."""
    host = getattr(pair, which)
    peer = pair.right if which == "left" else pair.left
    log = pair.lab.dir / "icmp.log"
    log.unlink(missing_ok=True)
    with Pinger(pair.a, pair.b.address) as pinger:
        host.kill_switch()
        if address_by == "nobody in between":
            # The device of the bridge comes back bare; its address comes while packets already arrive.
            host.daemon.start(60)
            host.give_address("br-phy", f"{VTEPS[which == 'right']}/24")
        else:
            host.start_switch()
        pinger.wait_more(10)
        # From here on not one datagram may reach a kernel.
        watch = Process([*peer.namespace.prefix(), "timeout", "60", "tcpdump", "-n", "-l", "-i", "any",
                         "icmp[icmptype] == icmp-unreach"], log)
        try:
            wait_until(lambda: "listening on" in log.read_text(), 20, "start of tcpdump", [log])
            pinger.wait_more(30)
        finally:
            watch.stop()
    assert "unreachable" not in log.read_text(), log.read_text()


def test_ovsdb_server_killed_under_overlay_traffic(pair):
    with Pinger(pair.a, pair.b.address) as pinger:
        pair.left.kill_ovsdb()
        pinger.wait_more(10)
        pair.left.start_ovsdb()
        pair.left.vsctl("set", "Open_vSwitch", ".", "external_ids:n=1")
        pinger.wait_more(10)
    assert pinger.lost == 0, pinger.gaps


def test_underlay_can_be_looked_at(pair):
    assert f"Cached: 172.31.0.0/24 dev br-phy SRC {VTEPS[0]}" in pair.left.appctl("ovs/route/show").splitlines()
    assert re.search(rf"^{VTEPS[1]} +([0-9a-f]{{2}}:){{5}}[0-9a-f]{{2}} +br-phy$", pair.left.appctl("tnl/neigh/show"),
                     re.M)
    assert re.search(rf"^blue: vxlan {VTEPS[0]}->{VTEPS[1]} key=8 dst_port=4789 .*\(ready\)$",
                     pair.left.appctl("tnl/ports/show", "-v"), re.M)


def test_bridge_deleted_and_made_again_under_traffic(pair):
    host = pair.left
    status = ["get", "Logical_Network", "blue", "status"]
    assert host.sluice_vsctl(*status) == "{}"
    with Pinger(pair.a, pair.b.address) as pinger:
        host.vsctl("del-br", "br-int")
        wait_until(lambda: host.sluice_vsctl(*status) == '{bridge="not on this host"}', 10, "status of the network",
                   [host.daemon.log])
        host.add_bridge("br-int")
        host.vsctl("add-port", "br-int", pair.a.port)
        pinger.wait_more(10)
    wait_until(lambda: host.sluice_vsctl(*status) == "{}", 10, "status of the network", [host.daemon.log])


def test_device_of_a_bridge_deleted_by_hand(pair):
    """"ip link del" on the tap of br-int's own port: the bridge goes on without it, and says so."""
    host = pair.left
    with Pinger(pair.a, pair.b.address) as pinger:
        host.namespace.ip("link del br-int")
        pinger.wait_more(10)
    assert pinger.lost == 0, pinger.gaps
    # Making the bridge again brings the device back.
    host.vsctl("del-br", "br-int")
    host.add_bridge("br-int")
    host.vsctl("add-port", "br-int", pair.a.port)
    assert host.namespace.has("br-int")
    pair.a.wait_ping(pair.b.address)


def test_underlay_device_goes_and_comes_back(pair):
    """The uplink's netdev vanishes with its peer; both ports take the new ones up by themselves."""
    pair.left.namespace.ip("link del uplink")
    for host in pair.hosts:
        wait_until(lambda host=host: host.get("Interface", "uplink", "ofport") == "-1", 10, "loss of the uplink",
                   [host.daemon.log])
    underlay.netns.veth(pair.left.namespace, "uplink", pair.right.namespace, "uplink", underlay.MTU)
    pair.a.wait_ping(pair.b.address, 30)
    for host in pair.hosts:
        assert host.get("Interface", "uplink", "error") == "[]"


def test_log_of_all_this_is_short(pair):
    """No line is repeated without end."""
    for host in pair.hosts:
        lines = [re.sub(r"^[^|]*\|\d+\|", "", line) for line in host.log().splitlines()]
        worst = max(set(lines), key=lines.count)
        assert lines.count(worst) <= 40, f"{lines.count(worst)} times: {worst}"
        assert len(lines) < 800, "\n".join(lines[:60])
