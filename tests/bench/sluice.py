# SPDX-License-Identifier: Apache-2.0
"""Sluice: plain, or with stateful security groups written by sluice-vsctl."""

from lab.process import LabError, wait_until

from . import generator
from .hypervisor import PORTS, Hypervisor

GROUPS = 4


class Sluice(Hypervisor):
    """With RULES, both ports are in stateful security groups of that many rules together."""

    def __init__(self, lab, short_name, cpu, rules=0):
        super().__init__(lab, f"sluice, stateful groups, {rules} rules" if rules else "sluice L2", short_name, cpu)
        self._rules = rules

    def write_policy(self):
        """Several groups whose rules do not match the traffic, and the three that do: the clients' and the servers'
        way out, and the servers' way in. Replies pass because of their session only."""
        if not self._rules:
            return
        names = [f"group{index}" for index in range(GROUPS)]
        for number, name in enumerate(names):
            share = range(number, self._rules - 3, GROUPS)
            self.host.sluice_vsctl("--", "group-add", name, *(word for rule in share for word in _rule(name, rule)))
        ports = f"port_min={generator.UDP_PORT} port_max={generator.UDP_PORT + generator.UDP_PORTS - 1}"
        self.host.sluice_vsctl(
            *_command("group-add members"), *_command("group-add servers"),
            *_command("rule-add members name=out direction=egress ethertype=IPv4"),
            *_command("rule-add members name=out6 direction=egress ethertype=IPv6"),
            *_command(f"rule-add servers name=in direction=ingress ethertype=IPv4 protocol=udp {ports} "
                      "remote_group=members"))
        for index, port in enumerate(PORTS):
            groups = ["members", *(["servers"] if index == 1 else []), *names]
            self.host.sluice_vsctl("--", "lport-add", f"id-{port}",
                                    f"{generator.MACS[index]} {generator.IPS[index]}",
                                    "--", "lport-set-groups", f"id-{port}", *groups)

    def check_policy(self):
        """Without it a mistake in the rows would go unnoticed, as a good figure."""
        for port in PORTS if self._rules else ():
            wait_until(lambda: port in self._status(port, "interface"), 10, f"policy of {port} in force",
                       [self.host.daemon.log])
            if self._status(port, "error"):
                raise LabError(f"{port}: {self._status(port, 'error')}")

    def _status(self, port, key):
        return self.host.sluice_vsctl("--no-wait", "--if-exists", "get", "Logical_Port", f"id-{port}", f"status:{key}")


def _command(text):
    return ["--", *text.split()]


def _rule(group, number):
    """One of many rules, no two alike: TCP or UDP, a few ports, from a network or from a group."""
    protocol = ("tcp", "udp")[number % 2]
    first = 20000 + 7 * number
    remote = f"remote_group={group}" if number % 5 == 0 else f"remote_cidr=172.{16 + number % 16}.{number % 256}.0/24"
    return _command(f"rule-add {group} name=r{number} direction=ingress ethertype=IPv4 protocol={protocol} "
                    f"port_min={first} port_max={first + 3} {remote}")
