# SPDX-License-Identifier: Apache-2.0
"""The clients of ovs-vswitchd that are to work unmodified: their command lines and transactions, word by word.

    libvirt, userspace-cni ── ovs-vsctl ─┐
    os-vif, ovs-cni ── transactions ─────┴─ ovsdb-server ── sluice-vswitchd ── br-int        one host, no wire
    exporters ── ovs-appctl ───────────────────────────────────┘
"""
import json
import re
import subprocess

import pytest
from endpoints import Station
from lab.process import wait_until

MAC = "52:54:00:12:34:56"
PORT_ID = "6a4e5d0c-9d1f-4a5e-8d4e-5a4f0c1b2d3e"


@pytest.fixture(name="br", autouse=True)
def fixture_br(host):
    """Every test begins with a bridge that has nothing but its own port."""
    host.vsctl("--if-exists", "del-br", "br-int")
    host.add_bridge("br-int")
    return host


def say(host, *words):
    """ovs-vsctl as a client runs it: exit status, what it printed, what it complained about."""
    done = host.run(["ovs-vsctl", *words], check=False, timeout=20)
    return done.returncode, done.stdout, done.stderr


def quietly(host, *words):
    """A command that must succeed without complaint; returns what it printed."""
    status, out, err = say(host, *words)
    assert (status, err) == (0, ""), f"{words}: {err}"
    return out


# libvirt ------------------------------------------------------------------------------------------------------------


def libvirt_add(host, *vlan):
    quietly(host, "--timeout=5", "--", "--may-exist", "add-port", "br-int", "vnet0", *vlan,
            "--", "set", "Interface", "vnet0", f'external-ids:attached-mac="{MAC}"',
            "--", "set", "Interface", "vnet0", f'external-ids:iface-id="{PORT_ID}"',
            "--", "set", "Interface", "vnet0", 'external-ids:vm-id="0f1e2d3c-0000-0000-0000-000000000001"',
            "--", "set", "Interface", "vnet0", 'external-ids:port-profile="web"',
            "--", "set", "Interface", "vnet0", "external-ids:iface-status=active")


@pytest.fixture(name="tap")
def fixture_tap(br):
    """The tap that libvirt makes before it plugs it."""
    br.namespace.ip("tuntap add dev vnet0 mode tap")
    br.namespace.ip("link set vnet0 up")
    yield br
    br.vsctl("--if-exists", "del-port", "vnet0")
    br.namespace.ip("link del vnet0")


@pytest.mark.parametrize("vlan,expected", [
    ([], ["[]", "[]", "[]"]),
    (["tag=42"], ["42", "[]", "[]"]),
    (["trunk=1,2"], ["[]", "[1, 2]", "[]"]),
    (["vlan_mode=native-tagged", "tag=3", "trunk=3,4"], ["3", "[3, 4]", "native-tagged"]),
    (["vlan_mode=native-untagged", "tag=3", "trunk=3,4"], ["3", "[3, 4]", "native-untagged"]),
])
def test_libvirt_plugs_a_tap(tap, vlan, expected):
    libvirt_add(tap, *vlan)
    assert [tap.get("Port", "vnet0", column) for column in ("tag", "trunks", "vlan_mode")] == expected
    assert int(tap.get("Interface", "vnet0", "ofport")) > 0
    libvirt_add(tap, *vlan)  # may-exist: once more is no error
    quietly(tap, "--timeout=5", "--", "--if-exists", "del-port", "vnet0")
    quietly(tap, "--timeout=5", "--", "--if-exists", "del-port", "vnet0")
    assert tap.namespace.has("vnet0")  # the tap is libvirt's own


def test_libvirt_changes_the_vlan_of_a_running_guest(tap):
    libvirt_add(tap, "tag=42")
    for column in ("tag", "trunk", "vlan_mode"):
        quietly(tap, "--timeout=5", "--", "--if-exists", "clear", "Port", "vnet0", column)
    assert tap.get("Port", "vnet0", "tag") == "[]"
    quietly(tap, "--timeout=5", "--", "--if-exists", "set", "Port", "vnet0", "tag=7", "trunk=7,8",
            "vlan_mode=native-tagged")
    assert tap.get("Port", "vnet0", "trunks") == "[7, 8]"


