# SPDX-License-Identifier: Apache-2.0
"""What the switch answers about its rules: which there are and what they did (acl/show, acl/unused, acl/shadowed,
acl/drops, acl/limits), what they would do (acl/why), and the lines of their verdicts in the log.

The guests are those of test_security_groups.py.
"""
import re
import shlex

import pytest

from cloud import all_guests, allow_tcp, cloud, host, refuse_tcp, refuse_udp, send_udp, warm  # noqa: F401
from lab.process import LabError, wait_until
from policed import Connection, sessions

LOG_RATE = 10


def ask(cloud, command, *words):
    return cloud.host.appctl(f"acl/{command}", *words).splitlines()


def counters(cloud, port, rule, side="ingress"):
    """Hits, packets, bytes and the whole line of a rule in acl/show."""
    lines = ask(cloud, "show", port)
    start = next(i for i, line in enumerate(lines) if line.startswith(side))
    for line in lines[start:]:
        fields = line.split()
        if rule in fields and fields[0].isdigit():
            return (*map(int, fields[:3]), line)
    raise AssertionError(f"no {rule} in acl/show {port}")


def verdict(cloud, port, flow):
    """The last line of acl/why."""
    return ask(cloud, "why", port, flow)[-1]


def tcp_flow(source, destination, port, *more):
    return ",".join(["tcp", f"nw_src={source.v4}", f"nw_dst={destination.v4}", f"tp_dst={port}", *more])


def udp_flow(source, destination, port):
    return f"udp,nw_src={source.v4},nw_dst={destination.v4},tp_dst={port}"


def give_acl(cloud, owner, columns):
    """An ACL of a port or network, "TABLE NAME"."""
    table, name = shlex.split(owner)
    cloud.change(f"--id=@acl create ACL {columns}", f"add {table} {name} acls @acl")


def log_lines(cloud, rule):
    return [line for line in cloud.host.log().splitlines() if f'|acl_log|INFO|rule "{rule}" ' in line]


@pytest.fixture
def answers(cloud):
    """The cloud, without ACLs at the start and at the end."""
    clear = [f"clear Logical_Port {guest.port} acls" for guest in cloud.guests]
    cloud.change(*clear)
    yield cloud
    cloud.change(*clear)


# acl/show -----------------------------------------------------------------------------------------------------------


def test_show_counts_what_a_rule_let_in_and_what_the_default_refused(answers):
    cloud = answers
    warm(cloud.a, cloud.b)
    cloud.change("group-add web", "rule-add web name=ssh direction=ingress protocol=tcp port_min=22",
                 "lport-set-groups v-b web")
    assert counters(cloud, "v-b", "web/ssh")[:3] == (0, 0, 0)
    assert " never " in counters(cloud, "v-b", "web/ssh")[3]
    with Connection(cloud.a, cloud.b, 22) as one:
        one.exchange()
        hits, packets, size, line = counters(cloud, "v-b", "web/ssh")
        assert hits == 1
        assert packets >= 5
        assert size > packets * 54
        assert "s ago" in line and line.endswith("tcp dport 22")
        for _ in range(20):
            one.exchange()
        assert counters(cloud, "v-b", "web/ssh")[1] >= packets + 40
        assert counters(cloud, "v-b", "web/ssh")[0] == 1
    before = counters(cloud, "v-b", "web/default")[1]
    outwards = counters(cloud, "v-b", "web/default", "egress")[1]
    refuse_tcp(cloud, cloud.a, cloud.b, 23)
    assert counters(cloud, "v-b", "web/default")[1] > before
    assert counters(cloud, "v-b", "web/default", "egress")[1] == outwards


def test_show_has_the_stages_in_the_order_in_which_they_are_asked(answers):
    cloud = answers
    cloud.change("group-add web", "rule-add web name=ssh direction=ingress protocol=tcp port_min=22 remote_group=web",
                 "lport-set-groups v-b web")
    give_acl(cloud, "Logical_Port v-b", "name=late direction=ingress action=pass tier=5 protocol=udp")
    give_acl(cloud, "Logical_Port v-b", "name=early direction=ingress action=deny tier=0 protocol=tcp port_min=25 "
                                        "port_max=26 remote_cidr=10.0.0.0/8 log=true")
    give_acl(cloud, "Logical_Port v-b", "name=tried direction=ingress action=deny tier=5 mode=audit protocol=sctp")
    lines = ask(cloud, "show", "v-b")
    text = "\n".join(lines[lines.index("ingress (towards the guest)"):])
    places = [text.index(mark) for mark in (" tier 0\n", "v-b/early", " tier 5\n", "v-b/late", " groups\n", "web/ssh",
                                            "web/default")]
    assert places == sorted(places)
    assert "tcp dport 25-26 from 10.0.0.0/8 [log]" in text
    assert re.search(r"v-b/tried +sctp \[audit\]", text)
    assert "tcp dport 22 from group web" in text
    assert "everything else" in text
    assert re.search(r"sessions: \d+ of at most \d+, half-open \d+ of at most \d+, refused \d+, early drops \d+", text)


