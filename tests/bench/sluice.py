# SPDX-License-Identifier: Apache-2.0
"""Sluice as it is driven in production: its own ovsdb-server, ports plugged by ovs-vsctl, policy by sluice-vsctl."""

import os
import signal

from lab.process import LabError, wait_until

from . import generator

PORTS = ("bench0", "bench1")
GROUPS = 4


class Sluice:
    """A switch with two vhost-user ports on one bridge, served by one worker. With RULES, both ports are in stateful
    security groups of that many rules together. Between the samples the whole process is stopped."""

    def __init__(self, lab, short_name, cpu, rules=0):
        self.name = f"sluice, stateful groups, {rules} rules" if rules else "sluice L2"
        self._host = lab.host(short_name, cpu_mask=hex(1 << cpu))
        self._rules = rules
        self.sockets = [self._host.run_dir / port for port in PORTS]
        # A stopped process would not notice that it is asked to end.
        lab.defer(self.wake)

    @property
    def pid(self):
        """Of the process that forwards."""
        return self._host.daemon.pid

    def start(self):
        """Start it with its ports and policy; returns when all is in force."""
        host = self._host
        host.start()
        host.add_bridge("br0")
        if self._rules:
            self._write_policy()
        for index, port in enumerate(PORTS):
            host.plug_guest("br0", port, None, generator.MACS[index], port_id=f"id-{port}",
                            machine_id=f"machine-{port}", kind="dpdkvhostuser")
        if self._rules:
            self._check_policy()
        return self

    def wake(self):
        """Run again, idle."""
        if self._host.daemon.running:
            os.kill(self._host.daemon.pid, signal.SIGCONT)

    def forward(self):
        """Nothing to do: it forwards as soon as there is something to forward."""

    def rest(self):
        """Leave the CPU alone until the next sample."""
        for port in PORTS:
            self._host.wait_link(port, "down")
        os.kill(self._host.daemon.pid, signal.SIGSTOP)

    def stop(self):
        """The laboratory ends it."""

    def _write_policy(self):
        """Several groups whose rules do not match the traffic, and the three that do: the clients' and the servers'
        way out, and the servers' way in. Replies pass because of their session only."""
        names = [f"group{index}" for index in range(GROUPS)]
        for number, name in enumerate(names):
            share = range(number, self._rules - 3, GROUPS)
            self._host.sluice_vsctl("--", "group-add", name, *(word for rule in share for word in _rule(name, rule)))
        ports = f"port_min={generator.UDP_PORT} port_max={generator.UDP_PORT + generator.UDP_PORTS - 1}"
        self._host.sluice_vsctl(
            *_command("group-add members"), *_command("group-add servers"),
            *_command("rule-add members name=out direction=egress ethertype=IPv4"),
            *_command("rule-add members name=out6 direction=egress ethertype=IPv6"),
            *_command(f"rule-add servers name=in direction=ingress ethertype=IPv4 protocol=udp {ports} "
                      "remote_group=members"))
        for index, port in enumerate(PORTS):
            groups = ["members", *(["servers"] if index == 1 else []), *names]
            self._host.sluice_vsctl("--", "lport-add", f"id-{port}",
                                    f"{generator.MACS[index]} {generator.IPS[index]}",
                                    "--", "lport-set-groups", f"id-{port}", *groups)


    def _check_policy(self):
        """Without it a mistake in the rows would go unnoticed, as a good figure."""
        for port in PORTS:
            wait_until(lambda: port in self._status(port, "interface"), 10, f"policy of {port} in force",
                       [self._host.daemon.log])
            if self._status(port, "error"):
                raise LabError(f"{port}: {self._status(port, 'error')}")

    def _status(self, port, key):
        return self._host.sluice_vsctl("--no-wait", "--if-exists", "get", "Logical_Port", f"id-{port}", f"status:{key}")


def _command(text):
    return ["--", *text.split()]


def _rule(group, number):
    """One of many rules, no two alike: TCP or UDP, a few ports, from a network or from a group."""
    protocol = ("tcp", "udp")[number % 2]
    first = 20000 + 7 * number
    remote = f"remote_group={group}" if number % 5 == 0 else f"remote_cidr=172.{16 + number % 16}.{number % 256}.0/24"
    return _command(f"rule-add {group} name=r{number} direction=ingress ethertype=IPv4 protocol={protocol} "
                    f"port_min={first} port_max={first + 3} {remote}")
