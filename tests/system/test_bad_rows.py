# SPDX-License-Identifier: Apache-2.0
"""Rows that no careful client writes: nothing ends the switch, and what is refused is named.

    lab host ── ovsdb-server (Open_vSwitch, Sluice) ── sluice-vswitchd ── br-int ── v-one, v-two     one host

Two stations ping each other the whole time.
"""
import json
import random
import socket

import pytest
from endpoints import Station
from lab.process import wait_until

HUGE = [2 ** 31, 2 ** 32, 2 ** 63 - 1, -1, -(2 ** 63)]
WORDS = ["", " ", "x" * 5000, "../../etc/passwd", "é☃", "%s%n%d", "-1", "0x", "=,;", "a\nb", "\"", "99999999999999999999",
         "true", "flow", "0", "1e9", "0.0.0.0", "255.255.255.255", "::", "fe80::1%lo", "10.0.0.0/33", "10.0.0.1/-1",
         "ff:ff:ff:ff:ff:ff", "02:00:00:00:00:01", "02:00:00:00:00:01 10.0.0.1", "02:00:00:00:00:01 10.0.0.1/99 x"]


def parsed(text):
    """JSON, or None when the rest of it is still to come."""
    try:
        return json.loads(text)
    except ValueError:
        return None


class Site:
    """The host, with two stations that must always reach each other."""

    def __init__(self, lab, host):
        self.host = host
        host.add_bridge("br-int")
        self.one = Station(lab, host, "br-int", "one", "10.9.0.1/24")
        self.two = Station(lab, host, "br-int", "two", "10.9.0.2/24")
        self.one.wait_ping(self.two.address)
        self.pid = host.daemon.pid
        self.touched = 0

    def settle(self):
        """Wait until both databases are applied. A transaction that changes nothing would not be waited for."""
        self.touched += 1
        self.host.vsctl("set", "Open_vSwitch", ".", f"external_ids:touched={self.touched}")
        self.host.sluice_vsctl("set", "Sluice", ".", f"external_ids:touched={self.touched}")

    def check(self):
        """The switch is the same process, takes changes over, and forwards."""
        self.settle()
        assert self.host.daemon.running and self.host.daemon.pid == self.pid, self.host.log()[-3000:]
        self.one.wait_ping(self.two.address)

    def transact(self, database, *operations):
        """The answers of one transaction; None when the schema refuses it, which is none of our business."""
        request = {"method": "transact", "params": [database, *operations], "id": 0}
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(self.host.run_dir / "db.sock"))
            connection.sendall(json.dumps(request).encode())
            text = b""
            while (reply := parsed(text)) is None:
                text += connection.recv(1 << 20)
        answers = reply["result"]
        refused = answers is None or any("error" in (answer or {}) for answer in answers)
        return None if refused else answers


@pytest.fixture(scope="module")
def site(lab, host):
    host.sluice_vsctl("init")
    return Site(lab, host)


@pytest.fixture(autouse=True)
def unharmed(site):
    before = len(site.host.log())
    yield
    site.check()
    grown = site.host.log()[before:]
    assert "Sanitizer" not in grown
    # Nobody may fill the disk with one complaint.
    assert len(grown) < 400_000, grown[:3000]


def maps(rng, keys, n):
    return ["map", [[key, rng.choice(WORDS + [str(number) for number in HUGE])] for key in rng.sample(keys, n)]]


SETTINGS = ["pmd-cpu-mask", "pmd-sleep-max", "pmd-maxsleep", "stats-update-interval", "dpdk-extra", "dpdk-socket-mem",
            "vhost-sock-dir", "max-sessions", "flow-cache-entries", "n-dpdk-rxqs", "dpdk-init", "max-idle"]


@pytest.mark.parametrize("key", SETTINGS)
def test_bad_value_of_other_config(site, key):
    """Those that take effect at start are read again and must be ignored."""
    before = site.host.vsctl("get", "Open_vSwitch", ".", "other_config")
    for value in (*WORDS[:10], *HUGE):
        site.host.vsctl("set", "Open_vSwitch", ".", f"other_config:{key}={json.dumps(str(value))}")
    site.host.vsctl("set", "Open_vSwitch", ".", f"other_config={before}")


@pytest.mark.parametrize("key", ["max-sessions", "flow-cache-entries", "vhost-sock-dir", "pmd-cpu-mask",
                                 "pmd-sleep-max", "sluice-db", "dpdk-socket-mem", "dpdk-lcore-mask"])