def test_libvirt_carries_port_data_through_a_migration(tap):
    libvirt_add(tap)
    quietly(tap, "--timeout=5", "set", "Interface", "vnet0", 'external_ids:PortData="a b=c"')
    assert quietly(tap, "--timeout=5", "--if-exists", "get", "Interface", "vnet0", "external_ids:PortData") == \
        '"a b=c"\n'
    assert quietly(tap, "--timeout=5", "--if-exists", "get", "Interface", "nosuch", "external_ids:PortData") == ""


def test_libvirt_reads_statistics(tap):
    libvirt_add(tap)
    line = ["--timeout=5", "--if-exists", "--format=list", "--data=json", "--no-headings", "--columns=statistics",
            "list", "Interface"]
    kind, pairs = json.loads(quietly(tap, *line, "vnet0"))
    numbers = dict(pairs)
    assert kind == "map"
    for key in ("rx_bytes", "rx_packets", "rx_errors", "rx_dropped", "tx_bytes", "tx_packets", "tx_errors",
                "tx_dropped"):
        assert isinstance(numbers[key], int), key
    assert quietly(tap, *line, "nosuch") == ""


def test_libvirt_finds_the_interface_of_a_socket(br):
    path = f"{br.dir}/vm 1.sock"
    quietly(br, "add-port", "br-int", "vhu1", "--", "set", "Interface", "vhu1", "type=dpdkvhostuserclient",
            f'options:vhost-server-path="{path}"')
    line = ["--timeout=5", "--no-headings", "--columns=name", "find", "Interface"]
    assert quietly(br, *line, f'options:vhost-server-path="{path}"').strip() == "vhu1"
    assert quietly(br, *line, "options:vhost-server-path=/nosuch") == ""
    assert quietly(br, "--timeout=5", "get", "Interface", "vhu1", "name").strip() == "vhu1"
    assert quietly(br, "--timeout=5", "iface-to-br", "vhu1") == "br-int\n"
    status, _, err = say(br, "--timeout=5", "iface-to-br", "nosuch")
    assert status == 1 and "no interface named nosuch" in err


def test_libvirt_limits_bandwidth(tap):
    """Shaping has no effect here, but its rows must not break the port."""
    libvirt_add(tap)
    quietly(tap, "--timeout=5", "set", "Port", "vnet0", "qos=@qos1", "--", "--id=@qos1", "create", "qos",
            "type=linux-htb", 'other_config:max-rate="8000000"', "queues:0=@queue0", f'external-ids:vm-id="{PORT_ID}"',
            "external-ids:ifname=vnet0", "--", "--id=@queue0", "create", "queue", 'other_config:max-rate="8000000"',
            f'external-ids:vm-id="{PORT_ID}"')
    quietly(tap, "--timeout=5", "set", "Interface", "vnet0", "ingress_policing_rate=8192",
            "ingress_policing_burst=8192")
    assert tap.get("Interface", "vnet0", "error") == "[]"
    quietly(tap, "--timeout=5", "--no-headings", "--columns=_uuid", "find", "queue",
            f'external-ids:vm-id="{PORT_ID}"')
    quietly(tap, "--timeout=5", "--if-exists", "clear", "Port", "vnet0", "qos")
    quietly(tap, "--timeout=5", "--all", "destroy", "qos", "--", "--all", "destroy", "queue")


# os-vif and nova ------------------------------------------------------------------------------------------------------


def transact(host, *operations, wait=False):
    """One transaction of a client that speaks OVSDB itself; WAIT as ovsdbapp does, for cur_cfg."""
    root = ["uuid", host.get("Open_vSwitch", ".", "_uuid")]
    bump = [{"op": "mutate", "table": "Open_vSwitch", "where": [["_uuid", "==", root]],
             "mutations": [["next_cfg", "+=", 1]]},
            {"op": "select", "table": "Open_vSwitch", "where": [["_uuid", "==", root]], "columns": ["next_cfg"]}]
    done = host.run(["ovsdb-client", "transact", json.dumps(["Open_vSwitch", *operations, *(bump if wait else [])])])
    answers = json.loads(done.stdout)
    assert not any("error" in answer for answer in answers), answers
    if wait:
        host.vsctl("wait-until", "Open_vSwitch", ".", f"cur_cfg>={answers[-1]['rows'][0]['next_cfg']}")
    return answers


