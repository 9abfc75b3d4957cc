# SPDX-License-Identifier: Apache-2.0
"""The verbs of the Sluice database: exact output, messages and exit status."""
import re
import subprocess
import threading

import pytest

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def ok(server, *argv):
    """Run a command line that must succeed. Returns what it prints."""
    outcome = server.vsctl(*argv)
    assert (outcome.status, outcome.err) == (0, ""), argv
    return outcome.out


def quiet(server, script):
    """Run command lines that must succeed and print nothing."""
    for line in script.strip().splitlines():
        assert ok(server, *line.split()) == "", line


def refused(server, *argv):
    """Run a command line that must fail and print nothing. Returns the message."""
    outcome = server.vsctl(*argv)
    assert (outcome.status, outcome.out) == (1, ""), argv
    assert outcome.err.startswith("PROGRAM: "), argv
    return outcome.err[len("PROGRAM: "):].rstrip("\n")


def test_networks(server):
    quiet(server, """
        network-list
        network-add blue vni=5001 bridge=br-int tag=101 vteps=192.0.2.2,192.0.2.3
        network-add amber
        --may-exist network-add blue vni=7
        """)
    assert ok(server, "network-list") == "amber\nblue\n"
    assert ok(server, "get", "logical_network", "blue", "vni", "bridge", "tag", "encap") == '5001\nbr-int\n101\n[]\n'
    assert refused(server, "network-add", "blue") == "logical network blue already exists"
    assert refused(server, "network-add", "") == "logical network name must not be empty string"
    assert refused(server, "network-add", "red", "nosuch=1") == \
        'Logical_Network does not contain a column whose name matches "nosuch"'
    assert refused(server, "network-add", "red", "encap=gre") == \
        "constraint violation: gre is not one of the allowed values ([geneve, vxlan])"
    quiet(server, """
        network-del blue
        --if-exists network-del blue
        """)
    assert refused(server, "network-del", "blue") == 'no row "blue" in table Logical_Network'
    assert ok(server, "network-list") == "amber\n"


def test_vteps(server):
    quiet(server, """
        network-add blue
        network-get-vteps blue
        network-add-vtep blue 192.0.2.9 192.0.2.2
        --may-exist network-add-vtep blue 192.0.2.9
        """)
    assert ok(server, "network-get-vteps", "blue") == "192.0.2.2\n192.0.2.9\n"
    assert refused(server, "network-add-vtep", "blue", "192.0.2.9") == "logical network blue already has VTEP 192.0.2.9"
    quiet(server, "network-del-vtep blue 192.0.2.9")
    assert ok(server, "network-get-vteps", "blue") == "192.0.2.2\n"
    assert refused(server, "network-del-vtep", "blue", "192.0.2.9") == \
        "logical network blue does not have VTEP 192.0.2.9"
    quiet(server, """
        --if-exists network-del-vtep blue 192.0.2.9
        network-set-vteps blue 192.0.2.7 192.0.2.6
        """)
    assert ok(server, "network-get-vteps", "blue") == "192.0.2.6\n192.0.2.7\n"
    quiet(server, "network-set-vteps blue")
    assert ok(server, "network-get-vteps", "blue") == ""


def test_ports(server):
    quiet(server, "group-add web -- group-add ssh")
    assert ok(server, "lport-add", "vm1", "02:00:00:00:00:01 10.0.0.1", "02:00:00:00:00:02 10.0.0.2 2001:db8::2") == ""
    assert ok(server, "lport-get-addresses", "vm1") == \
        "02:00:00:00:00:01 10.0.0.1\n02:00:00:00:00:02 10.0.0.2 2001:db8::2\n"
    quiet(server, """
        lport-add vm0
        --may-exist lport-add vm1
        lport-get-addresses vm0
        lport-get-groups vm1
        lport-set-groups vm1 web ssh
        """)
    assert ok(server, "lport-list") == "vm0\nvm1\n"
    assert ok(server, "lport-get-groups", "vm1") == "ssh\nweb\n"
    assert refused(server, "lport-add", "vm1") == "logical port vm1 already exists"
    assert refused(server, "lport-set-groups", "vm1", "nosuch") == 'no row "nosuch" in table Security_Group'
    assert refused(server, "lport-set-groups", "vm9", "web") == 'no row "vm9" in table Logical_Port'
    quiet(server, "lport-set-groups vm1 web")
    assert ok(server, "lport-get-groups", "vm1") == "web\n"
    assert ok(server, "lport-set-addresses", "vm1", "02:00:00:00:00:03") == ""
    assert ok(server, "lport-get-addresses", "vm1") == "02:00:00:00:00:03\n"
    quiet(server, """
        set Logical_Port vm1 port_security=false enabled=false
        lport-set-groups vm1
        lport-get-groups vm1
        lport-del vm1
        --if-exists lport-del vm1
        """)
    assert refused(server, "lport-del", "vm1") == 'no row "vm1" in table Logical_Port'


