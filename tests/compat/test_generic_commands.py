# SPDX-License-Identifier: Apache-2.0
"""Generic database commands, global options and error messages behave as in ovs-vsctl."""
import re
import threading

import pytest

from conftest import OVS_VSCTL, VSCTL


def test_get_list_find(pair):
    pair.check_all("""
        add-br br0
        add-port br0 p1 tag=3
        set interface p1 type=internal options:a=b external_ids:iface-id=port-1
        get interface p1 type
        get interface p1 options options:a external_ids:iface-id
        get interface p1 options:nokey
        --if-exists get interface p1 options:nokey
        get interface nosuch type
        --if-exists get interface nosuch type
        get interface p1 nosuchcol
        get nosuchtable p1 type
        get interface p1 _uuid
        --columns=name,type list interface
        --columns=name,type list interface p1
        --columns=name list interface nosuch
        --if-exists --columns=name list interface nosuch
        --columns=name,tag find port tag=3
        --columns=name find port tag!=3
        --columns=name find port tag>2
        --columns=name find interface options:a=b
        --columns=name find interface options{>=}a=b
        --columns=name find port name{in}p1,p2
        --columns=name find interface nosuch=1
        find interface type~x
        """)


def test_set_add_remove_clear(pair):
    pair.check_all("""
        add-br br0
        add-port br0 p1
        set port p1 tag=3 trunks=1,2
        set port p1 trunk=4
        get port p1 trunks
        add port p1 trunks 9 10
        remove port p1 trunks 9
        get port p1 trunks
        add port p1 other_config k=v
        remove port p1 other_config k
        clear port p1 tag trunks
        get port p1 tag trunks
        set port p1 tag=5000
        set port p1 vlan_mode=nonsense
        set port nosuch tag=1
        --if-exists set port nosuch tag=1
        --if-exists clear port nosuch tag
        --if-exists add port nosuch trunks 1
        --if-exists remove port nosuch trunks 1
        clear port p1 name
        set bridge br0 name=br1
        set open_vswitch . other_config:dpdk-init=true external-ids:system-id=x
        get open . other_config
        get Open_vSwitch . external_ids:system-id
        remove open . other_config dpdk-init
        get open . other_config
        """)


def test_create_destroy(pair):
    pair.check_all("""
        add-br br0
        create qos type=linux-htb other_config:max-rate=100
        --columns=type,other_config list qos
        -- --id=@q create qos type=linux-hfsc -- set port br0 qos=@q
        get port br0 qos
        set port br0 qos=@nosuch
        -- --id=@q create qos type=a -- --id=@q create qos type=b
        -- --id=q create qos type=a
        destroy qos br0
        --all destroy qos
        list qos
        destroy qos nosuch
        --if-exists destroy qos nosuch
        create bridge name=br9
        list-br
        """)


def test_abbreviations(pair):
    pair.check_all("""
        add-br br0
        add-port br0 p1
        --columns=name list br
        --columns=name list Po
        list q
        list s
        get BRIDGE br0 fail-mode
        get br br0 datapath-t
        get port p1 bond
        --no-heading --columns=name list interface
        --no-headin --format=csv --columns=name,type list interface
        """)
    uuid = pair.ours.vsctl("get", "port", "p1", "_uuid").out.strip()
    for record in (uuid, uuid[:8], uuid[:3]):
        pair.check_on_ours("get", "port", record, "name")


@pytest.mark.parametrize("options", [
    ["--format=list"], ["-f", "csv"], ["-f", "json"], ["--format=html"], ["--format=table"], ["-f", "json", "--pretty"],
    ["--data=json"], ["-d", "bare"], ["--bare"], ["--bare", "--no-headings"], ["--oneline"], ["--no-headings"],
    ["--format=nonsense"], ["--data=nonsense"], ["--nonsense"], ["-t", "x"], ["-t", "0"], ["--dry-run"], ["--no-syslog"],
])
def test_output_options(pair, options):
    pair.check_all("""
        add-br br0
        add-port br0 p1 tag=3
        add-port br0 p2 trunks=1,2
        """)
    pair.check_on_ours(*options, "--columns=name,tag,trunks,other_config", "list", "port")
    pair.check_on_ours(*options, "list-ports", "br0")
    pair.check_on_ours(*options, "list-ports", "br0", "--", "list-br", "--", "get", "port", "p1", "name")