def test_bad_value_at_start(lab, key):
    """The switch starts, says what is wrong, and applies the configuration."""
    host = lab.host(f"s{abs(hash(key)) % 10 ** 6}", other_config={key: "../-7 bogus"}).start()
    try:
        host.add_bridge("br0")
        assert host.get("Interface", "br0", "ofport") == "65534"
        assert key in host.log() or "bogus" in host.log(), host.log()
    finally:
        host.stop()


def test_bad_values_of_a_bridge(site):
    host = site.host
    keys = ["hwaddr", "mac-aging-time", "mac-table-size", "forward-bpdu", "datapath-id", "disable-in-band"]
    for key in keys:
        for value in (*WORDS, *HUGE):
            host.vsctl("--no-wait", "set", "Bridge", "br-int", f"other_config:{key}={json.dumps(str(value))}")
    site.check()
    host.vsctl("clear", "Bridge", "br-int", "other_config")


@pytest.mark.parametrize("name", ["é☃", "a b", "x" * 200, "-", "%s%n", "..", "a:b", "0"])
def test_odd_names(site, name):
    """Of bridges and ports of each type: refused in words that name them, or working.

    Guards "control: tell a refused row that was made anew": it had neither a number nor an error.
    """
    kinds = ["internal", "tap", "dpdkvhostuser", "system", "vxlan", "nosuch"]
    interface = site.host.get("Bridge", "br-int", "_uuid")
    for kind in kinds:
        assert site.transact("Open_vSwitch", {
            "op": "insert", "table": "Interface", "uuid-name": "i", "row": {"name": name, "type": kind}}, {
            "op": "insert", "table": "Port", "uuid-name": "p", "row": {"name": name, "interfaces": ["named-uuid", "i"]}},
            {"op": "mutate", "table": "Bridge", "where": [["_uuid", "==", ["uuid", interface]]],
             "mutations": [["ports", "insert", ["set", [["named-uuid", "p"]]]]]})
        site.settle()
        where = [["name", "==", name]]
        row, port = (answer["rows"][0] for answer in site.transact(
            "Open_vSwitch",
            {"op": "select", "table": "Interface", "where": where, "columns": ["ofport", "error"]},
            {"op": "select", "table": "Port", "where": where, "columns": ["_uuid"]}))
        assert row["ofport"] != ["set", []], f"{kind} {name}: neither open nor refused"
        assert row["ofport"] != -1 or (row["error"] != ["set", []] and len(row["error"]) > 10), row
        site.transact("Open_vSwitch", {
            "op": "mutate", "table": "Bridge", "where": [["_uuid", "==", ["uuid", interface]]],
            "mutations": [["ports", "delete", ["set", [port["_uuid"]]]]]})
    site.transact("Open_vSwitch", {"op": "insert", "table": "Bridge", "uuid-name": "b", "row": {"name": name}},
                  {"op": "mutate", "table": "Open_vSwitch", "where": [],
                   "mutations": [["bridges", "insert", ["set", [["named-uuid", "b"]]]]]})
    site.check()
    site.transact("Open_vSwitch", {
        "op": "update", "table": "Open_vSwitch", "where": [],
        "row": {"bridges": ["set", [["uuid", interface]]]}})


def test_rows_that_refer_to_each_other_strangely(site):
    """A port in two bridges, an interface in two ports, ports without their bridge's own, names that cross."""
    host = site.host
    named = lambda *names: ["set", [["named-uuid", name] for name in names]]  # noqa: E731
    bridges = ["uuid", host.get("Bridge", "br-int", "_uuid")]
    rows = [("Interface", "i0", {"name": "st0", "type": "internal"}),
            ("Interface", "i1", {"name": "st1", "type": "internal"}),
            ("Interface", "i2", {"name": "stb0"}),  # called like a bridge, and not internal
            ("Interface", "i3", {"name": "br-int", "type": "internal"}),
            ("Port", "p0", {"name": "st1", "interfaces": named("i0")}),
            ("Port", "p1", {"name": "st0", "interfaces": named("i0", "i1")}),
            ("Port", "p2", {"name": "br-int2", "interfaces": named("i1")}),
            ("Port", "p3", {"name": "stp3", "interfaces": named("i2")}),
            ("Port", "p4", {"name": "stp4", "interfaces": named("i0")}),
            ("Bridge", "b0", {"name": "stb0", "ports": named("p0", "p1", "p2", "p3")}),
            ("Bridge", "b1", {"name": "stb1", "ports": named("p0", "p3", "p4")}),
            ("Bridge", "b2", {"name": "st1", "ports": ["set", []]}),
            ("Mirror", "m0", {"name": "m", "select_all": True, "output_port": ["named-uuid", "p0"]})]
    for left_out in ("i3", None):
        operations = [{"op": "insert", "table": table, "uuid-name": name, "row": row} for table, name, row in rows
                      if name != left_out]
        site.transact("Open_vSwitch", *operations,
                      {"op": "update", "table": "Open_vSwitch", "where": [],
                       "row": {"bridges": ["set", [bridges, *named("b0", "b1", "b2")[1]]]}})
        site.check()
        for first, second in (("p0", "p4"), ("st0", "st1")):  # and they change places
            site.transact("Open_vSwitch", {"op": "update", "table": "Port", "where": [["name", "==", first]],
                                           "row": {"tag": 5}},
                          {"op": "update", "table": "Interface", "where": [["name", "==", second]],
                           "row": {"type": "tap"}})
            site.check()
        assert site.transact("Open_vSwitch", {"op": "update", "table": "Open_vSwitch", "where": [],
                                              "row": {"bridges": ["set", [bridges]]}})
        site.check()


