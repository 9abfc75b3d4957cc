# SPDX-License-Identifier: Apache-2.0
"""The wire between hosts: a veth pair whose ends are ports of br-phy, which has the tunnel endpoint's address.

    host A                                   host B
    br-phy (internal port: VTEP address)     br-phy (internal port: VTEP address)
      `- uplink ========== veth ============ uplink -'
"""

from . import netns

BRIDGE = "br-phy"
DEVICE = "uplink"
# Room for an inner frame of 1500 bytes and the headers of a tunnel.
MTU = 1600


def attach(host, address, device=DEVICE, bridge=BRIDGE):
    """Make an end that is already in the host's namespace the uplink of the bridge that has ADDRESS/LENGTH."""
    host.add_bridge(bridge)
    host.vsctl("add-port", bridge, device)
    host.give_address(bridge, address)


def join(left, left_address, right, right_address, mtu=MTU):
    """Join two hosts by a wire; the addresses are ADDRESS/LENGTH of the tunnel endpoints."""
    netns.veth(left.namespace, DEVICE, right.namespace, DEVICE, mtu)
    attach(left, left_address)
    attach(right, right_address)


def join_kernel(host, address, peer, peer_address, mtu=MTU):
    """Join a host to a plain namespace, whose end of the wire has an address of its own (a kernel VXLAN endpoint)."""
    netns.veth(host.namespace, DEVICE, peer, DEVICE, mtu)
    peer.ip(f"addr add {peer_address} dev {DEVICE}")
    attach(host, address)
