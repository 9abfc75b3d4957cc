# SPDX-License-Identifier: Apache-2.0
"""A switch as it is driven in production: its own ovsdb-server, two vhost-user ports plugged by ovs-vsctl."""

import os
import signal

from . import cycles
from .load import MACS

BRIDGE = "br0"


class Hypervisor:
    """A host of the laboratory whose switch has PORTS ports on one bridge, served by the workers of MASK. Between the
    samples the whole process is stopped. NAME is what the table calls it, SHORT_NAME becomes part of paths."""

    def __init__(self, lab, name, short_name, mask, ports=2, **options):
        self.name = name
        self.ports = [f"bench{index}" for index in range(ports)]
        # Those of them that are a guest's.
        self.local_guests = self.ports
        self.host = lab.host(short_name, cpu_mask=hex(mask), **options)
        self.sockets = [self.host.run_dir / port for port in self.ports]
        # A stopped process would not notice that it is asked to end.
        lab.defer(self.wake)

    @property
    def pid(self):
        """Of the process that forwards."""
        return self.host.daemon.pid

    @property
    def control_socket(self):
        """Where it takes commands."""
        if self.host.switch == "ovs":
            return self.host.run_dir / "ovs-vswitchd.ctl"
        return self.host.run_dir / f"sluice-vswitchd.{self.pid}.ctl"

    def busy(self):
        """Cycles that its workers spent on packets, and the packets; None when it does not say."""
        return cycles.busy(self.control_socket)

    def start(self):
        """Start it with its ports and policy; returns when all is in force."""
        self.host.start()
        self.host.add_bridge(BRIDGE)
        self.write_policy()
        self.plug()
        self.check_policy()
        return self

    def plug(self):
        """Plug the guests' ports."""
        for index, port in enumerate(self.ports):
            self.host.plug_guest(BRIDGE, port, None, MACS[index % len(MACS)], port_id=f"id-{port}",
                                 machine_id=f"machine-{port}", kind="dpdkvhostuser")

    def write_policy(self):
        """Say who may talk; without it everybody may."""

    def check_policy(self):
        """Raise LabError when the policy is not in force."""

    def wake(self):
        """Run again, idle."""
        if self.host.daemon.running:
            os.kill(self.pid, signal.SIGCONT)

    def forward(self):
        """Nothing to do: it forwards as soon as there is something to forward."""

    def rest(self):
        """Leave the CPU alone until the next sample."""
        for port in self.ports:
            self.host.wait_link(port, "down")
        os.kill(self.pid, signal.SIGSTOP)

    def settle(self):
        """Rest, after its start."""
        self.rest()

    def stop(self):
        """The laboratory ends it."""