def test_groups_in_use_stay(server):
    quiet(server, """
        group-add web -- group-add db -- lport-add vm1 -- lport-set-groups vm1 web
        --may-exist group-add web
        address-group-add office 192.0.2.0/24
        """)
    ok(server, "rule-add", "db", "name=from-web", "direction=ingress", "remote_group=web")
    ok(server, "rule-add", "db", "name=from-office", "direction=ingress", "remote_addresses=office")
    assert ok(server, "group-list") == "db\nweb\n"
    assert refused(server, "group-add", "db") == "security group db already exists"
    assert refused(server, "group-del", "web") == "cannot delete security group web because logical port vm1 is in it"
    quiet(server, "lport-del vm1")
    assert refused(server, "group-del", "web") == \
        "cannot delete security group web because a rule of security group db refers to it"
    assert refused(server, "address-group-del", "office") == \
        "cannot delete address group office because a rule of security group db refers to it"
    quiet(server, """
        rule-del db from-web from-office
        group-del web
        address-group-del office
        --if-exists group-del web
        """)
    assert refused(server, "group-del", "web") == 'no row "web" in table Security_Group'
    assert ok(server, "--bare", "--columns=_uuid", "list", "security_group_rule") == ""


def test_group_that_names_itself_can_be_deleted(server):
    quiet(server, "group-add default")
    ok(server, "rule-add", "default", "direction=ingress", "remote_group=default")
    quiet(server, "group-del default")
    assert ok(server, "group-list") == ""
    assert ok(server, "--bare", "--columns=_uuid", "list", "Security_Group_Rule") == ""


def test_rule_and_what_it_refers_to_go_in_one_transaction(server):
    quiet(server, "group-add web -- group-add db -- address-group-add office")
    ok(server, "rule-add", "db", "name=a", "direction=ingress", "remote_group=web")
    ok(server, "rule-add", "db", "name=b", "direction=ingress", "remote_addresses=office")
    ok(server, "rule-add", "db", "name=c", "direction=ingress", "remote_group=db")
    quiet(server, """
        rule-del db a b -- group-del web -- address-group-del office
        rule-del db c -- group-del db
        """)
    assert ok(server, "group-list", "--", "address-group-list") == ""
    assert ok(server, "--bare", "--columns=_uuid", "list", "Security_Group_Rule") == ""


def test_groups_that_name_each_other(server):
    quiet(server, "group-add a -- group-add b")
    ok(server, "rule-add", "a", "name=r", "direction=ingress", "remote_group=b")
    ok(server, "rule-add", "b", "name=r", "direction=ingress", "remote_group=a")
    assert refused(server, "group-del", "a", "--", "group-del", "b") == \
        "cannot delete security group a because a rule of security group b refers to it"
    quiet(server, "rule-del b r -- group-del a -- group-del b")
    assert ok(server, "group-list") == ""


def test_rules(server):
    quiet(server, "group-add web -- address-group-add office 192.0.2.0/24")
    first = ok(server, "rule-add", "web", "name=ssh", "direction=ingress", "ethertype=IPv4", "protocol=tcp", "port_min=22",
               "port_max=22", "remote_cidr=10.0.0.0/8")
    assert UUID.fullmatch(first.strip())
    second = ok(server, "rule-add", "web", "direction=egress").strip()
    ok(server, "rule-add", "web", "name=ping", "direction=ingress", "protocol=icmp", "icmp_type=8", "icmp_code=0",
       "remote_group=web")
    ok(server, "rule-add", "web", "name=work", "direction=ingress", "ethertype=IPv6", "remote_addresses=office")
    assert ok(server, "rule-list", "web").replace(second, "UUID").splitlines() == sorted([
        "UUID: direction=egress",
        "ping: direction=ingress protocol=icmp icmp_type=8 icmp_code=0 remote_group=web",
        "ssh: direction=ingress ethertype=IPv4 protocol=tcp port_min=22 port_max=22 remote_cidr=10.0.0.0/8",
        "work: direction=ingress ethertype=IPv6 remote_addresses=office",
    ], key=lambda line: line.replace("UUID", second))
    assert ok(server, "get", "security_group_rule", first.strip(), "port_max") == "22\n"
    quiet(server, f"rule-del web {second[:8]} ssh")
    assert [line.split(":")[0] for line in ok(server, "rule-list", "web").splitlines()] == ["ping", "work"]


