# SPDX-License-Identifier: Apache-2.0
"""The handshake with the Open_vSwitch database, as ovs-vsctl, libvirt, os-vif and CNIs rely on it.

    lab host ── ovsdb-server ── sluice-vswitchd ── br0        one namespace, no wire to anywhere
"""
import json
import random

import pytest
from lab.lab import Lab
from lab.process import run, wait_until


@pytest.fixture(name="host", scope="module")
def fixture_host():
    with Lab() as lab:
        yield lab.host("h").start()


@pytest.fixture(name="bridge", autouse=True)
def fixture_bridge(host):
    """Every test begins with one bridge that has nothing but its own port."""
    host.vsctl("--", "--if-exists", "del-br", "br0", "--", "--if-exists", "del-br", "br1")
    host.add_bridge("br0")
    return "br0"


def add_port(host, name, *settings, bridge="br0"):
    """Returns what ovs-vsctl complains about."""
    words = ["add-port", bridge, name, "--", "set", "Interface", name, *settings]
    return host.run(["ovs-vsctl", "--timeout=10", *words]).stderr


def interface(host, name, *columns):
    return [host.get("Interface", name, column) for column in columns]


def has_device(host, name):
    return host.run(["ip", "link", "show", name], check=False).returncode == 0


def transact(host, *operations):
    done = host.run(["ovsdb-client", "transact", json.dumps(["Open_vSwitch", *operations])])
    return json.loads(done.stdout)


def test_bridge_has_its_port_address_and_id(host):
    host.add_bridge("br1", "other_config:hwaddr=02:00:00:00:00:77")
    assert interface(host, "br1", "ofport", "error", "mac_in_use") == ["65534", "[]", "02:00:00:00:00:77"]
    assert host.get("Bridge", "br1", "datapath_id") == "0000020000000077"
    assert host.namespace.mac("br1") == "02:00:00:00:00:77"
    host.vsctl("del-br", "br1")
    assert not has_device(host, "br1")


@pytest.mark.parametrize("datapath_type", ["", "system", "netdev"])
def test_any_usual_datapath_type_is_ours(host, datapath_type):
    host.vsctl("add-br", "br1", "--", "set", "Bridge", "br1", f'datapath_type="{datapath_type}"')
    assert interface(host, "br1", "ofport") == ["65534"]


def test_unknown_datapath_type_is_an_error_with_text(host):
    host.vsctl("add-br", "br1", "--", "set", "Bridge", "br1", "datapath_type=bogus")
    ofport, error = interface(host, "br1", "ofport", "error")
    assert ofport == "-1" and "bogus" in error
    host.vsctl("set", "Bridge", "br1", "datapath_type=netdev")
    assert interface(host, "br1", "ofport", "error") == ["65534", "[]"]


def test_bridge_name_with_slash_is_ignored(host):
    host.vsctl("--no-wait", "add-br", "a/b")
    host.vsctl("add-br", "br1")  # returns: the bad row holds nothing up
    assert interface(host, "a/b", "ofport") == ["[]"]
    host.vsctl("--no-wait", "del-br", "a/b")


@pytest.mark.parametrize("settings,error", [
    (["type=bogus"], "could not open network device p (Address family not supported by protocol)"),
    (["type=patch", "options:peer=q"], "could not open network device p (Address family not supported by protocol)"),
    (["type=system"], "could not open network device p (No such device)"),
    (["type=dpdk"], "'p' is missing 'options:dpdk-devargs'. The old 'dpdk<port_id>' names are not supported"),
    (["type=dpdk", "options:dpdk-devargs=0000:99:00.0"], "Error attaching device '0000:99:00.0' to DPDK"),
    (["type=vxlan"], "p: vxlan type requires valid 'remote_ip' argument"),
    (["type=geneve", "options:remote_ip=nonsense"],
     "p: bad geneve 'remote_ip'\np: geneve type requires valid 'remote_ip' argument"),
])
def test_bad_port_says_why(host, settings, error):
    stderr = add_port(host, "p", *settings)
    assert interface(host, "p", "ofport") == ["-1"]
    assert json.loads(host.vsctl("get", "Interface", "p", "error")) == error
    assert f"Error detected while setting up 'p': {error}" in stderr
    for column in ("admin_state", "link_state", "mac_in_use", "mtu", "ifindex"):
        assert interface(host, "p", column) == ["[]"]


def test_tunnel_twice_is_refused(host):
    options = ["type=vxlan", "options:remote_ip=192.0.2.1", "options:key=7"]
    assert add_port(host, "vx0", *options) == ""
    add_port(host, "vx1", *options)
    assert interface(host, "vx1", "ofport") == ["-1"]
    assert "File exists" in interface(host, "vx1", "error")[0]
    host.vsctl("del-port", "vx0")
    wait_until(lambda: interface(host, "vx1", "error") == ["[]"], 5, "the second tunnel takes the place of the first")


