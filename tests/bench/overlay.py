# SPDX-License-Identifier: Apache-2.0
"""Switches with one guest whose peer is behind a tunnel.

    bench0 - br0 - tunnel0 ~ br-phy (an internal port, the tunnel endpoint) - bench1

The generator plays the guest on bench0, and on bench1 the wire with the remote tunnel endpoint."""

from lab import underlay

from .hypervisor import BRIDGE
from .load import MACS, Tunnel
from .ovs import Ovs
from .sluice import Sluice

SWITCH_IP, REMOTE_IP = "172.31.0.1", "172.31.0.2"
REMOTE_MAC = "02:00:00:00:01:02"
VNI = 100
PORT = "tunnel0"


class _Underlay:
    """How the ports of a switch are plugged; it comes before Hypervisor."""

    def plug(self):
        guest, wire = self.ports
        self.host.plug_guest(BRIDGE, guest, None, MACS[0], port_id=f"id-{guest}", machine_id=f"machine-{guest}",
                             kind="dpdkvhostuser")
        self.host.add_bridge(underlay.BRIDGE)
        # Without an iface-id: nobody's guest, so no policy applies to it.
        self.host.vsctl("add-port", underlay.BRIDGE, wire, "--", "set", "Interface", wire, "type=dpdkvhostuser")
        self.host.give_address(underlay.BRIDGE, f"{SWITCH_IP}/24")
        self.host.namespace.ip(f"neigh replace {REMOTE_IP} lladdr {REMOTE_MAC} dev {underlay.BRIDGE} nud permanent")

    def use(self, kind):
        """Have a tunnel of a kind in place of the one that was there."""
        self.host.vsctl("--if-exists", "del-port", BRIDGE, PORT, "--", "add-port", BRIDGE, PORT, "--",
                        "set", "Interface", PORT, f"type={kind}", f"options:remote_ip={REMOTE_IP}",
                        f"options:key={VNI}")

    def tunnel(self, kind):
        """The load's end of it."""
        return Tunnel(kind, VNI, (REMOTE_MAC, self.host.namespace.mac(underlay.BRIDGE)), (REMOTE_IP, SWITCH_IP))


class OverlaySluice(_Underlay, Sluice):
    """The peer has a Logical_Port too, as every guest of the cloud; it is only not here."""

    def __init__(self, lab, short_name, cpu, rules):
        super().__init__(lab, short_name, cpu, rules)
        self.local_guests = self.ports[:1]


class OverlayOvs(_Underlay, Ovs):
    """With the flows of a security group on the guest's bridge."""

    def __init__(self, lab, short_name, cpu):
        super().__init__(lab, short_name, cpu, conntrack=True)

    def plug(self):
        super().plug()
        # It does not read the kernel's neighbours.
        self.host.appctl("tnl/neigh/set", underlay.BRIDGE, REMOTE_IP, REMOTE_MAC)