def some(rng, n, *choices):
    """A set of N values, or an empty one."""
    return ["set", sorted({rng.choice(choices) for _ in range(n)}, key=str)]


def random_policy(rng, n):
    """Rows of every Sluice table that refer to each other in every way, as one transaction."""
    maybe = lambda *choices: rng.choice([["set", []], *choices])  # noqa: E731
    number = lambda *choices: rng.choice([["set", []], *choices, *HUGE])  # noqa: E731
    refer = lambda kind, most: ["named-uuid", f"{kind}{rng.randrange(most)}"]  # noqa: E731
    rows = []
    for i in range(4):
        rows.append(("Address_Group", f"a{i}", {"name": f"ag{n}-{i}", "addresses": some(rng, 5, *WORDS, "10.0.0.0/8")}))
    for i in range(12):
        row = {"direction": rng.choice(["ingress", "egress"]), "ethertype": maybe("IPv4", "IPv6"),
               "protocol": maybe(*WORDS, "tcp", "udp", "icmp", "icmpv6", "255", "256"),
               "port_min": number(0, 80, 65536), "port_max": number(0, 79, 65535), "icmp_type": number(0, 8, 256),
               "icmp_code": number(0, 255), "remote_cidr": maybe(*WORDS, "10.0.0.0/8", "fd00::/8"),
               "remote_group": maybe(refer("g", 4)), "remote_addresses": maybe(refer("a", 4)),
               "name": maybe(*WORDS)}
        rows.append(("Security_Group_Rule", f"r{i}", row))
    for i in range(4):
        row = {"name": f"sg{n}-{i}", "stateful": maybe(True, False),
               "rules": ["set", [["named-uuid", f"r{j}"] for j in range(12) if j % 4 == i or rng.random() < 0.3]]}
        rows.append(("Security_Group", f"g{i}", row))
    for i in range(4):
        groups = ["set", [["named-uuid", f"g{j}"] for j in range(4) if rng.random() < 0.5]]
        row = {"name": f"lp{n}-{i}" if i else f"q{n}", "addresses": some(rng, 4, *WORDS), "security_groups": groups,
               "port_security": maybe(True, False), "enabled": maybe(True, False)}
        rows.append(("Logical_Port", f"p{i}", row))
    for i in range(3):
        row = {"name": f"ln{n}-{i}", "vni": number(0, 7, 2 ** 24 - 1), "encap": maybe("vxlan", "geneve"),
               "bridge": maybe("br-int", *WORDS), "tag": number(1, 100, 4095), "mtu": number(0, 68, 1500),
               "vteps": some(rng, 5, *WORDS, "192.0.2.1", "192.0.2.2"), "learning": maybe(True, False)}
        rows.append(("Logical_Network", f"n{i}", row))
    return [{"op": "insert", "table": table, "uuid-name": name, "row": row} for table, name, row in rows]


def clear_policy(site):
    """Everything in one transaction, because the rows refer to each other."""
    tables = ["Logical_Port", "Logical_Network", "Security_Group", "Security_Group_Rule", "Address_Group"]
    return site.transact("Sluice", *({"op": "delete", "table": table, "where": []} for table in tables))


