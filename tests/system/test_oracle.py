# SPDX-License-Identifier: Apache-2.0
"""What Sluice's sessions and rules let through, packet by packet, beside nftables with conntrack in the kernel
(drawing: support/oracle.py; docs/oracle.md says more). Every packet must have the same fate, but for DIFFERENCES, and
what is listed there must occur."""
from dataclasses import dataclass

import pytest

from histories import (BACK, CLOSED, DENIED, FAMILIES, OPEN, REJECTED, Echo, Tcp, Udp, associate, fragments,
                       icmp_error, random_histories)
from oracle import Oracle

RANDOM_HISTORIES = 320
SEED = 20240611

RULESET = f"""
table inet oracle {{
    chain forward {{
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        ct state invalid drop
        iifname "ra" tcp dport {REJECTED} reject with tcp reset
        iifname "ra" udp dport {REJECTED} reject with icmpx port-unreachable
        iifname "ra" meta l4proto {{ tcp, udp }} th dport {DENIED} drop
        iifname "ra" meta l4proto {{ tcp, sctp }} th dport {{ {OPEN}, {DENIED}, {REJECTED} }} accept
        iifname "ra" udp dport {{ 53, {DENIED}, {REJECTED} }} accept
        iifname "ra" icmp type echo-request accept
        iifname "ra" icmpv6 type echo-request accept
        iifname "rb" tcp dport {BACK} accept
    }}
}}
"""

ACLS = [f"action={action} protocol={protocol} port_min={port}" for protocol in ("tcp", "udp")
        for action, port in (("reject", REJECTED), ("deny", DENIED))]
COMMANDS = [
    "group-add client", "rule-add client direction=egress ethertype=IPv4",
    "rule-add client direction=egress ethertype=IPv6",
    f"rule-add client direction=ingress protocol=tcp port_min={BACK}",
    "group-add server", f"rule-add server direction=egress protocol=tcp port_min={BACK}",
    *(f"rule-add server direction=ingress protocol={protocol} port_min={port}" for protocol, port in (
        ("tcp", OPEN), ("sctp", OPEN), ("udp", 53), *((protocol, port) for protocol in ("tcp", "udp")
                                                      for port in (DENIED, REJECTED)))),
    "rule-add server direction=ingress protocol=icmp icmp_type=8",
    "rule-add server direction=ingress protocol=icmpv6 icmp_type=128",
    "lport-set-groups v-sa client", "lport-set-groups v-sb server",
    *(f"--id=@acl{n} create ACL direction=ingress {acl} -- add Logical_Port v-sb acls @acl{n}"
      for n, acl in enumerate(ACLS))]


@dataclass(frozen=True)
class Difference:
    """Sluice's and the kernel's fates of a packet that differ, and where that may be: APPLIES(history, index)."""
    name: str
    fates: tuple
    applies: object
    reason: str


def flags(packet):
    """TCP flags of a packet as a word, none for others."""
    return str(packet.ip.payload.flags) if packet.ip.payload.name == "TCP" else ""


def reset_before(history, index):
    return any("R" in flags(packet) for packet in history[:index])


DIFFERENCES = [
    Difference("window", ("pass", "drop"), lambda history, index: "out of window" in history[index].note,
               "Sluice does not follow sequence numbers: the guests' own stacks do, and a check of windows would cost "
               "a store for every packet"),
    Difference("syn within", ("pass", "drop"),
               lambda history, index: "S" in flags(history[index]) and not reset_before(history, index),
               "a SYN of the accepting or a SYN/ACK of the opening end within a connection changes no state and is "
               "left to the receiver, which answers with a challenge ACK (RFC 5961)"),
    Difference("bare reset", ("drop", "pass"), lambda history, index: flags(history[index]) == "R",
               "a reset that answers a SYN must acknowledge it (RFC 9293 3.10.7.3), so one without ACK is no answer: "
               "the opener would not believe it either"),
    Difference("after reset", ("pass", "drop"), reset_before,
               "the kernel forgets a connection at once when it is reset before it was established; Sluice keeps it "
               "for the short time of its CLOSE state"),
    Difference("reopened after reset", ("drop", "pass"), reset_before,
               "a SYN after a reset opens the connection anew at once; the kernel may pass it over and keep the old "
               "state, to which an ACK belongs"),
    Difference("piece missing", ("pass", "drop"), lambda history, index: "piece" in history[index].note,
               "Sluice does not reassemble: what comes behind or is held for the first fragment goes its way; the "
               "kernel lets nothing of an incomplete datagram through"),
    Difference("checksum", ("pass", "drop"), lambda history, index: "bad checksum" in history[index].note,
               "checksums are the receiver's business; between guests on one host they are often not filled in at all"),
    Difference("sctp tag", ("pass", "drop"), lambda history, index: "wrong tag" in history[index].note,
               "verification tags are not followed: the ends check them (RFC 9260 8.5)"),
]