def test_rules_that_are_wrong(server):
    quiet(server, "group-add web")
    assert refused(server, "rule-add", "web", "protocol=tcp") == "rule-add needs direction=ingress or direction=egress"
    assert refused(server, "rule-add", "web") == "'rule-add' command requires at least 2 arguments"
    assert refused(server, "rule-add", "nosuch", "direction=egress") == 'no row "nosuch" in table Security_Group'
    assert refused(server, "rule-add", "web", "direction=egress", "remote_group=x") == 'no row "x" in table Security_Group'
    assert refused(server, "rule-add", "web", "direction=egress", "remote_addresses=x") == \
        'no row "x" in table Address_Group'
    assert refused(server, "rule-add", "web", "direction=up") == \
        "constraint violation: up is not one of the allowed values ([egress, ingress])"
    assert refused(server, "rule-add", "web", "direction=egress", "port_min=x") == '"x" is not a valid integer or range'
    assert refused(server, "rule-del", "web", "nosuch") == 'security group web does not have a rule "nosuch"'
    quiet(server, "--if-exists rule-del web nosuch")
    ok(server, "rule-add", "web", "name=a", "direction=egress")
    assert refused(server, "rule-add", "web", "name=a", "direction=egress") == \
        "security group web already has a rule named a"
    assert refused(server, "--may-exist", "rule-add", "web", "direction=egress") == \
        "--may-exist rule-add needs name=NAME to know the rule by"
    quiet(server, "--may-exist rule-add web name=a direction=egress")


def test_acls(server):
    quiet(server, "lport-add vm1 -- network-add blue -- group-add web -- address-group-add office 192.0.2.0/24")
    first = ok(server, "acl-add", "port", "vm1", "name=ssh", "tier=1", "priority=100", "direction=ingress",
               "action=allow-stateless", "protocol=tcp", "port_min=22", "port_max=22", "remote_cidr=2001:db8::/32",
               "local_cidr=fe80::1", "src_mac=02:00:00:00:00:01", "tcp_flags=syn,!ack", "log=true")
    assert UUID.fullmatch(first.strip())
    second = ok(server, "acl-add", "port", "vm1", "direction=egress", "action=deny", "ethertype=0x0806", "vlan=0",
                "dscp=46", "mode=audit").strip()
    ok(server, "acl-add", "network", "blue", "name=web", "direction=ingress", "action=pass", "remote_group=web")
    ok(server, "acl-add", "network", "blue", "name=office", "direction=ingress", "action=reject",
       "remote_addresses=office", "src_port_min=1", "src_port_max=2", "protocol=17")
    assert ok(server, "acl-list", "port", "vm1").replace(second, "UUID").splitlines() == sorted([
        "UUID: direction=egress action=deny mode=audit ethertype=0x0806 vlan=0 dscp=46",
        "ssh: tier=1 priority=100 direction=ingress action=allow-stateless log=true protocol=tcp port_min=22 port_max=22 "
        "remote_cidr=2001:db8::/32 local_cidr=fe80::1 src_mac=02:00:00:00:00:01 tcp_flags=syn,!ack",
    ], key=lambda line: line.replace("UUID", second))
    assert ok(server, "acl-list", "network", "blue") == (
        "office: direction=ingress action=reject protocol=17 remote_addresses=office src_port_min=1 src_port_max=2\n"
        "web: direction=ingress action=pass remote_group=web\n")
    quiet(server, f"acl-del port vm1 {second[:8]} ssh")
    assert ok(server, "acl-list", "port", "vm1") == ""
    quiet(server, "acl-del network blue web office")
    assert ok(server, "--bare", "--columns=_uuid", "list", "ACL") == ""


