# SPDX-License-Identifier: Apache-2.0
"""What rows of ACLs and Logical_Port.conntrack come to: in force, refused, or the end of a port; and what on_change=flush
ends before the change is confirmed.

         host: sluice-vswitchd, two workers
    br-int: v-a  v-b  v-c  v-d  (VLAN 0)       v-e  v-f (VLAN 20)
             |    |    |    |                   |    |
             a    b    c    d                   e    f    namespaces, 10.3.0.1 to .4 and fd00:3::1 to 4
"""
import pytest

from cloud import all_guests, allow_tcp, allow_udp, cloud, host, refuse_tcp, refuse_udp, warm  # noqa: F401
from lab.process import LabError, wait_until
from policed import Connection, sessions


def status(cloud, port, key):
    """A key of Logical_Port.status; empty when there is none."""
    return cloud.host.sluice_vsctl("--if-exists", "get", "Logical_Port", port, f"status:{key}").strip('"')


def test_acl_of_a_port_is_in_force_until_it_is_deleted(cloud):
    warm(cloud.a, cloud.b)
    cloud.change("acl-add port v-b name=no-dns direction=ingress action=deny protocol=udp port_min=53")
    refuse_udp(cloud, cloud.a, cloud.b, 53)
    allow_udp(cloud.a, cloud.b, 54)
    assert status(cloud, "v-b", "rules") == "1"
    cloud.change("acl-del port v-b no-dns")
    allow_udp(cloud.a, cloud.b, 53)
    assert status(cloud, "v-b", "rules") == "0"


def test_acl_comes_before_the_groups_of_its_port(cloud):
    warm(cloud.a, cloud.b)
    cloud.change("group-add g", "rule-add g direction=ingress protocol=tcp", "lport-set-groups v-b g",
                 "acl-add port v-b direction=ingress action=deny protocol=tcp port_min=22",
                 "acl-add port v-b direction=ingress action=pass protocol=tcp port_min=23",
                 "acl-add port v-b direction=ingress action=allow protocol=udp port_min=53")
    refuse_tcp(cloud, cloud.a, cloud.b, 22)
    allow_tcp(cloud.a, cloud.b, 23)
    allow_udp(cloud.a, cloud.b, 53)
    refuse_udp(cloud, cloud.a, cloud.b, 54)


def test_acl_that_denies_and_is_refused_closes_its_port(cloud):
    warm(cloud.a, cloud.b)
    with pytest.raises(LabError, match="ACL v-b/odd: "):
        cloud.change("acl-add port v-b name=odd direction=ingress action=deny protocol=carrier-pigeon")
    refuse_udp(cloud, cloud.a, cloud.b, 53, "policy_broken")
    cloud.change("acl-del port v-b odd")
    allow_udp(cloud.a, cloud.b, 53)


def test_acl_that_allows_and_is_refused_is_left_out(cloud):
    warm(cloud.a, cloud.b)
    cloud.change("acl-add port v-b name=no-dns direction=ingress action=deny protocol=udp port_min=53")
    with pytest.raises(LabError, match="ACL v-b/odd: "):
        cloud.change("acl-add port v-b name=odd direction=ingress action=allow tier=8")
    refuse_udp(cloud, cloud.a, cloud.b, 53)
    allow_udp(cloud.a, cloud.b, 54)


def test_acl_of_a_network_that_is_refused_is_named(cloud):
    cloud.change("network-add blue bridge=br-int tag=30")
    try:
        with pytest.raises(LabError, match="ACL blue/odd: "):
            cloud.change("acl-add network blue name=odd direction=ingress action=allow dscp=64")
        cloud.change("acl-del network blue odd")
        assert cloud.host.sluice_vsctl("get", "Logical_Network", "blue", "status") == "{}"
    finally:
        cloud.change("network-del blue")


def test_bad_session_limit_is_refused_by_itself(cloud):
    warm(cloud.a, cloud.b)
    with pytest.raises(LabError, match='conntrack:max "many" is not a number'):
        cloud.change("lport-set-conntrack v-b max=many half-open=5")
    allow_udp(cloud.a, cloud.b, 53)
    cloud.change("lport-set-conntrack v-b max=100")
    assert status(cloud, "v-b", "error") == ""


def test_rule_of_a_flush_group_that_is_removed_ends_its_sessions(cloud):
    warm(cloud.a, cloud.b)
    cloud.change("group-add g on_change=flush", "rule-add g name=web direction=ingress protocol=tcp port_min=80",
                 "lport-set-groups v-b g")
    with Connection(cloud.a, cloud.b, 80) as one:
        one.exchange()
        assert sessions(cloud.host, "dport=80")
        cloud.change("rule-del g web")
        assert not sessions(cloud.host, "dport=80")  # before the change is confirmed


def test_database_that_restarts_is_read_and_told_anew(cloud):
    """Its status columns are not kept, and what changed meanwhile cannot be tracked."""
    warm(cloud.a, cloud.b)
    cloud.change("acl-add port v-b name=no-dns direction=ingress action=deny protocol=udp port_min=53")
    cloud.host.kill_ovsdb()
    cloud.host.start_ovsdb()
    wait_until(lambda: status(cloud, "v-b", "interface") == "v-b", 20, "status after the restart")
    refuse_udp(cloud, cloud.a, cloud.b, 53)
    cloud.change("acl-del port v-b no-dns",
                 "acl-add port v-b name=no-ntp direction=ingress action=deny protocol=udp port_min=123")
    allow_udp(cloud.a, cloud.b, 53)
    refuse_udp(cloud, cloud.a, cloud.b, 123)


def test_status_of_the_switch_has_its_figures(cloud):
    figures = cloud.host.sluice_vsctl("get", "Sluice", ".", "status")
    for key in ("sessions", "workers", "last-compile-ms"):
        assert f"{key}=" in figures


def test_session_table_is_as_large_as_the_database_says(lab):
    sized = lab.host("sized", cpu_mask="0x2").start()
    sized.sluice_vsctl("set", "Sluice", ".", "options:max-sessions=2048")
    sized.stop_switch()
    sized.start_switch()
    assert sized.appctl("dpctl/ct-get-maxconns").strip() == "2048"