def test_chains_are_one_transaction(pair):
    pair.check_all("""
        add-br br0 -- add-port br0 p1 -- set interface p1 type=internal -- list-ports br0
        add-br br1 -- add-port br1 p1
        list-br
        add-br br1 -- del-br br1 -- list-br
        add-br br1 -- add-port br1 x -- del-port x -- add-port br1 x -- list-ports br1
        add-br brx -- set port nosuch tag=1
        list-br
        del-port p1 -- get interface p1 name
        --may-exist add-port br0 p1 -- set Interface p1 external-ids:attached-mac="02:00:00:00:00:01" -- set Interface p1 external-ids:iface-id="x"
        -- list-br -- -- list-br
        --
        -- --if-exists del-br nosuch -- list-br
        comment a b c -- list-br
        --dry-run add-br dry -- list-br
        list-br
        """)


def test_command_line_errors(pair):
    pair.check()
    pair.check_all("""
        nonsense
        add-br
        add-br a b c d
        list-br --fake
        --may-exist list-br
        --if-exists=3 del-br x
        --id create qos
        --columns list port
        --if-exists --if-exists del-br x
        set
        get port
        --db=nonsense list-br
        """)


def test_wait_until_satisfied_and_not(pair):
    pair.check_all("""
        add-br br0
        wait-until bridge br0
        wait-until bridge br0 datapath_type=""
        """)
    for side, program in ((pair.theirs, OVS_VSCTL), (pair.ours, VSCTL)):
        outcome = side.vsctl("-t", "1", "wait-until", "bridge", "nosuch", program=program)
        assert outcome.status == -14  # killed by SIGALRM; a shell shows it as 142


def test_wait_until_sees_a_later_change(server):
    waiter = {}
    server.vsctl("init")
    thread = threading.Thread(target=lambda: waiter.update(
        outcome=server.vsctl("-t", "15", "wait-until", "bridge", "br0", "--", "get", "bridge", "br0", "name")))
    thread.start()
    assert server.vsctl("add-br", "br0").status == 0
    thread.join()
    assert (waiter["outcome"].status, waiter["outcome"].out) == (0, "br0\n")


def test_concurrent_changes_do_not_undo_each_other(server):
    """Each command line reads the list of ports and writes it back: one that lost the race must start again."""
    names = [f"p{i}" for i in range(12)]
    assert server.vsctl("add-br", "br0").status == 0
    threads = [threading.Thread(target=server.vsctl, args=("add-port", "br0", name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.vsctl("list-ports", "br0").out.split() == sorted(names)


def test_commands_and_options_are_listed(pair):
    """Every command of ovs-vsctl that is listed here as implemented has the same syntax."""
    theirs = set(pair.theirs.vsctl("--commands", program=OVS_VSCTL).out.splitlines())
    ours = set(pair.ours.vsctl("--commands").out.splitlines())
    left_out = {line for line in theirs - ours if not re.search(r",(\w+-aa-mapping|\w+-zone-tp|list-dp-cap),", line)}
    assert left_out == set()
    assert pair.theirs.vsctl("--options", program=OVS_VSCTL).out == pair.ours.vsctl("--options").out


def test_help_and_version(server):
    usage = server.vsctl("--help")
    assert (usage.status, usage.err) == (0, "")
    for line in server.vsctl("--commands").out.splitlines():
        assert re.search(rf"\b{line.split(',')[-2]}\b", usage.out), line
    assert re.fullmatch(r"sluice-vsctl \S+\nOpen vSwitch Library \S+\nDB Schema Open_vSwitch \S+\nDB Schema Sluice \S+\n",
                        server.vsctl("--version").out)


def test_no_server(pair):
    for side in (pair.theirs, pair.ours):
        side.remote = "unix:/nonexistent/db.sock"
    pair.check("list-br")
    pair.check("-t", "5", "list-br")
