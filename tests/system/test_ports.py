# SPDX-License-Identifier: Apache-2.0
"""Ports of every type: opened, refused, changed and deleted, while the pings of others go on.

         host: sluice-vswitchd, one worker
    br0  v-a  v-b   v-c  v-d     vhost-user, dpdk, tunnel, internal ports come and go
          |    |     |    |
          a    b     c    d      namespaces 10.3.0.1 to .4; a pings b without end
    br1  v-e                     10.3.0.1 again, on a bridge of its own
"""
import json

import pytest

from endpoints import Pinger, Station, VhostEnd, drops, fdb, ofport, wait_drop
from lab import netns
from lab.guest import Nic
from lab.process import wait_until

MARK = b"<port test>"


def frame(dst, src, mark=MARK, size=60):
    return (bytes.fromhex(dst.replace(":", "")) + bytes.fromhex(src.replace(":", "")) + b"\x88\xb5" + mark).ljust(
        size, b"\0")


class Bridge:
    """br0 and its stations."""

    def __init__(self, lab, host):
        host.add_bridge("br0")
        self.lab, self.host = lab, host
        self.a, self.b, self.c, self.d = (Station(lab, host, "br0", name, f"10.3.0.{n}/24")
                                          for n, name in enumerate("abcd", 1))
        self.raw = self.c.raw()

    def add(self, name, *settings):
        """Add a port; SETTINGS are of its Interface row."""
        self.host.vsctl("add-port", "br0", name, "--", "set", "Interface", name, *settings)

    def set(self, name, *settings):
        self.host.vsctl("set", "Interface", name, *settings)

    def delete(self, name):
        self.host.vsctl("--if-exists", "del-port", "br0", name)

    def error(self, name):
        """The text of Interface.error, "" without one."""
        text = self.host.vsctl("get", "Interface", name, "error")
        return json.loads(text) if text != "[]" else ""

    def path(self, name):
        return self.host.dir / f"{name}.sock"

    def check_exchange(self, end, mac):
        """Frames pass both ways between an end and station c."""
        self.raw.waiting()
        end.send(frame("ff:ff:ff:ff:ff:ff", mac))
        assert self.raw.wait_for(MARK) is not None
        self.raw.send(frame(mac, self.c.mac))
        assert end.wait_for(MARK) is not None


@pytest.fixture(scope="module")
def br(lab, host):
    return Bridge(lab, host)


@pytest.fixture(autouse=True)
def undisturbed(br):
    """Whatever a test does to other ports, the pings from a to b go on without loss."""
    with Pinger(br.a, "10.3.0.2") as pinger:
        yield pinger
        pinger.wait_more(3)
    assert pinger.lost == 0, f"{pinger.gaps} of {pinger.sent}"


# vhost-user ---------------------------------------------------------------------------------------------------------


def test_vhost_client_port_connects_and_reconnects(br):
    br.add("vc", "type=dpdkvhostuserclient", f"options:vhost-server-path={br.path('vc')}")
    assert ofport(br.host, "vc") > 0
    assert br.host.get("Interface", "vc", "status:status") == "disconnected"
    for _ in range(3):
        end = VhostEnd(br.lab, br.path("vc"))
        br.host.wait_link("vc")
        assert br.host.get("Interface", "vc", "status:status") == "connected"
        br.check_exchange(end, "02:cc:00:00:00:01")
        end.close()
        br.host.wait_link("vc", "down")
    br.delete("vc")


def test_vhost_client_port_gets_its_path_late(br):
    br.add("vl", "type=dpdkvhostuserclient")
    assert br.error("vl") == ""
    br.set("vl", f"options:vhost-server-path={br.path('vl')}")
    end = VhostEnd(br.lab, br.path("vl"))
    br.host.wait_link("vl")
    br.check_exchange(end, "02:cc:00:00:00:02")
    end.close()
    br.delete("vl")