def test_bond_is_refused_with_a_sentence(host):
    host.vsctl("add-bond", "br0", "bond0", "b0", "b1", "--", "set", "Interface", "b0", "type=internal")
    for name in ("b0", "b1"):
        ofport, error = interface(host, name, "ofport", "error")
        assert ofport == "-1" and "bonded ports are not supported" in error


def test_device_in_use_is_named(host):
    assert add_port(host, "n0", "type=dpdk", "options:dpdk-devargs=net_null0") == ""
    assert "already in use by 'n0'" in add_port(host, "n1", "type=dpdk", "options:dpdk-devargs=net_null0")


def test_device_changes_hands_in_one_transaction(host):
    assert add_port(host, "n0", "type=dpdk", "options:dpdk-devargs=net_null0") == ""
    host.vsctl("del-port", "n0", "--", "add-port", "br0", "n1", "--", "set", "Interface", "n1", "type=dpdk",
               "options:dpdk-devargs=net_null0")
    assert interface(host, "n1", "error") == ["[]"]
    assert int(interface(host, "n1", "ofport")[0]) > 0


def test_ofport_request_is_kept(host):
    add_port(host, "i0", "type=internal", "ofport_request=77")
    add_port(host, "i1", "type=internal", "ofport_request=77")
    assert interface(host, "i0", "ofport") == ["77"]
    assert int(interface(host, "i1", "ofport")[0]) not in (-1, 77)
    host.vsctl("set", "Interface", "i0", "ofport_request=78")
    assert interface(host, "i0", "ofport") == ["78"]


def test_type_changes_in_place(host):
    add_port(host, "i0", "type=internal")
    host.vsctl("set", "Interface", "i0", "type=bogus")
    assert interface(host, "i0", "ofport") == ["-1"]
    assert not has_device(host, "i0")
    host.vsctl("set", "Interface", "i0", "type=internal")
    assert interface(host, "i0", "error") == ["[]"]
    assert has_device(host, "i0")


def test_port_moves_to_another_bridge(host):
    add_port(host, "i0", "type=internal")
    host.vsctl("add-br", "br1", "--", "del-port", "i0", "--", "add-port", "br1", "i0", "--", "set", "Interface", "i0",
               "type=internal")
    assert interface(host, "i0", "error") == ["[]"]
    below = host.appctl("dpif/show").split("  br1:")[1].split("\n  br")[0]
    assert " i0 " in below


def test_bridge_made_anew_in_one_transaction(host):
    add_port(host, "i0", "type=internal")
    host.vsctl("del-br", "br0", "--", "add-br", "br0", "--", "add-port", "br0", "i1", "--", "set", "Interface", "i1",
               "type=internal")
    assert interface(host, "br0", "ofport", "link_state") == ["65534", "up"]
    assert interface(host, "i1", "error") == ["[]"]
    assert not has_device(host, "i0")


def test_mtu_is_applied_or_explained(host):
    add_port(host, "i0", "type=internal", "mtu_request=1400")
    assert interface(host, "i0", "mtu", "error") == ["1400", "[]"]
    host.vsctl("set", "Interface", "i0", "mtu_request=99999")
    ofport, error = interface(host, "i0", "ofport", "error")
    assert int(ofport) > 0 and "68 to 9702" in error
    host.vsctl("set", "Interface", "i0", "mtu_request=2000")
    assert interface(host, "i0", "mtu", "error") == ["2000", "[]"]
    assert "mtu 2000" in host.run(["ip", "link", "show", "i0"]).stdout


def test_system_port_follows_its_device(host):
    add_port(host, "ve0", "type=system")
    assert interface(host, "ve0", "ofport") == ["-1"]
    host.namespace.ip("link add ve0 type veth peer name ve1")
    wait_until(lambda: interface(host, "ve0", "error") == ["[]"], 5, "the device is taken", [host.daemon.log])
    host.namespace.ip("link set ve0 up")
    host.namespace.ip("link set ve1 up")
    host.wait_link("ve0")
    host.namespace.ip("link set ve1 down")
    host.wait_link("ve0", "down")
    host.namespace.ip("link del ve0")
    wait_until(lambda: interface(host, "ve0", "ofport") == ["-1"], 5, "the device is missed", [host.daemon.log])


def test_vhost_server_socket_is_there_at_once(host):
    add_port(host, "vh0", "type=dpdkvhostuser")
    assert (host.run_dir / "vh0").exists()  # a CNI renames it straight after
    assert interface(host, "vh0", "link_state", "mac_in_use") == ["down", "00:00:00:00:00:00"]
    host.vsctl("del-port", "vh0")
    wait_until(lambda: not (host.run_dir / "vh0").exists(), 5, "the socket is removed")


