# SPDX-License-Identifier: Apache-2.0
"""sluice-gen drives real switches, and its report is looked at: counts and structure, never speed.

    sluice-gen                                sluice-gen
     |      |                                  |      |
    v0     v1    vhost-user ports             t0    under     vhost-user ports
     '-br0--'                               br-int  br-phy    172.31.0.1
      host                                     '-tunnel-'     to 172.31.0.2, which sluice-gen is
"""
import itertools
import json
import shutil

import pytest

from lab import netns, process
from lab.host import BUILD

GEN = BUILD / "tools/gen/sluice-gen"
MACS = "02:00:00:00:00:01,02:00:00:00:00:02"
REMOTE_MAC, REMOTE_IP, SWITCH_IP = "02:00:00:00:01:02", "172.31.0.2", "172.31.0.1"
VNI = 100
SHORT = ["--seconds=0.3", "--warmup=0.1"]
SLOW = ["--pps=20000", *SHORT]


def eal(*vdevs):
    """EAL's arguments: ordinary memory, no device but these."""
    return ["--lcores", "0@0,1@0", "--main-lcore", "0", "--no-pci", "--no-shconf", "--no-telemetry", "--no-huge",
            "-m", "160", *(word for vdev in vdevs for word in ("--vdev", vdev))]


def start(vdevs, *options, check=True):
    """Run sluice-gen to its end."""
    return process.run([GEN, *eal(*vdevs), "--", *options], check=check, timeout=120)


def report(vdevs, *options):
    """What it prints, taken apart."""
    # With both ends of a wire in one program DPDK's driver sometimes crashes while they are closed, after the report.
    return parse(start(vdevs, *options, check="memif" not in vdevs[0]).stdout)


def parse(text):
    """The report in an output, whatever drivers say before and after it."""
    assert '{"flows"' in text, text
    return json.JSONDecoder().raw_decode(text, text.index('{"flows"'))[0]


def fails(*options, vdevs=()):
    """What it says to options that it does not run with."""
    done = start(vdevs, *options, check=False)
    assert done.returncode == 1 and done.stdout == ""
    return done.stderr


def large(lab):
    """A switch that takes large frames: testpmd, which hands on what it gets with all that is said about it. Returns the
    devices of its two guests."""
    if shutil.which("dpdk-testpmd") is None:
        pytest.skip("dpdk-testpmd is not installed")
    sockets = [lab.dir / f"large{n}" for n in range(2)]
    one = process.Process(
        ["dpdk-testpmd", "--lcores", "0@1,1@1", "--main-lcore", "0", "--no-pci", "--no-shconf", "--no-telemetry",
         "--no-huge", "-m", "160",
         *(word for n, socket in enumerate(sockets)
           for word in ("--vdev", f"net_vhost{n},iface={socket},queues=1,tso=1,legacy-ol-flags=1")),
         "--", "--forward-mode=io", "--nb-cores=1", "--total-num-mbufs=16384", "--auto-start", "--no-lsc-interrupt",
         "--stats-period=3600", "--tx-offloads=0x8000"], lab.dir / "testpmd.log")
    lab.defer(one.stop)
    process.wait_until(lambda: all(socket.exists() for socket in sockets), 30, "start of testpmd", [one.log])
    return [f"net_virtio_user{n},path={socket},queue_size=1024" for n, socket in enumerate(sockets)]


def virtio(host, *ports, extra=""):
    """Its devices on vhost-user ports of a host."""
    return [f"net_virtio_user{n},path={host.run_dir / port},queue_size=1024{extra}" for n, port in enumerate(ports)]


@pytest.fixture(scope="module")
def pair(host):
    """The devices of two guests on br0."""
    host.add_bridge("br0")
    for name in ("v0", "v1"):
        host.vsctl("add-port", "br0", name, "--", "set", "Interface", name, "type=dpdkvhostuser", "mtu_request=9000")
    return virtio(host, "v0", "v1")