# Cases ----------------------------------------------------------------------------------------------------------------
# Each is a history and what Sluice is to do: + passes, - is dropped, R is reset, U is answered with unreachable.


def tcp(family, words, port=OPEN, first="a"):
    return Tcp(family, port, first).say(words).history


CASES = {
    "tcp from handshake to both ends closed": (
        lambda f: tcp(f, "a:S b:SA a:A a:PA+10 b:A b:PA+20 a:A a:FA b:A b:FA a:A"), "+++++++++++"),
    "tcp with one direction closed goes on in the other": (
        lambda f: tcp(f, "a:S b:SA a:A a:FA b:A b:PA+9 a:A b:PA+9 a:A b:FA a:A"), "+++++++++++"),
    "tcp both ends close at once": (lambda f: tcp(f, "a:S b:SA a:A a:FA b:FA a:A b:A"), "+++++++"),
    "tcp opened from both ends at once": (lambda f: tcp(f, "a:S b:S a:SA b:SA a:A b:PA+3"), "++++++"),
    "tcp the other way": (lambda f: tcp(f, "b:S a:SA b:A b:PA+5 a:PA+5", BACK, "b"), "+++++"),
    "tcp reset by the server": (lambda f: tcp(f, "a:S b:SA a:A a:PA+10 b:R a:S b:SA a:A"), "++++++++"),
    "tcp reset by the client": (lambda f: tcp(f, "a:S b:SA a:A b:PA+10 a:R a:S b:SA a:A"), "++++++++"),
    "tcp to a port where nobody listens": (lambda f: tcp(f, "a:S b:RA a:S b:RA"), "++++"),
    "tcp answered by a reset that acknowledges nothing": (lambda f: tcp(f, "a:S b:R b:RA"), "+-+"),
    "tcp sent again": (lambda f: tcp(f, "a:S a:S b:SA b:SA a:A a:A"), "++++++"),
    "tcp in mid-stream": (lambda f: tcp(f, "a:A b:A a:PA+9 b:PA+9 a:S b:SA a:A"), "----+++"),
    "tcp that begins with its answer": (lambda f: tcp(f, "b:SA a:SA a:FA b:R a:R"), "-----"),
    "tcp with flags that make no sense": (lambda f: tcp(f, "a:S b:SA a:A a:SF a:none b:FPU a:PA+1"), "+++---+"),
    "tcp once more from the same ports": (lambda f: tcp(f, "a:S b:SA a:A a:FA b:FA a:A a:S b:SA a:A"), "+++++++++"),
    "tcp that no rule allows": (lambda f: tcp(f, "a:S b:SA a:A", CLOSED), "---"),
    "tcp from the server that no rule allows": (lambda f: tcp(f, "b:S a:SA b:A", CLOSED, "b"), "---"),
    "tcp denied": (lambda f: tcp(f, "a:S b:SA a:A", DENIED), "---"),
    "tcp rejected": (lambda f: tcp(f, "a:S", REJECTED), "R"),
    "tcp out of its window": (
        lambda f: Tcp(f).handshake().send("a", "A", shift=100_000_000, note="a: out of window")
        .send("b", "PA", 10, shift=-100_000_000, note="b: out of window").say("a:PA+3").history, "++++++"),
    "tcp with a bad checksum": (
        lambda f: Tcp(f).handshake().spoil("a").say("a:PA+3").history, "+++++"),
    "tcp errors": (lambda f: Tcp(f).handshake().error("b").error("a").error("b", kind="big").error("b", cut=48)
                   .history, "+++++++"),
    "tcp error about another connection": (lambda f: Tcp(f).handshake().error("b", sport=5).error("a", sport=5)
                                           .history, "+++--"),
    "udp both ways": (lambda f: Udp(f).send("a").send("b").send("a").send("b").history, "++++"),
    "udp answer without a question": (lambda f: Udp(f).send("b").send("a").send("b").history, "-++"),
    "udp that no rule allows": (lambda f: Udp(f, CLOSED).send("a").send("b").history, "--"),
    "udp denied": (lambda f: Udp(f, DENIED).send("a").send("b").history, "--"),
    "udp rejected": (lambda f: Udp(f, REJECTED).send("a").history, "U"),
    "udp errors": (lambda f: Udp(f).send("a").error("b").error("b", kind="time").error("b", kind="big")
                   .send("b").error("a").history, "++++++"),
    "udp error that quotes other ports": (lambda f: Udp(f).send("a").error("b", sport=7).history, "+-"),
    "udp error that quotes another source": (
        lambda f: Udp(f).send("a").error("b", source="10.9.0.77" if f == 4 else "fd00:9::77").history, "+-"),
    "udp error that quotes the wrong way round": (
        lambda f: [*(udp := Udp(f).send("a")).history, icmp_error("a", f, udp.history[0].ip)], "+-"),
    "udp error about what was refused": (lambda f: Udp(f, CLOSED).send("a").error("b").history, "--"),
    "echo": (lambda f: Echo(f).send("a", "request").send("b", "reply").send("a", "request").send("b", "reply").history,
             "++++"),
    "echo the way that no rule allows": (lambda f: Echo(f).send("b", "request").send("a", "reply").history, "--"),
    "echo reply without a request": (lambda f: Echo(f).send("b", "reply").send("a", "reply").history, "--"),
    "fragments in order": (lambda f: fragments("a", f, 53), "+++"),
    "fragments in reverse": (lambda f: fragments("a", f, 53, (2, 1, 0)), "+++"),
    "fragments with the first in the middle": (lambda f: fragments("a", f, 53, (1, 0, 2)), "+++"),
    "fragments refused": (lambda f: fragments("a", f, CLOSED), "---"),
    "fragments refused in reverse": (lambda f: fragments("a", f, CLOSED, (2, 1, 0)), "---"),
    "fragments without the first": (lambda f: fragments("a", f, 53, leave=(0,)), "--"),
    "fragments with a gap": (lambda f: fragments("a", f, 53, leave=(1,)), "++"),
    "sctp": (associate, "++++++"),
    "sctp that no rule allows": (lambda f: associate(f, CLOSED), "------"),
    "sctp with a wrong tag": (lambda f: associate(f, wrong_tag=True), "+++++++"),
}
SIGNS = {"pass": "+", "drop": "-", "reset": "R", "unreachable": "U"}
NAMES = [(name, family) for name in CASES for family in FAMILIES]