def test_vhost_client_needs_no_path_yet(host):
    assert add_port(host, "vh0", "type=dpdkvhostuserclient") == ""
    assert int(interface(host, "vh0", "ofport")[0]) > 0
    host.vsctl("set", "Interface", "vh0", f"options:vhost-server-path={host.dir}/guest.sock")
    assert interface(host, "vh0", "error") == ["[]"]
    assert host.get("Interface", "vh0", "status:mode") == "client"


def test_root_row_says_what_works(host):
    types = host.vsctl("get", "Open_vSwitch", ".", "iface_types")
    for kind in ("dpdk", "dpdkvhostuser", "dpdkvhostuserclient", "geneve", "internal", "system", "tap", "vxlan"):
        assert kind in types
    assert "patch" not in types
    assert host.vsctl("get", "Open_vSwitch", ".", "datapath_types") == "[netdev, system]"
    assert host.get("Open_vSwitch", ".", "dpdk_initialized") == "true"


def test_client_that_ignores_next_cfg_is_served(host):
    """As ovs-cni writes: rows only, no increment of next_cfg."""
    bridge = host.get("Bridge", "br0", "_uuid")
    row = {"name": "c0", "interfaces": ["named-uuid", "i"]}
    transact(host, {"op": "insert", "table": "Interface", "row": {"name": "c0", "type": "internal"}, "uuid-name": "i"},
             {"op": "insert", "table": "Port", "row": row, "uuid-name": "p"},
             {"op": "mutate", "table": "Bridge", "where": [["_uuid", "==", ["uuid", bridge]]],
              "mutations": [["ports", "insert", ["set", [["named-uuid", "p"]]]]]})
    host.wait_link("c0", timeout=5)


def test_statistics_have_what_libvirt_reads(host):
    add_port(host, "i0", "type=internal")
    wait_until(lambda: "rx_bytes" in host.vsctl("get", "Interface", "i0", "statistics"), 10, "statistics")
    text = host.vsctl("get", "Interface", "i0", "statistics")
    for key in ("packets", "bytes", "errors", "dropped"):
        assert f"rx_{key}=" in text and f"tx_{key}=" in text


def test_controller_is_never_connected(host):
    host.vsctl("set-controller", "br0", "tcp:127.0.0.1:6633", "--", "set-fail-mode", "br0", "secure")
    assert host.get("Controller", "br0", "is_connected") == "false"
    host.vsctl("del-controller", "br0", "--", "del-fail-mode", "br0")


def test_server_restart_loses_nothing(host):
    add_port(host, "i0", "type=internal")
    add_port(host, "vx0", "type=vxlan", "options:remote_ip=192.0.2.1")
    columns = ("ofport", "error", "link_state", "admin_state", "mac_in_use", "mtu", "ifindex")
    before = [interface(host, name, *columns) for name in ("i0", "vx0", "br0")]
    identity = host.get("Bridge", "br0", "datapath_id")
    host.kill_ovsdb()
    assert has_device(host, "i0") and has_device(host, "br0")
    host.start_ovsdb()
    wait_until(lambda: [interface(host, name, *columns) for name in ("i0", "vx0", "br0")] == before, 20,
               "status is written again", [host.daemon.log])
    assert host.get("Bridge", "br0", "datapath_id") == identity
    add_port(host, "i1", "type=internal")
    assert interface(host, "i1", "error") == ["[]"]


def test_empty_database_deletes_nothing(host):
    add_port(host, "i0", "type=internal")
    ifindex = interface(host, "i0", "ifindex")
    database, kept = host.db_dir / "conf.db", host.db_dir / "kept.db"
    host.kill_ovsdb()
    database.rename(kept)
    run(["ovsdb-tool", "create", database, "/usr/share/openvswitch/vswitch.ovsschema"])
    seen = host.log().count(": connected")
    host.start_ovsdb()
    wait_until(lambda: host.log().count(": connected") == seen + 2, 20, "reconnection", [host.daemon.log])
    assert has_device(host, "i0")
    host.kill_ovsdb()
    database.unlink()
    kept.rename(database)
    host.start_ovsdb()
    host.wait_link("i0")
    assert interface(host, "i0", "ifindex") == ifindex