def test_show_of_a_port_without_rules_says_that_it_is_open(answers):
    assert "everything is allowed" in " ".join(ask(answers, "show", "v-c"))
    with pytest.raises(LabError):
        ask(answers, "show", "nobody")


# acl/why ------------------------------------------------------------------------------------------------------------


def test_why_agrees_with_packets_that_are_let_in_and_refused(answers):
    cloud = answers
    warm(cloud.a, cloud.b)
    cloud.change("group-add web", "rule-add web name=ssh direction=ingress protocol=tcp port_min=22",
                 "lport-set-groups v-b web")
    assert verdict(cloud, "v-b", f"ingress,{tcp_flow(cloud.a, cloud.b, 22)}") == \
        'verdict: allow by rule "web/ssh", with a session'
    allow_tcp(cloud.a, cloud.b, 22)
    assert verdict(cloud, "v-b", f"ingress,{tcp_flow(cloud.a, cloud.b, 23)}") == \
        'verdict: drop (policy_ingress) by rule "web/default"'
    refuse_tcp(cloud, cloud.a, cloud.b, 23)
    assert verdict(cloud, "v-b", f"egress,{udp_flow(cloud.b, cloud.a, 53)}") == \
        'verdict: drop (policy_egress) by rule "web/default"'
    refuse_udp(cloud, cloud.b, cloud.a, 53, "policy_egress")
    assert verdict(cloud, "v-b", f"ingress,{tcp_flow(cloud.a, cloud.b, 22, 'tcp_flags=+ack')}").startswith(
        "verdict: drop (ct_invalid)")


def test_why_goes_through_tiers_and_names_what_passes_a_packet_on(answers):
    cloud = answers
    give_acl(cloud, "Logical_Port v-b", "name=on direction=ingress action=pass tier=0 protocol=tcp")
    give_acl(cloud, "Logical_Port v-b", "name=no direction=ingress action=reject tier=1 protocol=tcp port_min=80")
    lines = ask(cloud, "why", "v-b", "ingress", tcp_flow(cloud.a, cloud.b, 80))
    assert 'tier 0: rule "v-b/on" matches: pass tcp; the next is asked' in lines
    assert 'tier 1: rule "v-b/no" matches: reject tcp dport 80' in lines
    assert lines[-1] == 'verdict: reject (policy_ingress) by rule "v-b/no"'
    lines = ask(cloud, "why", "v-b", "ingress", tcp_flow(cloud.a, cloud.b, 81))
    assert "tier 1: no rule matches" in lines
    assert lines[-1] == "verdict: allow, with a session"


def test_why_knows_port_security_exemptions_and_sessions(answers):
    cloud = answers
    cloud.change("group-add empty", "lport-set-groups v-b empty")
    forged = f"egress,{udp_flow(cloud.a, cloud.b, 53)},dl_src={cloud.b.mac}"
    assert verdict(cloud, "v-b", forged).startswith("verdict: drop (spoofed_ipv4)")
    arp = f"egress,arp,nw_src={cloud.b.v4},nw_dst={cloud.a.v4},dl_src={cloud.b.mac}"
    assert verdict(cloud, "v-b", arp).startswith("verdict: allow: no guest can live without it")
    cloud.change("rule-add empty name=all direction=ingress")
    with Connection(cloud.a, cloud.b, 80) as one:
        one.exchange()
        reply = tcp_flow(cloud.b, cloud.a, one.client_port, "tp_src=80", "tcp_flags=+ack")
        lines = ask(cloud, "why", "v-b", f"egress,{reply}")
        assert any(line.startswith("session: a reply of tcp,orig=") for line in lines)
        assert lines[-1] == 'verdict: allow by rule "empty/all", as part of the session'


def test_why_changes_nothing(answers):
    cloud = answers
    cloud.change("group-add web", "rule-add web name=ssh direction=ingress protocol=tcp port_min=22",
                 "lport-set-groups v-b web")
    verdict(cloud, "v-b", f"ingress,{tcp_flow(cloud.a, cloud.b, 22)}")
    verdict(cloud, "v-b", f"ingress,{tcp_flow(cloud.a, cloud.b, 23)}")
    assert counters(cloud, "v-b", "web/ssh")[:3] == (0, 0, 0)
    assert sessions(cloud.host, cloud.b.v4) == []


def test_why_explains_what_is_wrong_with_a_question(answers):
    done = answers.host.run(["ovs-appctl", "-t", "sluice-vswitchd", "acl/why", "v-b", "ingress,tcp,nw_src=fd00::1"],
                            check=False)
    assert done.returncode != 0
    assert 'nw_src "fd00::1" is not an IPv4 address' in done.stderr


# Lists --------------------------------------------------------------------------------------------------------------