@pytest.fixture(scope="module")
def guarded(host):
    """The devices of two guests on br1 with stateful security groups: what is not let in is not heard, nor replies to
    nothing."""
    host.add_bridge("br1")
    host.sluice_vsctl(
        *commands("group-add all", "rule-add all name=out direction=egress ethertype=IPv4",
                  "rule-add all name=tcp direction=ingress ethertype=IPv4 protocol=tcp port_min=5000 port_max=65535",
                  "rule-add all name=udp direction=ingress ethertype=IPv4 protocol=udp port_min=5000 port_max=65535",
                  "rule-add all name=echo direction=ingress ethertype=IPv4 protocol=icmp"))
    for n, (name, mac) in enumerate(zip(("g0", "g1"), MACS.split(",")), 1):
        host.sluice_vsctl("--", "lport-add", f"id-{name}", f"{mac} 10.0.0.{n}",
                          "--", "lport-set-groups", f"id-{name}", "all")
        host.plug_guest("br1", name, None, mac, port_id=f"id-{name}", machine_id=name, kind="dpdkvhostuser")
    return virtio(host, "g0", "g1")


def commands(*texts):
    """sluice-vsctl's commands, one after the other."""
    return [word for text in texts for word in ("--", *text.split())]


def check_sound(one, lossless=True):
    """What holds of every measurement."""
    assert one["elapsed"] > 0 and one["mpps"] > 0 and one["gbps"] > 0 and one["foreign"] == 0
    assert one["seconds"] and one["lost_at_open"] == [0, 0]
    if lossless:
        assert one["lost"] == [0, 0], one


# What is sent ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [
    [], ["--bidirectional"], ["--size=1514"], ["--size=imix"], ["--size=9014"], ["--ipv6"], ["--vlan=7"],
    ["--protocol=tcp", "--bidirectional"], ["--protocol=icmp", "--bidirectional"], ["--protocol=icmp", "--ipv6"],
    ["--protocol=tcp", "--ipv6", "--vlan=7", "--size=imix", "--latency"]], ids=" ".join)
def test_frames_of_every_kind_arrive(pair, options):
    one = report(pair, *SLOW, "--flows=100", *options)
    check_sound(one)
    assert one["flows"] == 100
    assert one["offered"][0] > 1000 and (one["offered"][1] > 1000) == ("--bidirectional" in options)


def test_second_direction_alone(pair):
    one = report(pair, *SLOW, "--one-way=1", "--flows=10")
    check_sound(one)
    assert one["offered"][0] == 0 and one["offered"][1] > 1000


def test_bits_follow_from_sizes(pair):
    one = report(pair, *SLOW, "--size=imix")
    assert one["size"] == "imix"
    mean = (7 * 60 + 4 * 590 + 1514) / 12
    assert one["gbps"] == pytest.approx(one["mpps"] * mean * 8 / 1e3, rel=0.02)
    one = report(pair, *SLOW, "--size=1000")
    assert one["gbps"] == pytest.approx(one["mpps"] * 8, rel=0.01)


@pytest.mark.parametrize("options", [
    ["--protocol=tcp", "--one-way=1"], ["--protocol=tcp", "--bidirectional"], ["--one-way=1"],
    ["--protocol=icmp", "--one-way=1"]], ids=" ".join)
def test_replies_pass_where_only_connections_do(guarded, options):
    one = report(guarded, *SLOW, "--flows=100", "--loss-by-flow", *options)
    check_sound(one)
    assert one["flows_lossy"] == 0 and one["offered"][1] > 1000


def test_connections_pass_security_groups(guarded):
    one = report(guarded, *SHORT, "--handshakes", "--pps=5000")
    check_sound(one)
    assert one["connections"]["begun"] == one["connections"]["completed"] > 500


# What is measured -----------------------------------------------------------------------------------------------------


def test_latency_of_one_frame_in_some(pair):
    one = report(pair, *SLOW, "--latency=1/8", "--bidirectional")
    check_sound(one)
    latency = one["latency_ns"]
    assert 0 < latency["p50"] <= latency["p99"] <= latency["p999"] <= latency["max"]
    assert sum(count for _, count in latency["histogram"]) == latency["samples"]
    assert [start for start, _ in latency["histogram"]] == sorted({start for start, _ in latency["histogram"]})
    arrived = sum(one["mpps_by_direction"]) * 1e6 * one["elapsed"]
    assert latency["samples"] == pytest.approx(arrived / 8, rel=0.2)


