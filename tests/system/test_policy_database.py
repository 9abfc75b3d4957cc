# SPDX-License-Identifier: Apache-2.0
"""What the database may say of policy: bad rows, ports that cannot be built, unknown ports, stateless groups, and the
database going away under policed traffic.

         host: sluice-vswitchd, two workers
    br-int: v-a  v-b  v-c  v-d  (VLAN 0)       v-e  v-f (VLAN 20)
             |    |    |    |                   |    |
             a    b    c    d                   e    f    namespaces, 10.3.0.1 to .4 and fd00:3::1 to 4;
                                                          e and f have the addresses of a and b
"""
import pytest

from cloud import all_guests, allow_udp, cloud, host, refuse_tcp, refuse_udp, warm  # noqa: F401
from endpoints import Pinger, drops, wait_drop
from lab.process import LabError, wait_until
from policed import Connection, Stream, sessions


def status(cloud, port, key):
    """A key of Logical_Port.status; empty when there is none."""
    return cloud.host.sluice_vsctl("--if-exists", "get", "Logical_Port", port, f"status:{key}").strip('"')


BAD_RULES = {
    "ports_backwards": "protocol=udp port_min=2000 port_max=1000",
    "port_too_large": "protocol=udp port_min=70000",
    "port_negative": "protocol=udp port_min=-1",
    "bad_cidr": "remote_cidr=10.0.0.0/33",
    "no_cidr": "remote_cidr=nonsense",
    "other_family": "ethertype=IPv6 remote_cidr=10.0.0.0/8",
    "bad_protocol": "protocol=carrier-pigeon",
    "protocol_too_large": "protocol=256",
    "ports_of_icmp": "protocol=icmp port_min=1",
    "bad_icmp_type": "protocol=icmp icmp_type=256",
    "code_without_type": "protocol=icmp icmp_code=1",
    "two_remotes": "remote_cidr=0.0.0.0/0 remote_group=g",
}


@pytest.mark.parametrize("name", BAD_RULES)
def test_bad_rule_is_refused_by_itself_and_named(cloud, name):
    # The status is written when the command returns; exit status 0, for the port is in force.
    cloud.change("group-add g", "rule-add g direction=ingress protocol=udp port_min=53",
                 f"rule-add g name={name} direction=ingress {BAD_RULES[name]}", "lport-set-groups v-b g")
    assert status(cloud, "v-b", "warning").startswith(f"rule g/{name}: ")
    assert status(cloud, "v-b", "error") == ""
    assert status(cloud, "v-b", "rules") == "1"
    assert f"rule g/{name} is not in force: " in cloud.host.log()
    allow_udp(cloud.a, cloud.b, 53)
    refuse_udp(cloud, cloud.a, cloud.b, 54)
    cloud.change(f"rule-del g {name}")
    assert status(cloud, "v-b", "warning") == ""


def test_unparsable_address_of_an_address_group_is_refused_by_itself(cloud):
    cloud.change(f"address-group-add friends {cloud.a.v4} nonsense", "group-add g",
                 "rule-add g direction=ingress protocol=udp remote_addresses=friends", "lport-set-groups v-b g")
    assert "nonsense" in status(cloud, "v-b", "warning")
    allow_udp(cloud.a, cloud.b, 53)
    refuse_udp(cloud, cloud.c, cloud.b, 53)


def test_unparsable_address_of_a_port_is_refused_by_itself(cloud):
    cloud.change("group-add g", "rule-add g direction=ingress protocol=udp", "lport-set-groups v-b g")
    try:
        done = cloud.host.run([cloud.vsctl, "--timeout=30", "lport-set-addresses", "v-b", cloud.b.addresses(),
                               "02:00:00:00:00:99 10.0.0.300"], check=False)
        assert done.returncode == 65
        assert "10.0.0.300" in done.stderr
        assert "10.0.0.300" in status(cloud, "v-b", "error")
        allow_udp(cloud.a, cloud.b, 53)
    finally:
        cloud.change(f"lport-set-addresses v-b '{cloud.b.addresses()}'")
    assert status(cloud, "v-b", "error") == ""


def test_port_whose_policy_cannot_be_built_is_closed(cloud):
    warm(cloud.a, cloud.b)
    try:
        done = cloud.host.run([cloud.vsctl, "--timeout=30", "lport-set-addresses", "v-b", "nonsense"], check=False)
        assert done.returncode == 65
        assert "Error detected while setting up 'v-b': address 'nonsense'" in done.stderr
        assert "logical port v-b is closed: address 'nonsense'" in cloud.host.log()
        for source, destination in ((cloud.a, cloud.b), (cloud.b, cloud.a)):
            before = drops(cloud.host, source.port, "policy_broken")
            assert not source.echo_once(destination.v4, timeout=0.1)
            wait_until(lambda: drops(cloud.host, source.port, "policy_broken") > before, 10, "drop under policy_broken")
    finally:
        cloud.change(f"lport-set-addresses v-b '{cloud.b.addresses()}'")
    assert cloud.a.echo_once(cloud.b.v4)