SLOW_PROBE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
int rte_dev_probe(const char *devargs);
int rte_dev_probe(const char *devargs)
{
    int (*probe)(const char *) = dlsym(RTLD_NEXT, "rte_dev_probe");

    sleep(3);
    return probe(devargs);
}
"""


def test_slow_device_holds_nobody_up():
    """A probe that takes seconds: cur_cfg comes all the same, and other changes do not wait for the device."""
    with Lab() as lab:
        host = lab.host("slow")
        shim = lab.dir / "slow_probe.so"
        run(["cc", "-shared", "-fPIC", "-o", shim, "-x", "c", "-", "-ldl"], stdin=SLOW_PROBE)
        host.create_databases()
        host.start_ovsdb()
        host.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".", "other_config:dpdk-extra=--no-pci")
        host.daemon.argv = ["env", f"LD_PRELOAD={shim}", "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0",
                            *host.daemon.argv]
        host.daemon.start()
        host.add_bridge("br0")
        assert add_port(host, "n0", "type=dpdk", "options:dpdk-devargs=net_null0") == ""
        assert interface(host, "n0", "error", "link_state") == ["[]", "down"]
        assert host.get("Interface", "n0", "status:probe") == "in progress"
        ofport = interface(host, "n0", "ofport")
        add_port(host, "i0", "type=internal")
        host.vsctl("del-port", "i0")
        assert interface(host, "n0", "link_state") == ["down"]  # still at it
        host.wait_link("n0", timeout=10)
        assert interface(host, "n0", "ofport", "error") == [*ofport, "[]"]
        add_port(host, "n1", "type=dpdk", "options:dpdk-devargs=net_null1")
        host.vsctl("del-port", "n1")  # while it is being probed
        add_port(host, "n1", "type=dpdk", "options:dpdk-devargs=net_null1")
        host.wait_link("n1", timeout=15)


def random_row(rng):
    text = ["", "x" * 300, "../../etc", "br0", "lo", "\u00e9\u2603", "%s%n", "-1", "0x", "net_null0", "a b", "=,;"]
    kinds = ["", "internal", "system", "tap", "dpdk", "dpdkvhostuser", "dpdkvhostuserclient", "vxlan", "geneve",
             "patch"]
    keys = ["remote_ip", "local_ip", "key", "dst_port", "ttl", "tos", "csum", "dpdk-devargs", "vhost-server-path",
            "n_rxq", "peer", "tx-retries-max", "n_rxq_desc"]
    values = text + ["192.0.2.1", "flow", "99999999999", "2", "inherit", "127.0.0.1", "::1", "0.0.0.0", "224.0.0.1"]
    name = rng.choice(["r%d" % rng.randrange(20), "r%d" % rng.randrange(20), *text[1:]])
    return {"name": name, "type": rng.choice(kinds + [rng.choice(text)]),
            "options": ["map", [[key, rng.choice(values)] for key in rng.sample(keys, 3)]],
            "mtu_request": rng.choice([["set", []], -5, 0, 68, 1500, 9702, 9703, 2 ** 40]),
            "mac": rng.choice([["set", []], "nonsense", "ff:ff:ff:ff:ff:ff", "02:00:00:00:00:01"]),
            "ofport_request": rng.choice([["set", []], 1, 65279, 5])}


def test_random_rows_do_no_harm(host):
    """Whatever the schema lets through ends in Interface.error, never in an end of the daemon."""
    seed = 20260101
    print("seed", seed)
    rng = random.Random(seed)
    bridge = ["uuid", host.get("Bridge", "br0", "_uuid")]
    pid = host.daemon.pid
    for _ in range(40):
        row = random_row(rng)
        port = {"name": row["name"], "interfaces": ["named-uuid", "i"],
                "tag": rng.choice([["set", []], 0, 10, 4095]),
                "trunks": rng.choice([["set", []], ["set", [4095]], ["set", [0, 1, 4095]]]),
                "vlan_mode": rng.choice([["set", []], "access", "trunk", "native-tagged", "dot1q-tunnel"])}
        transact(host, {"op": "insert", "table": "Interface", "row": row, "uuid-name": "i"},
                 {"op": "insert", "table": "Port", "row": port, "uuid-name": "p"},
                 {"op": "mutate", "table": "Bridge", "where": [["_uuid", "==", bridge]],
                  "mutations": [["ports", "insert", ["set", [["named-uuid", "p"]]]]]})
    host.vsctl("set", "Open_vSwitch", ".", "external_ids:touched=1")  # waits for cur_cfg
    assert host.daemon.running and host.daemon.pid == pid
    host.vsctl("del-br", "br0")
    assert host.daemon.running


def test_many_ports_come_and_go(host):
    names = [f"m{i}" for i in range(40)]
    for _ in range(3):
        words = []
        for name in names:
            words += ["--", "add-port", "br0", name, "--", "set", "Interface", name, "type=internal"]
        host.vsctl(*words)
        assert {interface(host, name, "error")[0] for name in names[:5]} == {"[]"}
        words = []
        for name in names:
            words += ["--", "del-port", name]
        host.vsctl(*words)
    wait_until(lambda: not any(has_device(host, name) for name in names), 20, "the last devices go")