def test_unused_rules_are_those_without_a_hit(answers):
    cloud = answers
    cloud.change("group-add web", "rule-add web name=ssh direction=ingress protocol=tcp port_min=22",
                 "rule-add web name=http direction=ingress protocol=tcp port_min=80", "lport-set-groups v-b web")
    assert {"web/ssh", "web/http"} <= {line.split()[0] for line in ask(cloud, "unused", "v-b")}
    allow_tcp(cloud.a, cloud.b, 22)
    for name in ("v-b", "web"):
        unused = {line.split()[0] for line in ask(cloud, "unused", name)}
        assert "web/http" in unused
        assert "web/ssh" not in unused
        assert "web/default" not in unused


def test_shadowed_rules_name_what_covers_them(answers):
    cloud = answers
    give_acl(cloud, "Logical_Port v-b",
             "name=wide direction=ingress action=deny priority=9 protocol=tcp port_min=80 port_max=90")
    give_acl(cloud, "Logical_Port v-b",
             "name=narrow direction=ingress action=allow priority=8 protocol=tcp port_min=85 remote_cidr=10.3.0.0/24")
    give_acl(cloud, "Logical_Port v-b",
             "name=other direction=ingress action=allow priority=8 protocol=tcp port_min=91")
    lines = [line for line in ask(cloud, "shadowed", "v-b") if line.startswith("v-b/")]
    assert len(lines) == 1
    assert lines[0].split()[0] == "v-b/narrow"
    assert lines[0].endswith("; covered by v-b/wide: tcp dport 80-90")
    assert verdict(cloud, "v-b", f"ingress,{tcp_flow(cloud.a, cloud.b, 85)}").endswith('by rule "v-b/wide"')


def test_drops_are_told_by_rule(answers):
    cloud = answers
    warm(cloud.a, cloud.b)
    give_acl(cloud, "Logical_Port v-b", "name=no-smtp direction=ingress action=deny protocol=udp port_min=25")

    def dropped():
        rows = (line.split() for line in ask(cloud, "drops", "v-a")[1:])
        return sum(int(fields[2]) for fields in rows if fields[1] == "policy_ingress" and fields[3] == "v-b/no-smtp")

    before = dropped()
    refuse_udp(cloud, cloud.a, cloud.b, 25)
    wait_until(lambda: dropped() == before + 3, 10, "drops of rule v-b/no-smtp", [cloud.host.daemon.log])


def test_limits_say_how_many_sessions_a_port_has(answers):
    cloud = answers
    cloud.change("group-add all", "rule-add all direction=egress", "lport-set-groups v-a all",
                 "set Logical_Port v-a conntrack:max=77")
    try:
        with Connection(cloud.a, cloud.b, 80) as one:
            one.exchange()
            row = next(line.split() for line in ask(cloud, "limits") if line.split()[0] == "v-a")
            assert int(row[1]) >= 1
            assert int(row[2]) == 77
    finally:
        cloud.change("clear Logical_Port v-a conntrack")


# The log ------------------------------------------------------------------------------------------------------------


def test_verdicts_of_a_rule_that_asks_for_it_are_logged(answers):
    cloud = answers
    warm(cloud.a, cloud.b)
    give_acl(cloud, "Logical_Port v-b", "name=watched direction=ingress action=deny protocol=udp port_min=25 log=true")
    send_udp(cloud.a, cloud.b, 25, sport=4711)
    wait_until(lambda: log_lines(cloud, "v-b/watched"), 10, "a line in the log", [cloud.host.daemon.log])
    assert log_lines(cloud, "v-b/watched")[0].endswith(
        f'rule "v-b/watched" deny ingress of port v-b: udp {cloud.a.v4}:4711 > {cloud.b.v4}:25')


def test_log_of_a_rule_is_limited_and_says_what_it_leaves_out(answers):
    cloud = answers
    warm(cloud.a, cloud.b)
    give_acl(cloud, "Logical_Port v-b", "name=flooded direction=ingress action=deny protocol=udp port_min=25 log=true")
    for _ in range(40 * LOG_RATE):
        send_udp(cloud.a, cloud.b, 25)  # each from a port of its own: a verdict each

    def left_out():
        send_udp(cloud.a, cloud.b, 25)
        return any(re.search(r" \(and \d+ more\)$", line) for line in log_lines(cloud, "v-b/flooded"))

    wait_until(left_out, 10, "a line that says how many were left out", [cloud.host.daemon.log])
    assert len(log_lines(cloud, "v-b/flooded")) < 40 * LOG_RATE


def test_audit_rule_is_logged_as_what_it_would_do_and_the_packet_passes(answers):
    cloud = answers
    give_acl(cloud, "Logical_Port v-b",
             "name=tried direction=ingress action=deny mode=audit protocol=tcp port_min=80 log=true")
    allow_tcp(cloud.a, cloud.b, 80)
    wait_until(lambda: log_lines(cloud, "v-b/tried"), 10, "a line in the log", [cloud.host.daemon.log])
    assert 'rule "v-b/tried" would deny ingress of port v-b: tcp ' in log_lines(cloud, "v-b/tried")[0]
    assert counters(cloud, "v-b", "v-b/tried")[0] == 1
    assert 'audit: rule "v-b/tried" would refuse it, and counts it' in \
        ask(cloud, "why", "v-b", f"ingress,{tcp_flow(cloud.a, cloud.b, 80)}")