def test_vhost_client_port_changes_its_path(br):
    br.add("vp", "type=dpdkvhostuserclient", f"options:vhost-server-path={br.path('vp1')}")
    first = VhostEnd(br.lab, br.path("vp1"))
    br.host.wait_link("vp")
    number = ofport(br.host, "vp")
    br.set("vp", f"options:vhost-server-path={br.path('vp2')}")
    second = VhostEnd(br.lab, br.path("vp2"))
    br.host.wait_link("vp")
    br.check_exchange(second, "02:cc:00:00:00:03")
    assert ofport(br.host, "vp") == number
    first.close()
    second.close()
    br.delete("vp")


def test_vhost_server_port_has_its_socket_at_once_and_removes_it(br):
    br.add("vs", "type=dpdkvhostuser")
    socket = br.host.run_dir / "vs"
    assert socket.is_socket()
    for _ in range(2):
        end = VhostEnd(br.lab, socket, server=False)
        br.host.wait_link("vs")
        assert br.host.get("Interface", "vs", "status:mode") == "server"
        br.check_exchange(end, "02:cc:00:00:00:04")
        end.close()
        br.host.wait_link("vs", "down")
    br.delete("vs")
    wait_until(lambda: not socket.exists(), 5, "removal of the socket")


def test_vhost_port_with_several_queues(br):
    br.add("vq", "type=dpdkvhostuserclient", f"options:vhost-server-path={br.path('vq')}")
    end = VhostEnd(br.lab, br.path("vq"), queues=4)
    br.host.wait_link("vq")
    for queue in range(4):
        br.raw.waiting()
        end.frontend.send(frame("ff:ff:ff:ff:ff:ff", "02:cc:00:00:00:05", b"<queue %d>" % queue), queue)
        assert br.raw.wait_for(b"<queue %d>" % queue) is not None
    br.raw.send(frame("02:cc:00:00:00:05", br.c.mac))
    assert end.wait_for(MARK) is not None
    end.close()
    br.delete("vq")


def test_frames_to_a_guest_that_is_not_there_are_counted(br):
    br.add("vg", "type=dpdkvhostuserclient", f"options:vhost-server-path={br.path('vg')}")
    end = VhostEnd(br.lab, br.path("vg"))
    br.host.wait_link("vg")
    br.check_exchange(end, "02:cc:00:00:00:06")
    end.close()
    br.host.wait_link("vg", "down")
    before = drops(br.host, "vg", "tx_link_down")
    br.raw.send(frame("02:cc:00:00:00:06", br.c.mac))
    wait_until(lambda: drops(br.host, "vg", "tx_link_down") > before, 5, "count of a frame to nobody")
    br.delete("vg")


def test_guests_survive_each_other_s_death(br):
    """QEMU with both kinds of vhost-user port; each is killed and comes back, and its port connects by itself."""
    sockets = {"g1": br.path("g1"), "g2": br.host.run_dir / "g2"}
    macs = {"g1": "02:dd:00:00:00:01", "g2": "02:dd:00:00:00:02"}
    addresses = {"g1": "10.3.0.11/24", "g2": "10.3.0.12/24"}
    guests = {}
    for name, kind in (("g1", "dpdkvhostuserclient"), ("g2", "dpdkvhostuser")):
        br.host.plug_guest("br0", name, sockets[name], macs[name], port_id=name, machine_id=f"m-{name}", kind=kind)
        nic = Nic(str(sockets[name]), macs[name], kind == "dpdkvhostuserclient")
        guests[name] = br.lab.guest(name, br.host, nics=[nic])
        guests[name].start()
    for name, guest in guests.items():
        guest.wait_ready().configure(addresses[name])
    assert guests["g1"].ping("10.3.0.12") == 3
    assert guests["g2"].ping("10.3.0.2") == 3
    for name, other in (("g1", "10.3.0.12"), ("g2", "10.3.0.11")):
        guests[name].kill()
        br.host.wait_link(name, "down")
        guests[name].restart().configure(addresses[name])
        br.host.wait_link(name)
        assert guests[name].ping(other) == 3
    for name in guests:
        br.host.unplug_guest(name)
        guests[name].stop()