def insert_port(host, bridge, name, interface, **port):
    where = [["_uuid", "==", ["uuid", host.get("Bridge", bridge, "_uuid")]]]
    return [{"op": "insert", "table": "Interface", "row": {"name": name} | interface, "uuid-name": "i"},
            {"op": "insert", "table": "Port", "row": {"name": name, "interfaces": ["named-uuid", "i"]} | port,
             "uuid-name": "p"},
            {"op": "mutate", "table": "Bridge", "where": where,
             "mutations": [["ports", "insert", ["set", [["named-uuid", "p"]]]]]}]


def vif(**more):
    return {"external_ids": ["map", [["iface-id", PORT_ID], ["iface-status", "active"], ["attached-mac", MAC],
                                     ["vm-uuid", "0f1e2d3c-0000-0000-0000-000000000001"]]]} | more


def test_os_vif_plugs_vhost_user_over_tcp(br):
    """os-vif speaks to tcp:127.0.0.1:6640, opened by set-manager, and looks at ofport once cur_cfg is there."""
    br.vsctl("set-manager", "ptcp:6640:127.0.0.1")
    try:
        line = ["ovs-vsctl", "--db=tcp:127.0.0.1:6640", "--timeout=10"]
        br.run([*line, "--may-exist", "add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_type=netdev"])
        transact(br, *insert_port(br, "br-int", "vhu6a4e5d0c-9d", vif(
            type="dpdkvhostuserclient", mtu_request=1450,
            options=["map", [["vhost-server-path", f"{br.dir}/vhu.sock"]]]), tag=4095), wait=True)
        assert int(br.get("Interface", "vhu6a4e5d0c-9d", "ofport")) > 0
        assert br.get("Interface", "vhu6a4e5d0c-9d", "mtu") == "1450"
        assert "dpdkvhostuserclient" in br.get("Open_vSwitch", ".", "iface_types")
        br.run([*line, "--if-exists", "del-port", "br-int", "vhu6a4e5d0c-9d"])
    finally:
        br.vsctl("del-manager")


def test_os_vif_sees_a_port_that_failed(br):
    transact(br, *insert_port(br, "br-int", "vfrep", vif(
        type="dpdk", options=["map", [["dpdk-devargs", "0000:99:00.0,representor=[3]"]]])), wait=True)
    wait_until(lambda: br.get("Interface", "vfrep", "ofport") == "-1", 10, "ofport -1", [br.daemon.log])
    assert "0000:99:00.0" in br.get("Interface", "vfrep", "error")


# CNIs -----------------------------------------------------------------------------------------------------------------


def test_ovs_cni_is_served_without_next_cfg(br, lab):
    """ovs-cni inserts rows without incrementing next_cfg, then reads link_state."""
    station = Station(lab, br, None, "cni")
    owner = ["map", [["owner", "ovs-cni.network.kubevirt.io"], ["contNetns", "/run/netns/c1"], ["contIface", "eth0"]]]
    before = br.get("Open_vSwitch", ".", "next_cfg")
    transact(br, *insert_port(br, "br-int", station.port, {"external_ids": owner}, external_ids=owner,
                              vlan_mode="access", tag=10))
    br.vsctl("--no-wait", "--timeout=10", "wait-until", "Interface", station.port, "link_state=up")
    assert br.get("Open_vSwitch", ".", "next_cfg") == before
    where = [["name", "==", station.port]]
    answers = transact(br, {"op": "select", "table": "Interface", "where": where, "columns": ["link_state", "error"]})
    assert answers[0]["rows"] == [{"link_state": "up", "error": ["set", []]}]
    port = ["uuid", br.get("Port", station.port, "_uuid")]
    bridge = ["uuid", br.get("Bridge", "br-int", "_uuid")]
    transact(br, {"op": "mutate", "table": "Bridge", "where": [["_uuid", "==", bridge]],
                  "mutations": [["ports", "delete", ["set", [port]]]]})
    wait_until(lambda: f"{station.port} " not in br.appctl("dpif/show"), 10, "removal of the port", [br.daemon.log])