def test_group_that_is_in_use_cannot_be_deleted_and_stays_in_force(cloud):
    cloud.change("group-add g", "lport-set-groups v-b g")
    with pytest.raises(LabError):
        cloud.change("group-del g")
    refuse_udp(cloud, cloud.a, cloud.b, 53)


def test_stateless_group_needs_rules_for_both_directions(cloud):
    cloud.change("group-add g stateful=false", "rule-add g direction=ingress protocol=udp port_min=53",
                 "lport-set-groups v-b g")
    assert status(cloud, "v-b", "warning") == ""
    refuse_udp(cloud, cloud.a, cloud.b, 54)
    refuse_tcp(cloud, cloud.b, cloud.a, 80, "policy_egress")
    before = drops(cloud.host, cloud.b.port, "policy_egress")
    with cloud.a.udp() as asking, cloud.b.udp(53) as serving:
        asking.sendto(b"question", (cloud.b.v4, 53))
        question, sender = serving.recvfrom(100)
        assert question == b"question"
        serving.sendto(b"answer", sender)
        wait_drop(cloud.host, cloud.b.port, "policy_egress", before)
    cloud.change("rule-add g direction=egress protocol=udp")
    allow_udp(cloud.a, cloud.b, 53)


def test_unknown_ports_may_be_denied(cloud):
    warm(cloud.a, cloud.b, cloud.c)
    cloud.change("lport-del v-c")
    assert cloud.c.echo_once(cloud.a.v4)
    try:
        cloud.change("set Sluice . options:unknown-ports=deny")
        for source, destination in ((cloud.c, cloud.a), (cloud.a, cloud.c)):
            before = drops(cloud.host, source.port, "port_disabled")
            assert not source.echo_once(destination.v4, timeout=0.1)
            wait_until(lambda: drops(cloud.host, source.port, "port_disabled") > before, 10, "drop by a port")
        assert cloud.a.echo_once(cloud.b.v4)
        cloud.change(f"lport-add v-c '{cloud.c.addresses()}'")
        assert cloud.c.echo_once(cloud.a.v4, timeout=5)
    finally:
        cloud.change("remove Sluice . options unknown-ports", f"--may-exist lport-add v-c '{cloud.c.addresses()}'")


def test_status_names_the_interface_and_counts_rules(cloud):
    cloud.change("group-add g", "rule-add g direction=ingress protocol=udp", "rule-add g direction=egress",
                 "lport-set-groups v-b g")
    assert (status(cloud, "v-b", "interface"), status(cloud, "v-b", "rules")) == ("v-b", "2")
    cloud.change("lport-add nowhere")
    assert status(cloud, "nowhere", "interface") == ""
    cloud.change("lport-del nowhere")


def test_logical_port_is_bound_by_iface_id_before_the_interface_name(cloud):
    cloud.change("group-add g", "lport-add 7d0a-port", "lport-set-groups 7d0a-port g",
                 "set Logical_Port 7d0a-port port_security=false")
    allow_udp(cloud.a, cloud.b, 53)
    cloud.host.vsctl("set", "Interface", "v-b", "external_ids:iface-id=7d0a-port")
    try:
        refuse_udp(cloud, cloud.a, cloud.b, 53)
        wait_until(lambda: status(cloud, "7d0a-port", "interface") == "v-b", 5, "status of the logical port")
    finally:
        cloud.host.vsctl("remove", "Interface", "v-b", "external_ids", "iface-id")
    allow_udp(cloud.a, cloud.b, 53)
    cloud.change("lport-del 7d0a-port")


def test_database_that_is_killed_and_comes_back_changes_nothing_of_policy(cloud):
    cloud.change("group-add g", "rule-add g name=udp direction=ingress protocol=udp port_min=2000",
                 "rule-add g direction=ingress protocol=tcp port_min=80",
                 "rule-add g direction=ingress protocol=icmp", "lport-set-groups v-b g")
    with Stream(cloud.a, cloud.b, 2000) as stream, Pinger(cloud.c, cloud.b.v4) as pinger, \
            Connection(cloud.a, cloud.b, 80) as one:
        for _ in range(2):
            cloud.host.kill_ovsdb()
            stream.wait_more()
            one.exchange()
            refuse_udp(cloud, cloud.a, cloud.b, 53)
            cloud.host.start_ovsdb()
            cloud.change("rule-add g name=other direction=ingress protocol=udp port_min=53")  # it is back to work
            one.exchange()
            allow_udp(cloud.a, cloud.b, 53)
            cloud.change("rule-del g other")
            refuse_udp(cloud, cloud.c, cloud.b, 53)
        stream.wait_more()
        assert len(sessions(cloud.host, f"sport={one.client_port},")) == 1
    assert (stream.lost, pinger.lost) == (0, 0)
    wait_until(lambda: status(cloud, "v-b", "interface") == "v-b", 10, "status of the logical port")
    cloud.change("rule-del g udp")
    refuse_udp(cloud, cloud.a, cloud.b, 2000)
