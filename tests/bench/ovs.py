# SPDX-License-Identifier: Apache-2.0
"""Debian's OVS on DPDK: plain, or with the two tables of conntrack flows that a security group becomes there."""

from .hypervisor import BRIDGE, Hypervisor
from .load import IPS, UDP_PORT, UDP_PORTS


class Ovs(Hypervisor):
    """With CONNTRACK, what is new is allowed by a flow towards the server's ports, and replies by their session."""

    def __init__(self, lab, short_name, cpu, conntrack=False):
        super().__init__(lab, "ovs-dpdk, conntrack" if conntrack else "ovs-dpdk L2", short_name, 1 << cpu, switch="ovs")
        self._conntrack = conntrack

    def write_policy(self):
        if not self._conntrack:
            return
        new = [f"table=1,udp,ct_state=+trk+new,nw_src={IPS[0]},tp_dst={UDP_PORT + index},"
               "actions=ct(commit),NORMAL" for index in range(UDP_PORTS)]
        flows = ["arp,actions=NORMAL", "ip,ct_state=-trk,actions=ct(table=1)",
                 "table=1,ip,ct_state=+trk+est,actions=NORMAL", *new]
        self.host.run(["ovs-ofctl", "del-flows", BRIDGE])
        self.host.run(["ovs-ofctl", "add-flows", BRIDGE, "-"], stdin="\n".join(flows))