def test_userspace_cni_finds_its_socket(br):
    quietly(br, "--may-exist", "add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev")
    quietly(br, "add-port", "br-int", "vhost-1", "--", "set", "Interface", "vhost-1", "type=dpdkvhostuser")
    assert (br.run_dir / "vhost-1").is_socket()
    quietly(br, "--bare", "--columns=mac", "find", "port", "name=vhost-1")
    quietly(br, "--if-exists", "del-port", "br-int", "vhost-1")
    assert not (br.run_dir / "vhost-1").exists()


# ovs-appctl -----------------------------------------------------------------------------------------------------------


def test_text_of_appctl_is_what_its_readers_parse(br, lab):
    left = Station(lab, br, "br-int", "a1", "10.1.0.1/24")
    right = Station(lab, br, "br-int", "a2", "10.1.0.2/24")
    left.wait_ping(right.address)
    numbers = {name: int(br.get("Interface", name, "ofport")) for name in (left.port, right.port)}

    lines = br.appctl("fdb/show", "br-int").splitlines()
    assert lines[0] == " port  VLAN  MAC                Age"
    wanted = rf"^ {{0,4}}{numbers[left.port]}     0  {left.mac} {{1,4}}\d+$"
    assert any(re.match(wanted, line) for line in lines[1:]), lines
    assert br.appctl("fdb/flush", "br-int") == "table successfully flushed"

    text = br.appctl("dpif/show")
    assert re.search(r"^\S+@\S+: hit:\d+ missed:\d+$", text, re.M)
    assert re.search(r"^  br-int:$", text, re.M)
    assert re.search(rf"^    {left.port} {numbers[left.port]}/\d+: \(system\)$", text, re.M), text
    assert re.search(r"^    br-int 65534/\d+: \(internal\)$", text, re.M), text

    text = br.appctl("dpctl/show")
    assert re.search(r"^  lookups: hit:\d+ missed:\d+ lost:\d+$", text, re.M)
    assert re.search(r"^  flows: \d+$", text, re.M)
    assert re.search(rf"^  port \d+: {left.port}", text, re.M)
    for line in br.appctl("dpctl/dump-flows").splitlines():
        assert line.startswith("flow-dump from ") or re.search(r"packets:\d+, bytes:\d+, used:\S+, actions:", line)


def test_dump_conntrack_has_ovs_s_shape(br, lab):
    one = Station(lab, br, "br-int", "s1", "10.2.0.1/24")
    two = Station(lab, br, "br-int", "s2", "10.2.0.2/24")
    br.sluice_vsctl("group-add", "all", "--", "rule-add", "all", "direction=ingress", "--", "rule-add", "all",
                    "direction=egress")
    try:
        for end in (one, two):
            br.sluice_vsctl("lport-add", end.port, f"{end.mac} {end.address}", "--", "lport-set-groups", end.port,
                            "all")
        one.wait_ping(two.address)
        lines = br.appctl("dpctl/dump-conntrack").splitlines()
        shape = r"^icmp,orig=\(src=10\.2\.0\.1,dst=10\.2\.0\.2,id=\d+,type=8,code=0\)," \
                r"reply=\(src=10\.2\.0\.2,dst=10\.2\.0\.1,id=\d+,type=0,code=0\)"
        assert any(re.match(shape, line) for line in lines), lines
        assert int(br.appctl("dpctl/ct-get-nconns")) >= 1
        br.appctl("dpctl/flush-conntrack")
    finally:
        br.sluice_vsctl("lport-del", one.port, "--", "lport-del", two.port, "--", "group-del", "all")


@pytest.mark.parametrize("words,status,text", [
    (["fdb/show", "nosuch"], 2, "no such bridge"),
    (["fdb/show"], 2, '"fdb/show" command requires at least 1 arguments'),
    (["fdb/show", "a", "b"], 2, '"fdb/show" command takes at most 1 arguments'),
    (["bogus"], 2, '"bogus" is not a valid command (use "list-commands" to see a list of valid commands)'),
    (["vlog/set", "bogus"], 2, 'no destination, level, or module "bogus"'),
])
def test_refusals_of_appctl(br, words, status, text):
    done = subprocess.run([*br.namespace.prefix(), "ovs-appctl", "-t", "sluice-vswitchd", *words], env=br.env,
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == status and text in done.stderr