def test_acls_that_are_wrong(server):
    quiet(server, "lport-add vm1")
    assert refused(server, "acl-add", "port", "vm1", "action=deny") == \
        "acl-add needs direction=ingress or direction=egress"
    assert refused(server, "acl-add", "port", "vm1", "direction=egress") == \
        "acl-add needs action=allow, allow-stateless, deny, reject or pass"
    assert refused(server, "acl-add", "port", "vm1") == "'acl-add' command requires at least 3 arguments"
    assert refused(server, "acl-add", "bridge", "vm1", "direction=egress") == '"bridge" is neither "port" nor "network"'
    assert refused(server, "acl-add", "network", "vm1", "direction=egress") == 'no row "vm1" in table Logical_Network'
    assert refused(server, "acl-add", "port", "vm1", "direction=egress", "action=drop") == \
        "constraint violation: drop is not one of the allowed values ([allow, allow-stateless, deny, pass, reject])"
    assert refused(server, "acl-add", "port", "vm1", "direction=egress", "action=deny", "remote_group=x") == \
        'no row "x" in table Security_Group'
    assert refused(server, "acl-del", "port", "vm1", "nosuch") == 'logical port vm1 does not have an ACL "nosuch"'
    quiet(server, "--if-exists acl-del port vm1 nosuch")
    ok(server, "acl-add", "port", "vm1", "name=a", "direction=egress", "action=deny")
    assert refused(server, "acl-add", "port", "vm1", "name=a", "direction=egress", "action=deny") == \
        "logical port vm1 already has an ACL named a"
    assert refused(server, "--may-exist", "acl-add", "port", "vm1", "direction=egress") == \
        "--may-exist acl-add needs name=NAME to know the ACL by"
    quiet(server, "--may-exist acl-add port vm1 name=a direction=egress action=deny")


def test_groups_that_acls_name_stay(server):
    quiet(server, "lport-add vm1 -- network-add blue -- group-add web -- address-group-add office")
    ok(server, "acl-add", "port", "vm1", "name=a", "direction=ingress", "action=deny", "remote_group=web")
    ok(server, "acl-add", "network", "blue", "name=b", "direction=ingress", "action=deny", "remote_addresses=office")
    assert refused(server, "group-del", "web") == \
        "cannot delete security group web because an ACL of logical port vm1 refers to it"
    assert refused(server, "address-group-del", "office") == \
        "cannot delete address group office because an ACL of logical network blue refers to it"
    quiet(server, "acl-del port vm1 a -- group-del web -- acl-del network blue b -- address-group-del office")
    assert ok(server, "group-list", "--", "address-group-list") == ""


def test_settings_of_groups_and_rules(server):
    quiet(server, "group-add web stateful=false mode=audit on_change=flush")
    assert ok(server, "get", "security_group", "web", "stateful", "mode", "on_change") == "false\naudit\nflush\n"
    assert refused(server, "group-add", "db", "mode=maybe") == \
        "constraint violation: maybe is not one of the allowed values ([audit, enforce])"
    ok(server, "rule-add", "web", "name=a", "direction=ingress", "log=true")
    assert ok(server, "rule-list", "web") == "a: direction=ingress log=true\n"


def test_conntrack_of_ports(server):
    quiet(server, """
        lport-add vm1
        lport-get-conntrack vm1
        lport-set-conntrack vm1 max=1000 timeout-tcp_established=7200
        """)
    assert ok(server, "lport-get-conntrack", "vm1") == "max=1000\ntimeout-tcp_established=7200\n"
    quiet(server, "lport-set-conntrack vm1 pickup=true")
    assert ok(server, "lport-get-conntrack", "vm1") == "pickup=true\n"
    assert refused(server, "lport-set-conntrack", "vm1", "max") == "max: argument does not have the form KEY=VALUE"
    quiet(server, "lport-set-conntrack vm1")
    assert ok(server, "lport-get-conntrack", "vm1") == ""


def test_address_groups(server):
    quiet(server, """
        address-group-add office 192.0.2.0/24 2001:db8::/32
        address-group-add empty
        --may-exist address-group-add office
        """)
    assert ok(server, "address-group-list") == "empty\noffice\n"
    assert ok(server, "address-group-get-addresses", "office") == "192.0.2.0/24\n2001:db8::/32\n"
    quiet(server, "address-group-set-addresses office 198.51.100.1")
    assert ok(server, "address-group-get-addresses", "office") == "198.51.100.1\n"
    assert refused(server, "address-group-add", "office") == \
        "address group office already exists"
    quiet(server, """
        address-group-del office
        --if-exists address-group-del office
        """)
    assert refused(server, "address-group-del", "office") == 'no row "office" in table Address_Group'


def test_generic_commands_reach_the_sluice_tables(server):
    quiet(server, "lport-add vm1")
    assert ok(server, "--bare", "--columns=name", "list", "Logical_Port") == "vm1\n"
    assert ok(server, "--bare", "--columns=name", "find", "logical-p", "name=vm1") == "vm1\n"
    quiet(server, """
        set sluice . options:unknown-ports=deny
        set logical_port vm1 external_ids:owner=me
        """)
    assert ok(server, "get", "Sluice", ".", "options") == "{unknown-ports=deny}\n"
    assert ok(server, "get", "logical_p", "vm1", "external_ids:owner") == "me\n"
    assert refused(server, "list", "logical") == \
        '"logical" matches multiple table names: Logical_Network, Logical_Port'
    assert ok(server, "--bare", "--columns=name", "list", "port") == ""


