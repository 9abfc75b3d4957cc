# SPDX-License-Identifier: Apache-2.0
"""The demo's hosts, guests and networks.

    host 1                                          host 2
    g1 (tenant 1)  g2 (tenant 1)  t2-gw (tenant 2)  g3 (tenant 1)  g4 (tenant 2: MAC and addresses of g1)
         \\______________|______________/                   \\______________/
                     br-int                                     br-int
                        :   VNI 5001 (tag 10), 5002 (tag 20)      :
                     br-phy 172.31.0.1 ======= veth ======= 172.31.0.2 br-phy
"""

from dataclasses import dataclass

from lab import underlay
from lab.guest import Nic

MTU = 1450
OPEN_PORT = 80
CLOSED_PORT = 8080
ENDPOINTS = ("172.31.0.1", "172.31.0.2")
GATEWAY = "10.0.0.1"


@dataclass(frozen=True)
class Tenant:
    """A tenant: one network and the security group of its guests."""
    name: str
    vni: int
    # VLAN on each host's br-int, of local meaning.
    tag: int


@dataclass(frozen=True)
class Seat:
    """Where a guest is and what it is called on the network."""
    name: str
    tenant: Tenant
    host: int
    mac: str
    ipv4: str
    ipv6: str


TENANT_1 = Tenant("tenant1", 5001, 10)
TENANT_2 = Tenant("tenant2", 5002, 20)
SEATS = (
    Seat("g1", TENANT_1, 0, "02:00:00:00:00:11", "10.0.0.11", "fd00::11"),
    Seat("g2", TENANT_1, 0, "02:00:00:00:00:12", "10.0.0.12", "fd00::12"),
    Seat("g3", TENANT_1, 1, "02:00:00:00:00:13", "10.0.0.13", "fd00::13"),
    Seat("g4", TENANT_2, 1, "02:00:00:00:00:11", "10.0.0.11", "fd00::11"),
)


class Topology:
    """Two hosts and four guests in a laboratory."""

    def __init__(self, lab, progress):
        self._lab = lab
        self._progress = progress
        self.hosts = [lab.host("h1", cpu_mask="0x2"), lab.host("h2", cpu_mask="0x1")]
        self.guests = {}

    def build(self, encap):
        """Start everything, with the networks in ENCAP; returns when all guests are up and have their addresses."""
        for number, host in enumerate(self.hosts, 1):
            self._progress.step(f"host {number}: ovsdb-server and sluice-vswitchd")
            host.start()
        self._progress.step("underlay: veth between the hosts, tunnel endpoints " + " and ".join(ENDPOINTS))
        underlay.join(self.hosts[0], ENDPOINTS[0] + "/24", self.hosts[1], ENDPOINTS[1] + "/24")
        for index in range(len(self.hosts)):
            self._progress.step(f"host {index + 1}: br-int, networks over {encap.upper()}, security groups")
            self._write_policy(index, encap)
        self._add_gateway()
        for seat in SEATS:
            self._progress.step(f"guest {seat.name} on host {seat.host + 1}: plugged by ovs-vsctl, QEMU started")
            self._plug(seat)
        for seat in SEATS:
            guest = self.guests[seat.name].wait_ready()
            guest.configure(seat.ipv4 + "/24", seat.ipv6 + "/64", MTU)
            self._progress.step(f"guest {seat.name} is up: {seat.tenant.name}, {seat.mac}, {seat.ipv4}, {seat.ipv6}")
        for seat in SEATS:
            for port in (OPEN_PORT, CLOSED_PORT):
                self.guests[seat.name].serve_tcp(port, f"{seat.name}-port-{port}")

    def use_encap(self, encap):
        """Put both networks on another encapsulation while the guests go on running."""
        for host in self.hosts:
            host.sluice_vsctl("--", "set", "Logical_Network", TENANT_1.name, f"encap={encap}",
                              "--", "set", "Logical_Network", TENANT_2.name, f"encap={encap}")

    def _write_policy(self, index, encap):
        """Tell a host's Sluice database about all networks, groups and ports, as a cloud controller would."""
        host = self.hosts[index]
        host.add_bridge("br-int")
        commands = []
        for tenant in (TENANT_1, TENANT_2):
            commands += ["--", "network-add", tenant.name, f"vni={tenant.vni}", f"encap={encap}", "bridge=br-int",
                         f"tag={tenant.tag}", "--", "network-set-vteps", tenant.name, ENDPOINTS[1 - index]]
            commands += _group_commands(tenant.name)
        for seat in SEATS:
            commands += ["--", "lport-add", _port_id(seat), f"{seat.mac} {seat.ipv4} {seat.ipv6}",
                         "--", "lport-set-groups", _port_id(seat), seat.tenant.name]
        host.sluice_vsctl(*commands)

    def _add_gateway(self):
        """An address of tenant 2 on the other host, to show that its network does work."""
        host = self.hosts[0]
        host.vsctl("add-port", "br-int", "t2-gw", f"tag={TENANT_2.tag}", "--", "set", "Interface", "t2-gw",
                   "type=internal")
        host.give_address("t2-gw", GATEWAY + "/24")

    def _plug(self, seat):
        host = self.hosts[seat.host]
        socket = self._lab.dir / f"{seat.name}.sock"
        host.plug_guest("br-int", f"vhu-{seat.name}", socket, seat.mac, port_id=_port_id(seat),
                        machine_id=f"machine-{seat.name}", tag=seat.tenant.tag, mtu=MTU)
        guest = self._lab.guest(seat.name, host, nics=[Nic(socket, seat.mac)])
        guest.start()
        self.guests[seat.name] = guest


def _port_id(seat):
    return f"port-{seat.name}"


def _group_commands(name):
    """A group whose members may ping each other and reach each other's web server, and send what they like."""
    inbound = f"direction=ingress remote_group={name}"
    rules = (f"name=icmp {inbound} ethertype=IPv4 protocol=icmp",
             f"name=icmp6 {inbound} ethertype=IPv6 protocol=icmpv6",
             f"name=web {inbound} ethertype=IPv4 protocol=tcp port_min={OPEN_PORT} port_max={OPEN_PORT}",
             "name=out4 direction=egress ethertype=IPv4",
             "name=out6 direction=egress ethertype=IPv6")
    commands = ["--", "group-add", name]
    for rule in rules:
        commands += ["--", "rule-add", name, *rule.split()]
    return commands
