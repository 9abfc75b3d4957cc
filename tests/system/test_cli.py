# SPDX-License-Identifier: Apache-2.0
"""sluice-vsctl and sluice-appctl against the running switch.

         host: sluice-vswitchd, one worker
    br-int: v-a  v-b
             |    |
             a    b     namespaces, 10.5.0.1 and .2
"""
import re

import pytest

from endpoints import drops
from lab.host import BUILD, SLUICE_VSCTL
from lab.process import wait_until
from policed import Connection, Guest, change

APPCTL = BUILD / "tools/appctl/sluice-appctl"


class Network:
    def __init__(self, lab, host):
        self.host = host
        host.add_bridge("br-int")
        self.a, self.b = (Guest(lab, host, "br-int", name, n, prefix=5) for n, name in enumerate("ab", 1))
        assert self.a.echo_once(self.b.v4, timeout=5)


@pytest.fixture(scope="module")
def network(lab, host):
    return Network(lab, host)


def vsctl(host, *words):
    """sluice-vsctl as a user runs it: exit status, output and messages."""
    return host.run([SLUICE_VSCTL, "--timeout=30", *words], check=False)


def appctl(host, *words):
    done = host.run([APPCTL, *words], check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# sluice-vsctl -------------------------------------------------------------------------------------------------------


def test_bridge_and_port_commands_take_effect_when_they_return(host, network):
    assert host.sluice_vsctl("add-br", "br-cli", "--", "set", "Bridge", "br-cli", "datapath_type=netdev") == ""
    assert host.namespace.has("br-cli")
    assert host.sluice_vsctl("list-br").split() == ["br-cli", "br-int"]
    host.sluice_vsctl("add-port", "br-cli", "cli0", "--", "set", "Interface", "cli0", "type=internal")
    assert host.namespace.has("cli0")
    assert host.sluice_vsctl("get", "Interface", "cli0", "ofport") == "1"
    assert host.sluice_vsctl("list-ports", "br-cli") == "cli0"
    assert host.sluice_vsctl("iface-to-br", "cli0") == "br-cli"
    host.sluice_vsctl("del-port", "cli0")
    assert not host.namespace.has("cli0")
    host.sluice_vsctl("del-br", "br-cli")
    assert not host.namespace.has("br-cli")
    assert host.sluice_vsctl("list-br") == "br-int"


def test_show_is_what_ovs_vsctl_shows(host, network):
    def without_version(text):
        return re.sub(r"\n *ovs_version.*", "", text)

    assert without_version(host.sluice_vsctl("show")) == without_version(host.vsctl("show"))
    assert 'Port v-a\n            Interface v-a' in host.sluice_vsctl("show")


def test_port_that_cannot_be_set_up_is_exit_status_65_with_its_error(host, network):
    done = vsctl(host, "add-port", "br-int", "nosuchdevice")
    try:
        assert (done.returncode, done.stdout) == (65, "")
        error = host.get("Interface", "nosuchdevice", "error")
        assert error and f"Error detected while setting up 'nosuchdevice': {error}." in done.stderr
        assert host.sluice_vsctl("list-ports", "br-int").split() == ["nosuchdevice", "v-a", "v-b"]
    finally:
        assert vsctl(host, "del-port", "nosuchdevice").returncode == 0


def test_port_of_an_unknown_type_is_exit_status_65(host, network):
    done = vsctl(host, "add-port", "br-int", "odd0", "--", "set", "Interface", "odd0", "type=pigeon")
    try:
        assert done.returncode == 65
        assert "Error detected while setting up 'odd0': " in done.stderr
    finally:
        host.sluice_vsctl("del-port", "odd0")


def test_network_that_cannot_be_set_up_is_exit_status_65(host, network):
    done = vsctl(host, "network-add", "bad", "vni=16777216", "bridge=br-int", "tag=7")
    try:
        assert done.returncode == 65
        assert "Error detected while setting up 'bad': " in done.stderr
    finally:
        host.sluice_vsctl("network-del", "bad")


def test_no_wait_does_not_wait_and_says_nothing(host, network):
    done = vsctl(host, "--no-wait", "add-port", "br-int", "nosuchdevice")
    assert (done.returncode, done.stderr) == (0, "")
    assert vsctl(host, "del-port", "nosuchdevice").returncode == 0


def test_policy_verbs_take_effect_when_they_return(host, network):
    change(host, f"lport-add v-b '{network.b.addresses()}'", "group-add web",
           "rule-add web name=http direction=ingress protocol=tcp port_min=80", "lport-set-groups v-b web")
    try:
        with Connection(network.a, network.b, 80) as one:
            one.exchange()
            change(host, "rule-del web http")
            before = drops(host, "v-a", "policy_cut")
            one.client.send(b"late")
            wait_until(lambda: drops(host, "v-a", "policy_cut") > before, 10, "cut of the connection")
        assert host.sluice_vsctl("group-list") == "web"
        assert host.sluice_vsctl("lport-list") == "v-b"
        assert host.sluice_vsctl("lport-get-groups", "v-b") == "web"
        assert host.sluice_vsctl("lport-get-addresses", "v-b") == network.b.addresses()
        change(host, "rule-add web name=v6 direction=ingress protocol=tcp remote_cidr=fd00:5::/64")
        line = host.sluice_vsctl("rule-list", "web")
        assert line == "v6: direction=ingress protocol=tcp remote_cidr=fd00:5::/64"
        change(host, "rule-del web v6", "rule-add web name=" + line.replace(":", "", 1))  # it can be given back
        assert host.sluice_vsctl("rule-list", "web") == line
    finally:
        change(host, "lport-del v-b", "--if-exists group-del web")
    assert host.sluice_vsctl("get", "Sluice", ".", "cur_cfg") == host.sluice_vsctl("get", "Sluice", ".", "next_cfg")


def test_wrong_command_lines_change_nothing(host, network):
    before = host.sluice_vsctl("get", "Sluice", ".", "next_cfg")
    for words in (["lport-del", "nobody"], ["rule-add", "nogroup", "direction=ingress"], ["nonsense"],
                  ["group-add", "one", "--", "group-del", "two"]):
        done = vsctl(host, *words)
        assert (done.returncode, done.stdout) == (1, ""), words
        assert done.stderr.startswith("sluice-vsctl: "), words
    assert host.sluice_vsctl("get", "Sluice", ".", "next_cfg") == before
    assert host.sluice_vsctl("group-list") == ""


def test_generic_commands_know_both_databases(host, network):
    assert re.fullmatch(r"[0-9]+", host.sluice_vsctl("get", "Open_vSwitch", ".", "cur_cfg"))
    assert host.sluice_vsctl("--bare", "--columns=name", "list", "Bridge") == "br-int"
    assert host.sluice_vsctl("--bare", "--columns=name", "find", "Interface", "name=v-a") == "v-a"
    assert "cur_cfg" in host.sluice_vsctl("list", "Sluice")


# sluice-appctl ------------------------------------------------------------------------------------------------------


def test_appctl_finds_the_switch_by_itself(host, network):
    assert re.fullmatch(r"sluice-vswitchd( \(Sluice\))? \d+\.\d+(\.\d+)?\S*\n(.*\n)*", appctl(host, "version"))


def test_appctl_is_ovs_appctl_to_the_switch(host, network):
    for words in (["version"], ["list-commands"], ["fdb/stats-show", "br-int"]):
        assert appctl(host, *words).rstrip("\n") == host.appctl(*words)


def test_list_commands_names_them_all(host, network):
    lines = appctl(host, "list-commands").splitlines()
    assert lines[0] == "The available commands are:"
    names = {line.split()[0] for line in lines[1:]}
    assert names >= {"version", "list-commands", "exit", "fdb/show", "fdb/flush", "dpif/show", "dpctl/show",
                     "dpctl/dump-conntrack", "dpctl/dump-flows", "dpctl/flush-conntrack", "drop/show", "vlog/set",
                     "tnl/ports/show"}


def test_dpif_show_lists_bridges_and_their_ports(host, network):
    lines = appctl(host, "dpif/show").splitlines()
    assert re.fullmatch(r"netdev@ovs-netdev: hit:\d+ missed:\d+", lines[0])
    assert lines[1] == "  br-int:"
    assert len(lines) == 5
    for line, (name, number, kind) in zip(lines[2:], (("br-int", 65534, "internal"), ("v-a", 1, "system"),
                                                      ("v-b", 2, "system"))):
        assert re.fullmatch(rf"    {name} {number}/\d+: \({kind}(: .*)?\)", line), line


def test_fdb_show_lists_who_is_where(host, network):
    assert network.a.echo_once(network.b.v4)
    lines = appctl(host, "fdb/show", "br-int").splitlines()
    assert lines[0] == " port  VLAN  MAC                Age"
    for guest, number in ((network.a, 1), (network.b, 2)):
        assert [line for line in lines if re.fullmatch(rf" +{number} +0  {guest.mac} +\d+", line)], lines


def test_dump_flows_shows_key_counters_and_actions(host, network):
    assert network.a.echo_once(network.b.v4, tries=3)
    lines = appctl(host, "dpctl/dump-flows").splitlines()
    assert re.fullmatch(r"flow-dump from worker \d+:", lines[0])
    form = r"in_port\(v-a\).*icmp.*, packets:\d+, bytes:\d+, used:\d+\.\d+s, actions:v-b$"
    assert [line for line in lines if network.a.mac in line and re.search(form, line)], lines


def test_drop_show_has_one_line_for_each_port_and_reason(host, network):
    change(host, f"lport-add v-a '{network.a.addresses()}'")
    try:
        network.a.raw().send(bytes.fromhex("ffffffffffff" + "020000000099" + "88b5") + bytes(46))
        wait_until(lambda: drops(host, "v-a", "spoofed_mac") > 0, 10, "drop of a frame")
        lines = appctl(host, "drop/show").splitlines()
        assert lines[0].split() == ["port", "reason", "packets", "meaning"]
        assert [line for line in lines[1:]
                if re.fullmatch(r"v-a +spoofed_mac +1  source MAC is not one of the port's addresses", line)]
        assert all(line.split()[2].isdigit() for line in lines[1:])
        assert appctl(host, "drop/show", "v-b").splitlines()[0] == lines[0]
    finally:
        change(host, "lport-del v-a")


@pytest.mark.parametrize("words,message", [(["drop/show", "nope"], "no such port"), (["fdb/show", "nope"], "no such"),
                                           (["nonsense"], "not a valid command"), (["dpif/show", "x"], "takes at most"),
                                           (["dpctl/dump-conntrack", "zone=x"], "failed to parse zone")])
def test_appctl_command_that_fails_is_exit_status_2(host, network, words, message):
    done = host.run([APPCTL, *words], check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_exit_ends_the_switch_and_leaves_nothing(lab):
    other = lab.host("exit").start()
    other.add_bridge("br0")
    pid = other.daemon.pid
    assert appctl(other, "exit") == ""
    wait_until(lambda: not other.daemon.running, 15, "exit of the switch", [other.daemon.log])
    assert not list(other.run_dir.glob(f"sluice-vswitchd*{pid}*"))
    assert not (other.run_dir / "sluice-vswitchd.pid").exists()
    assert not other.namespace.has("br0")
    done = other.run([APPCTL, "version"], check=False)
    assert done.returncode == 1