def test_random_policies(site):
    """Whatever the schema lets through is in force or has a status that says why not."""
    seed = 4217
    print("seed", seed)
    rng = random.Random(seed)
    accepted = 0
    for n in range(40):
        accepted += site.transact("Sluice", *random_policy(rng, n)) is not None
        if n % 8 == 7:
            site.check()
            assert clear_policy(site)
    assert accepted >= 10


def test_random_values_of_a_network_on_the_bridge(site):
    host = site.host
    host.sluice_vsctl("--no-wait", "network-add", "n", "bridge=br-int", "tag=77", "vni=1", "vteps=192.0.2.1")
    try:
        for column, values in (("vni", [*HUGE, 2 ** 24]), ("tag", [*HUGE, 4095, 4096]), ("mtu", [*HUGE, 0, 1]),
                               ("vteps", [word for word in WORDS if word.strip()])):
            good = host.sluice_vsctl("get", "Logical_Network", "n", column)
            for value in values:
                done = site.transact("Sluice", {"op": "update", "table": "Logical_Network",
                                                "where": [["name", "==", "n"]], "row": {column: value}})
                site.settle()
                status = host.sluice_vsctl("get", "Logical_Network", "n", "status")
                if done and column in ("vni", "tag"):
                    assert column in status.lower() or str(value) in status, f"{column}={value}: {status}"
            host.sluice_vsctl("set", "Logical_Network", "n", f"{column}={good}")
        assert host.sluice_vsctl("get", "Logical_Network", "n", "status") == "{}"
    finally:
        clear_policy(site)


def test_thousands_of_rows(site):
    """Of every table of policy: taken over in good time, and gone again."""
    rules = [{"op": "insert", "table": "Security_Group_Rule", "uuid-name": f"r{i}",
              "row": {"direction": "ingress", "protocol": "tcp", "port_min": 1 + i,
                      "remote_cidr": f"10.{i // 250}.{i % 250}.0/24"}}
             for i in range(2000)]
    group = {"op": "insert", "table": "Security_Group", "uuid-name": "g",
             "row": {"name": "big", "rules": ["set", [["named-uuid", f"r{i}"] for i in range(2000)]]}}
    ports = [{"op": "insert", "table": "Logical_Port", "row": {
        "name": f"big{i}", "addresses": f"02:00:00:01:{i // 256:02x}:{i % 256:02x} 10.{i // 250}.{i % 250}.1",
        "security_groups": ["named-uuid", "g"]}} for i in range(2000)]
    networks = [{"op": "insert", "table": "Logical_Network", "row": {
        "name": f"net{i}", "vni": i, "bridge": "br-int", "tag": 1 + i,
        "vteps": ["set", [f"192.0.2.{j}" for j in range(1, 9)]]}} for i in range(500)]
    assert site.transact("Sluice", *rules, group, *ports, *networks)
    site.check()
    wait_until(lambda: "net499: vxlan" in site.host.appctl("tnl/ports/show"), 20, "the last network",
               [site.host.daemon.log])
    assert clear_policy(site)
    site.check()
    assert "vxlan" not in site.host.appctl("tnl/ports/show")


def test_duplicate_tunnel_is_reported_once(site):
    """Each change of the database used to open it, log it as added, and refuse it again."""
    host = site.host
    for name in ("vx0", "vx1"):
        host.vsctl("add-port", "br-int", name, "--", "set", "Interface", name, "type=vxlan",
                   "options:remote_ip=192.0.2.77", "options:key=3")
    before = host.log()
    for _ in range(5):
        site.settle()
    assert "vx1" not in host.log()[len(before):]
    # In one transaction they can exchange what they stand for.
    host.vsctl("set", "Interface", "vx1", "options:key=4")
    host.vsctl("set", "Interface", "vx0", "options:key=4", "--", "set", "Interface", "vx1", "options:key=3")
    assert [host.get("Interface", name, "error") for name in ("vx0", "vx1")] == ["[]", "[]"]
    host.vsctl("del-port", "vx0", "--", "del-port", "vx1")


def test_tunnels_have_addresses_that_stay(site):
    host = site.host
    host.vsctl("add-port", "br-int", "vx0", "--", "set", "Interface", "vx0", "type=vxlan",
               "options:remote_ip=192.0.2.78")
    first = host.get("Interface", "vx0", "mac_in_use")
    assert int(first[:2], 16) & 3 == 2, first
    host.vsctl("set", "Interface", "vx0", "options:remote_ip=192.0.2.79")
    assert host.get("Interface", "vx0", "mac_in_use") == first
    host.vsctl("del-port", "vx0")