# dpdk ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", ["net_af_packet0", "net_pcap0"])
def test_dpdk_port_on_a_virtual_device_carries_traffic(br, driver):
    name = f"p-{driver[4:-1]}"[:12]
    station = Station(br.lab, br.host, None, driver[4:8], "10.3.0.21/24")
    br.add(name, "type=dpdk", f'options:dpdk-devargs="{driver},iface={station.port}"')
    assert br.error(name) == ""
    assert br.host.get("Interface", name, "link_state") == "up"
    assert br.host.get("Interface", name, "status:driver_name") == driver[:-1]
    station.wait_ping("10.3.0.3")
    assert station.ping("10.3.0.3", 20) == 20
    br.delete(name)
    wait_until(lambda: station.cannot_reach("10.3.0.3"), 10, "end of traffic")
    br.add(name, "type=dpdk", f'options:dpdk-devargs="{driver},iface={station.port}"')  # the device was released
    assert br.error(name) == ""
    station.wait_ping("10.3.0.3")
    br.delete(name)


@pytest.mark.parametrize("devargs", ["net_null0,no-rx=1", "net_ring0"])
def test_dpdk_port_on_other_virtual_devices_opens(br, devargs):
    br.host.add_bridge("br-vdev")
    br.host.vsctl("add-port", "br-vdev", "vd", "--", "set", "Interface", "vd", "type=dpdk",
                  f'options:dpdk-devargs="{devargs}"')
    assert br.error("vd") == ""
    assert ofport(br.host, "vd") > 0
    assert br.host.get("Interface", "vd", "status:driver_name") == devargs.split(",")[0][:-1]
    br.host.vsctl("del-br", "br-vdev")


def test_number_of_queues_is_changed_in_place(br):
    br.add("nq", "type=dpdk", 'options:dpdk-devargs="net_null6,no-rx=1"', "options:n_rxq=2")
    assert br.host.get("Interface", "nq", "status:n_rxq") == "2"
    number = ofport(br.host, "nq")
    br.set("nq", "options:n_rxq=3", "options:n_rxq_desc=512")
    assert br.host.get("Interface", "nq", "status:n_rxq") == "3"
    assert br.host.get("Interface", "nq", "status:n_rxq_desc") == "512"
    assert ofport(br.host, "nq") == number
    br.set("nq", "options:n_rxq_desc=100000")
    wait_until(lambda: "bad 'n_rxq_desc' '100000'" in br.error("nq"), 10, "a refusal of the size")
    assert br.host.get("Interface", "nq", "status:n_rxq_desc") == "512"  # as it was
    br.delete("nq")


def test_device_in_use_is_refused_and_freed_with_its_port(br):
    device = 'options:dpdk-devargs="net_null7,no-rx=1"'
    br.add("n1", "type=dpdk", device)
    br.add("n2", "type=dpdk", device)
    assert br.error("n2") == "'n2' is trying to use device 'net_null7,no-rx=1' which is already in use by 'n1'"
    assert ofport(br.host, "n2") == -1
    br.delete("n1")
    br.delete("n2")
    br.add("n3", "type=dpdk", device)
    assert br.error("n3") == ""
    br.delete("n3")


# Refusals -----------------------------------------------------------------------------------------------------------