def test_no_flow_is_lossy_at_a_low_pace(pair):
    one = report(pair, *SLOW, "--flows=1000", "--bidirectional", "--loss-by-flow")
    check_sound(one)
    assert one["flows_lossy"] == 0 and one["worst_flows"] == []


def test_search_reports_its_trials(pair):
    one = report(pair, "--search=0,50", "--trial=0.1", "--latency")
    assert [row["loss_percent"] for row in one["search"]] == [0, 50]
    for row in one["search"]:
        best = [trial for trial in row["trials"] if trial["loss_percent"] <= row["loss_percent"]]
        assert row["mpps"] in [trial["mpps"] for trial in best] or not best
        assert all(trial["p50_ns"] > 0 for trial in row["trials"])
    assert one["search"][0]["mpps"] <= one["search"][1]["mpps"]
    assert one["mpps"] == one["search"][0]["trials"][0]["mpps"]


def test_large_frames_arrive_whole(lab):
    devices = large(lab)
    # As many of the smaller ones as a ring sends fit into the buffers of the one that receives.
    for payload, *options in ((6000,), (6000, "--bidirectional", "--flows=10"), (6000, "--ipv6", "--vlan=7"),
                              (65160, "--mss=1000")):
        one = report(devices, *SHORT, "--pps=1000", f"--gso={payload}", *options)
        check_sound(one, lossless=payload == 6000)
        assert one["gso"] == payload
        assert one["pieces"] == pytest.approx(one["mpps"] * one["elapsed"] * 1e6, abs=64)
        assert one["gbps"] == pytest.approx(one["mpps"] * payload * 8 / 1e3, rel=0.1)


@pytest.mark.parametrize("rings", ["", ",packed_vq=1"], ids=["split", "packed"])
def test_large_frames_pass_the_switch_whole(pair, rings):
    one = report([device + rings for device in pair], *SHORT, "--pps=500", "--gso=30000", "--mss=1448")
    arrived = one["mpps"] * one["elapsed"] * 1e6
    assert arrived > 20
    assert one["pieces"] == pytest.approx(arrived, abs=16)


def test_large_frames_need_the_devices_offloads(wire):
    said = fails("--gso=60000", vdevs=wire())
    assert "sluice-gen: --gso: net_memif0 does not offer to segment TCP\n" in said


def test_connections_are_counted(pair):
    one = report(pair, *SHORT, "--handshakes", "--pps=5000")
    check_sound(one)
    assert one["connections"]["begun"] == one["connections"]["completed"] > 500
    assert one["connections_per_second"] > 0
    # Four segments there and three back.
    assert one["offered"] == [4 * one["connections"]["begun"], 3 * one["connections"]["begun"]]


def test_connections_as_fast_as_they_complete(pair):
    one = report(pair, *SHORT, "--handshakes", "--size=200", "--ipv6")
    assert one["connections"]["completed"] > 0.9 * one["connections"]["begun"]


# Without a switch -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wire(lab):
    """Makes the two ends of a wire: shared memory, as between two programs."""
    count = itertools.count()

    def make():
        socket = lab.dir / f"memif{next(count)}"
        return [f"net_memif{n},role={role},id=0,socket={socket},socket-abstract=no"
                for n, role in enumerate(("server", "client"))]

    return make


def test_cable_loses_nothing_at_full_speed(wire):
    one = report(wire(), *SHORT, "--size=imix", "--flows=1000", "--bidirectional", "--latency", "--loss-by-flow")
    check_sound(one)
    assert one["flows_lossy"] == 0


def test_search_ends_at_once_without_loss(wire):
    one = report(wire(), "--search=0", "--trial=0.2")
    assert len(one["search"][0]["trials"]) == 1 and one["search"][0]["mpps"] == one["mpps"]