@pytest.fixture(scope="module")
def histories(lab, host):
    """All histories after they were played to both: {(name, family): history}, and the random ones by their number."""
    oracle = Oracle(lab, host, RULESET, COMMANDS)
    cases = {(name, family): CASES[name][0](family) for name, family in NAMES}
    oracle.run(list(cases.values()))
    # Ends that throw dice do not keep to windows.
    oracle.track_windows(False)
    dice = dict(enumerate(random_histories(SEED, RANDOM_HISTORIES)))
    oracle.run(list(dice.values()))
    return cases | dice


@pytest.fixture(scope="module")
def differences(histories):
    """Of each history the first packet whose fates differ, and the entry of the list that it is (None when none is):
    what comes behind it may follow from it. (None, None) of a history without."""
    found = {}
    for which, history in histories.items():
        index = next((n for n, packet in enumerate(history) if len(set(packet.verdicts)) > 1), None)
        found[which] = (index, None if index is None else listed(history, index))
    return found


def listed(history, index):
    """The entry of the list that the fates of a packet are."""
    return next((one for one in DIFFERENCES
                 if one.fates == history[index].verdicts and one.applies(history, index)), None)


def told(history):
    return " ".join(f"{packet.note}={'/'.join(dict.fromkeys(packet.verdicts))}" for packet in history)


@pytest.mark.parametrize("name,family", NAMES, ids=lambda value: str(value).replace(" ", "_"))
def test_case_is_as_written_and_as_the_kernel_has_it(histories, differences, name, family):
    history = histories[name, family]
    assert "".join(SIGNS[packet.verdicts[0]] for packet in history) == CASES[name][1], told(history)
    index, one = differences[name, family]
    assert index is None or one is not None, f"packet {index}: {told(history)}"


def test_random_histories_are_as_the_kernel_has_them(histories, differences):
    """Hundreds of packets of either fate, not counting those behind a difference."""
    fates = []
    for number in range(RANDOM_HISTORIES):
        index, one = differences[number]
        assert index is None or one is not None, f"history {number}, packet {index}: {told(histories[number])}"
        fates += [packet.verdicts[0] for packet in histories[number][:index]]
    assert fates.count("pass") > 800 and fates.count("drop") > 400, (fates.count("pass"), fates.count("drop"))


@pytest.mark.parametrize("name", [one.name for one in DIFFERENCES])
def test_listed_difference_occurs(differences, name):
    assert any(one is not None and one.name == name for _, one in differences.values())