REFUSED = {
    "no devargs": (["type=dpdk"], "'bad' is missing 'options:dpdk-devargs'. The old 'dpdk<port_id>' names are not "
                                  "supported"),
    "no such device": (["type=dpdk", "options:dpdk-devargs=0000:99:00.0"],
                       "Error attaching device '0000:99:00.0' to DPDK"),
    "no such driver": (["type=dpdk", "options:dpdk-devargs=net_nonsense0"],
                       "Error attaching device 'net_nonsense0' to DPDK"),
    "devargs without sense": (["type=dpdk", 'options:dpdk-devargs="net_af_packet9,iface=nowhere"'],
                              "Error attaching device 'net_af_packet9,iface=nowhere' to DPDK"),
    "devargs too long": (["type=dpdk", 'options:dpdk-devargs="net_null5,no-rx=1%s"' % (40 * ",size=64")],
                         "bad: 'dpdk-devargs' is longer than 255 bytes"),
    "devargs by a bad address": (["type=dpdk", 'options:dpdk-devargs="class=eth,mac=nonsense"'],
                                 "Error attaching device 'class=eth,mac=nonsense' to DPDK"),
    "devargs by an unknown address": (["type=dpdk", 'options:dpdk-devargs="class=eth,mac=02:00:00:00:00:99"'],
                                      "Error attaching device 'class=eth,mac=02:00:00:00:00:99' to DPDK"),
    "device that is no port": (["type=dpdk", "options:dpdk-devargs=crypto_null0"],
                               "Error attaching device 'crypto_null0' to DPDK"),
    "EAL option for a device": (["type=dpdk", "options:dpdk-devargs=--vdev=net_null4"],
                                "Error attaching device '--vdev=net_null4' to DPDK"),
    "vhost path too long": (["type=dpdkvhostuserclient", f"options:vhost-server-path=/tmp/{'x' * 120}"],
                            f"vhost-user socket path '/tmp/{'x' * 120}' is longer than 107 bytes"),
    "empty devargs": (["type=dpdk", 'options:dpdk-devargs=""'], "Error attaching device '' to DPDK"),
    "bad number of queues": (["type=dpdk", 'options:dpdk-devargs="net_null8,no-rx=1"', "options:n_rxq=many"],
                             "bad: bad 'n_rxq' 'many'"),
    "no such netdev": (["type=system"], "could not open network device bad (No such device)"),
    "no such type": (["type=nonsense"], "could not open network device bad (Address family not supported by protocol)"),
    "vhost path is no socket": (["type=dpdkvhostuserclient", "options:vhost-server-path=/etc/passwd"],
                                "vhost-server-path '/etc/passwd' is not a socket"),
    "vhost retries": (["type=dpdkvhostuserclient", "options:tx-retries-max=99"],
                      "bad: bad 'tx-retries-max' '99': must be between 0 and 32"),
    "vxlan without remote": (["type=vxlan"], "bad: vxlan type requires valid 'remote_ip' argument"),
    "geneve without remote": (["type=geneve"], "bad: geneve type requires valid 'remote_ip' argument"),
    "vxlan with bad remote": (["type=vxlan", "options:remote_ip=1.2.3"],
                              "bad: bad vxlan 'remote_ip'\nbad: vxlan type requires valid 'remote_ip' argument"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_port_says_why_and_may_be_mended(br, what):
    settings, text = REFUSED[what]
    br.add("bad", *settings)
    assert br.error("bad").startswith(text)
    assert not br.error("bad").endswith((".", "\n"))
    assert ofport(br.host, "bad") == -1
    br.host.vsctl("clear", "Interface", "bad", "options", "--", "set", "Interface", "bad", "type=internal")
    wait_until(lambda: br.error("bad") == "" and ofport(br.host, "bad") > 0, 10, "mending of a port")
    assert br.host.namespace.has("bad")
    br.delete("bad")
    wait_until(lambda: not br.host.namespace.has("bad"), 5, "removal of the device")


def test_vsctl_prints_why_a_port_was_refused(br):
    done = br.host.run(["ovs-vsctl", "--timeout=10", "add-port", "br0", "bad"], check=False)
    assert "could not open network device bad (No such device)" in done.stderr
    br.delete("bad")


# Kernel ports -------------------------------------------------------------------------------------------------------


def test_internal_port_is_a_device_of_the_host(br):
    br.add("in0", "type=internal", 'mac="02:ee:00:00:00:01"', "mtu_request=1400")
    br.host.give_address("in0", "10.3.0.31/24")
    assert br.host.namespace.mac("in0") == "02:ee:00:00:00:01"
    assert br.host.get("Interface", "in0", "mac_in_use") == "02:ee:00:00:00:01"
    assert br.host.get("Interface", "in0", "mtu") == "1400"
    assert br.c.ping("10.3.0.31") == 3
    br.set("in0", "mtu_request=1300")
    wait_until(lambda: "mtu 1300" in br.host.namespace.run(["ip", "link", "show", "in0"]).stdout, 5, "a new MTU")
    assert br.c.ping("10.3.0.31") == 3
    br.delete("in0")
    wait_until(lambda: not br.host.namespace.has("in0"), 5, "removal of the device")


@pytest.mark.parametrize("kind", ["system", "tap"])
def test_existing_netdev_is_a_port(br, kind):
    station = Station(br.lab, br.host, None, f"x{kind}", "10.3.0.41/24")
    br.add(station.port, f"type={kind}")
    assert br.error(station.port) == ""
    station.wait_ping("10.3.0.3")
    assert station.ping("10.3.0.3") == 3
    br.delete(station.port)
    assert br.host.namespace.has(station.port)  # it is not ours to remove


def test_tap_port_without_a_netdev_makes_one(br):
    br.add("tp0", "type=tap")
    br.host.give_address("tp0", "10.3.0.42/24")
    assert br.c.ping("10.3.0.42") == 3
    br.delete("tp0")
    wait_until(lambda: not br.host.namespace.has("tp0"), 5, "removal of the device")


def test_netdev_that_vanishes_and_comes_back_is_taken_up_again(br):
    station = Station(br.lab, br.host, "br0", "gone", "10.3.0.51/24")
    number = ofport(br.host, "v-gone")
    station.wait_ping("10.3.0.3")
    br.host.namespace.ip("link del v-gone")
    wait_until(lambda: br.error("v-gone") == "could not open network device v-gone (No such device)", 10,
               "an error for the missing device")
    netns.veth(br.host.namespace, "v-gone", station.namespace, "eth0")
    station.namespace.ip("addr add 10.3.0.51/24 dev eth0")
    wait_until(lambda: br.error("v-gone") == "", 10, "the port's return")
    station.wait_ping("10.3.0.3")
    assert ofport(br.host, "v-gone") == number
    br.delete("v-gone")


# Tunnels: their rows (their traffic is tested elsewhere) --------------------------------------------------------------


@pytest.mark.parametrize("kind", ["vxlan", "geneve"])
def test_tunnel_rows(br, kind):
    br.add("t0", f"type={kind}", "options:remote_ip=192.0.2.1", "options:key=7", "options:ttl=32",
           "options:tos=inherit")
    assert br.error("t0") == "" and ofport(br.host, "t0") > 0
    br.add("t1", f"type={kind}", "options:remote_ip=192.0.2.1", "options:key=7")
    assert "File exists" in br.error("t1")
    br.set("t1", "options:key=8")
    wait_until(lambda: br.error("t1") == "", 5, "the end of the conflict")
    br.set("t0", "options:remote_ip=nowhere")
    wait_until(lambda: f"bad {kind} 'remote_ip'" in br.error("t0"), 5, "a refusal of the address")
    br.set("t0", "options:remote_ip=192.0.2.2")
    wait_until(lambda: br.error("t0") == "" and ofport(br.host, "t0") > 0, 5, "the end of the refusal")
    br.delete("t0")
    br.delete("t1")


# Changes under traffic ------------------------------------------------------------------------------------------------


def test_ports_come_and_go_in_one_command_and_in_many(br, undisturbed):
    names = [f"in{n}" for n in range(1, 9)]
    words = []
    for name in names:
        words += ["--", "add-port", "br0", name, "--", "set", "Interface", name, "type=internal"]
    br.host.vsctl(*words)
    assert len({ofport(br.host, name) for name in names}) == 8
    assert all(br.host.namespace.has(name) for name in names)
    for name in names[:4]:
        br.delete(name)
    br.host.vsctl(*(word for name in names[4:] for word in ("--", "del-port", name)))
    wait_until(lambda: not any(br.host.namespace.has(name) for name in names), 10, "removal of the devices")
    undisturbed.wait_more(5)


def test_type_is_changed_in_place(br):
    br.add("ch", "type=internal")
    for kind, options in (("dpdkvhostuser", []), ("vxlan", ["options:remote_ip=192.0.2.9", "options:key=99"]),
                          ("dpdk", ['options:dpdk-devargs="net_null9,no-rx=1"']), ("internal", [])):
        br.host.vsctl("clear", "Interface", "ch", "options", "--", "set", "Interface", "ch", f"type={kind}", *options)
        assert br.error("ch") == "" and ofport(br.host, "ch") > 0, kind
        assert br.host.namespace.has("ch") == (kind == "internal")
        assert (br.host.run_dir / "ch").exists() == (kind == "dpdkvhostuser")
    br.delete("ch")


def test_deleted_port_is_forgotten(br):
    end = br.d.raw()
    end.send(frame("ff:ff:ff:ff:ff:ff", "02:cc:00:00:00:20"))
    wait_until(lambda: (0, "02:cc:00:00:00:20") in fdb(br.host, "br0"), 5, "learning")
    br.delete(br.d.port)
    wait_until(lambda: (0, "02:cc:00:00:00:20") not in fdb(br.host, "br0"), 5, "end of what the port had learned")
    br.host.vsctl("add-port", "br0", br.d.port)
    br.d.wait_ping("10.3.0.2")


def test_tag_is_changed_under_traffic_of_the_others(br):
    br.c.wait_ping("10.3.0.2")
    br.host.vsctl("set", "Port", br.c.port, "tag=7")
    assert br.c.cannot_reach("10.3.0.2")
    br.host.vsctl("set", "Port", br.d.port, "tag=7")
    br.c.wait_ping("10.3.0.4")
    br.host.vsctl("clear", "Port", br.c.port, "tag", "--", "clear", "Port", br.d.port, "tag")
    br.c.wait_ping("10.3.0.2")


def test_mtu_request_limits_what_a_guest_is_sent(br):
    br.add("vm", "type=dpdkvhostuserclient", f"options:vhost-server-path={br.path('vm')}", "mtu_request=1200")
    end = VhostEnd(br.lab, br.path("vm"))
    br.host.wait_link("vm")
    assert br.host.get("Interface", "vm", "mtu") == "1200"
    br.check_exchange(end, "02:cc:00:00:00:30")
    br.set("vm", "mtu_request=4000")
    wait_until(lambda: br.host.get("Interface", "vm", "mtu") == "4000", 5, "a new MTU")
    br.check_exchange(end, "02:cc:00:00:00:30")
    br.set("vm", "mtu_request=70000")
    wait_until(lambda: "mtu_request 70000" in br.error("vm"), 5, "a complaint about the MTU")
    br.check_exchange(end, "02:cc:00:00:00:30")
    end.close()
    br.delete("vm")


def test_frame_longer_than_the_mtu_of_its_egress_is_counted(br):
    br.add("vj", "type=dpdkvhostuserclient", f"options:vhost-server-path={br.path('vj')}", "mtu_request=4000")
    br.add("vn", "type=dpdkvhostuserclient", f"options:vhost-server-path={br.path('vn')}", "mtu_request=1500")
    jumbo, normal = VhostEnd(br.lab, br.path("vj")), VhostEnd(br.lab, br.path("vn"))
    br.host.wait_link("vj")
    br.host.wait_link("vn")
    normal.send(frame("ff:ff:ff:ff:ff:ff", "02:cc:00:00:00:31"))
    assert jumbo.wait_for(MARK) is not None
    before = drops(br.host, "vj", "mtu_exceeded")
    jumbo.send(frame("02:cc:00:00:00:31", "02:cc:00:00:00:32", size=3000))
    wait_drop(br.host, "vj", "mtu_exceeded", before)
    jumbo.send(frame("02:cc:00:00:00:31", "02:cc:00:00:00:32", size=1514))
    assert len(normal.wait_for(MARK)) == 1514
    normal.send(frame("02:cc:00:00:00:32", "02:cc:00:00:00:31", size=1514))
    assert len(jumbo.wait_for(MARK)) == 1514
    for end, name in ((jumbo, "vj"), (normal, "vn")):
        end.close()
        br.delete(name)


def test_same_name_twice(br):
    done = br.host.run(["ovs-vsctl", "--timeout=10", "add-port", "br0", br.c.port], check=False)
    assert done.returncode != 0
    br.host.vsctl("--may-exist", "add-port", "br0", br.c.port)
    # One Interface in two Ports: ovs-vsctl would not do that, others may. The first keeps it, the other is ignored.
    uuid = br.host.vsctl("get", "Interface", br.c.port, "_uuid")
    br.host.vsctl("--id=@p", "create", "Port", "name=twice", f"interfaces={uuid}", "--", "add", "Bridge", "br0",
                  "ports", "@p")
    br.c.wait_ping("10.3.0.2")
    # The name of another port's interface, deleted and added in one transaction.
    br.host.vsctl("remove", "Bridge", "br0", "ports", br.host.vsctl("get", "Port", "twice", "_uuid"))
    br.host.vsctl("del-port", br.c.port, "--", "add-port", "br0", br.c.port)
    br.c.wait_ping("10.3.0.2")
    assert br.error(br.c.port) == ""


def test_bridges_do_not_leak_into_each_other(br):
    br.host.add_bridge("br1")
    e = Station(br.lab, br.host, "br1", "e", "10.3.0.1/24")  # an address that br0 has, too
    f = Station(br.lab, br.host, "br1", "f", "10.3.0.60/24")
    e.wait_ping("10.3.0.60")
    raw_e, raw_f = e.raw(), f.raw()
    assert br.a.cannot_reach("10.3.0.60")
    br.raw.waiting()
    raw_e.send(frame("ff:ff:ff:ff:ff:ff", "02:cc:00:00:00:40", b"<of br1>"))
    assert raw_f.wait_for(b"<of br1>") is not None
    raw_e.send(frame(br.c.mac, "02:cc:00:00:00:40", b"<of br1>"))  # known on br0, unknown here
    assert raw_f.wait_for(b"<of br1>") is not None
    br.raw.send(frame("ff:ff:ff:ff:ff:ff", br.c.mac, b"<of br0>"))
    wait_until(lambda: br.c.ping("10.3.0.2", 1), 5, "an answer on br0")
    assert br.raw.waiting(b"<of br1>") == [] and raw_f.waiting(b"<of br0>") == []
    assert (0, "02:cc:00:00:00:40") not in fdb(br.host, "br0")
    # A port moves from one bridge to the other in one transaction.
    br.host.vsctl("del-port", f.port, "--", "add-port", "br0", f.port)
    f.wait_ping("10.3.0.2")
    br.host.vsctl("del-port", f.port, "--", "del-br", "br1")
    wait_until(lambda: not br.host.namespace.has("br1"), 5, "removal of the bridge's device")


# Workers ------------------------------------------------------------------------------------------------------------


def workers(host):
    """The CPUs of the workers' threads."""
    cpus = set()
    for task in host.namespace.run(["sh", "-c", f"grep -l ^worker /proc/{host.daemon.pid}/task/*/comm"],
                                   check=False).stdout.split():
        status = open(task.replace("/comm", "/status"), encoding="ascii").read()
        cpus.add(next(line.split()[1] for line in status.splitlines() if line.startswith("Cpus_allowed_list")))
    return cpus


def test_workers_are_added_and_taken_away_under_traffic(br, undisturbed):
    br.add("vw", "type=dpdkvhostuserclient", f"options:vhost-server-path={br.path('vw')}")
    end = VhostEnd(br.lab, br.path("vw"), queues=2)
    br.host.wait_link("vw")
    with Pinger(br.c, "10.3.0.4") as second:
        for mask, cpus in (("0x3", {"0", "1"}), ("0x1", {"0"}), ("0x3", {"0", "1"}), ("0x2", {"1"})):
            br.host.vsctl("set", "Open_vSwitch", ".", f"other_config:pmd-cpu-mask={mask}")
            wait_until(lambda: workers(br.host) == cpus, 5, f"workers on CPUs {cpus}", [br.host.daemon.log])
            br.check_exchange(end, "02:cc:00:00:00:50")
            undisturbed.wait_more(5)
            second.wait_more(5)
    assert second.lost == 0, f"{second.gaps} of {second.sent}"
    end.close()
    br.delete("vw")


def test_useless_cpu_mask_keeps_the_switch_going(br, undisturbed):
    br.host.vsctl("set", "Open_vSwitch", ".", "other_config:pmd-cpu-mask=0xff000000000")
    wait_until(lambda: "names no CPU that can be used" in br.host.log(), 5, "a warning")
    undisturbed.wait_more(5)
    br.host.vsctl("set", "Open_vSwitch", ".", "other_config:pmd-cpu-mask=0x2")
    undisturbed.wait_more(5)