def test_source_feeds_a_sink(lab):
    near, far = lab.namespace("source"), lab.namespace("sink")
    netns.veth(near, "eth0", far, "eth0")
    log = lab.dir / "sink.log"
    device = "net_af_packet0,iface=eth0"
    sink = process.Process([*far.prefix(), GEN, *eal(device), "--", "--sink", "--size=200", *SHORT], log)
    lab.defer(sink.stop)
    process.wait_until(lambda: "devices are up" in log.read_text(), 30, "start of the sink", [log])
    # Longer than it takes the kernel to see that the wire is up.
    done = near.run([GEN, *eal(device), "--", "--source", "--size=200", "--pps=20000", "--seconds=3"], timeout=120)
    sent = parse(done.stdout)
    process.wait_until(lambda: not sink.running, 30, "end of the sink", [log])
    assert sink.status == 0, process.tail(log)
    got = parse(log.read_text())
    assert sent["offered"][0] > 1000 and sent["lost"] == [0, 0] and sent["mpps"] == 0 and sent["sent_mpps"] > 0
    assert got["mpps"] > 0 and got["lost"] == [0, 0] and got["foreign"] == 0


def test_source_into_the_void(lab):
    one = report(["net_null0"], "--source", *SHORT)
    assert one["offered"][0] > 1000 and one["offered"][1] == 0


# Through a tunnel -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vtep(lab):
    """A host with a tunnel port of each kind in turn, its devices: a guest, and the way to the other host."""
    one = lab.host("vtep", cpu_mask="0x2").start()
    one.add_bridge("br-phy")
    one.add_bridge("br-int")
    one.vsctl("add-port", "br-phy", "under", "--", "set", "Interface", "under", "type=dpdkvhostuser")
    one.vsctl("add-port", "br-int", "t0", "--", "set", "Interface", "t0", "type=dpdkvhostuser")
    one.give_address("br-phy", f"{SWITCH_IP}/24")
    return one


def through(vtep, kind, *options):
    """A short run through a tunnel of a kind."""
    vtep.vsctl("--if-exists", "del-port", "tun", "--", "add-port", "br-int", "tun", "--", "set", "Interface", "tun",
               f"type={kind}", f"options:remote_ip={REMOTE_IP}", f"options:key={VNI}")
    return report(virtio(vtep, "t0", "under"), *SHORT, f"--tunnel={kind}", f"--vni={VNI}",
                  f"--outer-mac={REMOTE_MAC},{vtep.namespace.mac('br-phy')}", f"--outer-ip={REMOTE_IP},{SWITCH_IP}",
                  *options)


@pytest.mark.parametrize("direction", [["--one-way=0"], ["--one-way=1"], ["--bidirectional"]], ids=" ".join)
@pytest.mark.parametrize("kind", ["vxlan", "geneve"])
def test_guest_behind_a_tunnel(vtep, kind, direction):
    one = through(vtep, kind, "--pps=20000", "--flows=100", "--latency", "--loss-by-flow", *direction)
    check_sound(one)
    assert one["flows_lossy"] == 0 and one["latency_ns"]["samples"] > 0
    assert [n > 1000 for n in one["offered"]] == {
        "--one-way=0": [True, False], "--one-way=1": [False, True], "--bidirectional": [True, True]}[direction[0]]


@pytest.mark.parametrize("kind", ["vxlan", "geneve"])
def test_connections_through_a_tunnel(vtep, kind):
    one = through(vtep, kind, "--handshakes", "--pps=5000")
    check_sound(one)
    assert one["connections"]["begun"] == one["connections"]["completed"] > 500


# Mistakes -------------------------------------------------------------------------------------------------------------


def test_mistakes_are_one_sentence():
    assert "sluice-gen: needs two or three devices, but EAL has 1" in fails(vdevs=["net_null0"])
    assert "sluice-gen: --flood needs a third device" in fails("--flood=5", vdevs=["net_null0", "net_null1"])
    assert "sluice-gen: needs one device, but EAL has 2" in fails("--sink", vdevs=["net_null0", "net_null1"])
    assert fails("--flows=0") == "sluice-gen: --flows: this is not a number from 1 to 8388608; see --help\n"
    assert fails("--tunnel=vxlan") == "sluice-gen: --tunnel needs --outer-mac and --outer-ip\n"


def test_help_needs_no_device():
    text = start([], "--help").stdout
    assert "--latency" in text and max(map(len, text.splitlines())) <= 120