def test_one_command_line_is_one_transaction(server):
    """Nothing of a line with a bad command is done."""
    assert refused(server, "group-add", "web", "--", "lport-add", "vm1", "--", "lport-set-groups", "vm1", "nosuch")
    assert ok(server, "group-list", "--", "lport-list") == ""
    assert ok(server, "group-add", "web", "--", "group-list", "--", "group-del", "web", "--", "group-list") == "web\n"


@pytest.mark.parametrize("line", ["add-br br0 -- lport-add vm1", "lport-list -- show", "list Port -- list Logical_Port"])
def test_both_databases_in_one_line_are_refused(server, line):
    message = refused(server, *line.split())
    assert message.endswith("a transaction is in one database")
    assert ok(server, "list-br") == ""


def test_comment_suits_both_databases(server):
    assert ok(server, "comment", "hello", "--", "lport-list") == ""
    assert ok(server, "comment", "hello", "--", "list-br") == ""


def test_configuration_number_waits_for_the_switch(server):
    """Without --no-wait a Sluice command counts next_cfg up and returns when cur_cfg has caught up, not before."""
    quiet(server, "lport-add vm0")
    waiter = {}
    thread = threading.Thread(
        target=lambda: waiter.update(outcome=server.vsctl("-t", "15", "lport-add", "vm1", wait=True)))
    thread.start()
    seen = server.vsctl("-t", "10", "wait-until", "Sluice", ".", "next_cfg=1", "--", "get", "Sluice", ".", "cur_cfg")
    assert (seen.status, seen.out) == (0, "0\n")
    assert thread.is_alive()
    quiet(server, "set Sluice . cur_cfg=1")
    thread.join()
    assert (waiter["outcome"].status, waiter["outcome"].err) == (0, "")


@pytest.mark.parametrize("before, command, row, verdict, reason", [
    ("add-br br0", "add-port br0 p1", "interface p1", "set interface p1 ofport=-1 error=broken", ": broken"),
    ("add-br br0", "add-port br0 p1", "interface p1", "set interface p1 ofport=-1", ""),
    ("init", "add-br p1", "interface p1", "set interface p1 error=broken", ": broken"),
    ("lport-list", "network-add p1 vni=99999999", "Logical_Network p1", "set Logical_Network p1 status:error=broken",
     ": broken"),
    ("lport-list", "lport-add p1 nonsense", "Logical_Port p1", "set Logical_Port p1 status:error=broken", ": broken"),
    ("lport-add p1", "lport-set-conntrack p1 x=y", "Logical_Port p1 conntrack:x=y",
     "set Logical_Port p1 status:error=broken", ": broken"),
    ("lport-add p1", "acl-add port p1 direction=egress action=deny protocol=x", "Logical_Port p1 acls!=[]",
     "set Logical_Port p1 status:error=broken", ": broken"),
    ("network-add p1", "acl-add network p1 direction=egress action=deny protocol=x", "Logical_Network p1 acls!=[]",
     "set Logical_Network p1 status:error=broken", ": broken"),
    ("lport-add p1", "lport-set-addresses p1 x", "Logical_Port p1 addresses=x",
     "set Logical_Port p1 status:error=broken", ": broken"),
])
def test_row_that_the_switch_refuses_gives_exit_status_65(server, before, command, row, verdict, reason):
    quiet(server, before)
    root = "Sluice" if "Logical" in row else "Open_vSwitch"
    waiter = {}
    thread = threading.Thread(
        target=lambda: waiter.update(outcome=server.vsctl("-t", "15", *command.split(), wait=True)))
    thread.start()
    assert server.vsctl("-t", "10", "wait-until", *row.split()).status == 0
    quiet(server, f"{verdict} -- set {root} . cur_cfg=1")
    thread.join()
    assert waiter["outcome"].status == 65
    assert waiter["outcome"].err.splitlines()[0] == \
        f"PROGRAM: Error detected while setting up 'p1'{reason}.  See sluice-vswitchd log for details."


def test_stuck_switch_ends_in_alarm(server):
    outcome = server.vsctl("-t", "1", "lport-add", "vm1", wait=True)
    assert outcome.status == -14  # killed by SIGALRM; a shell shows it as 142
    assert ok(server, "lport-list") == "vm1\n"


def test_server_without_the_database(server):
    subprocess.run(["ovs-appctl", "-t", f"{server.dir}/ctl", "ovsdb-server/remove-db", "Sluice"], check=True, timeout=20)
    outcome = server.vsctl("-t", "5", "lport-list")
    assert outcome.status == 1
    assert "database connection failed" in outcome.err
