# SPDX-License-Identifier: Apache-2.0
"""What goes over the wire between the hosts, as tcpdump sees it."""

from lab import process, underlay
from lab.process import Process, wait_until

UDP_PORT = {"vxlan": 4789, "geneve": 6081}


class Capture:
    """A capture of all UDP frames on a host's uplink, from start() to stop()."""

    def __init__(self, host, folder, name):
        self._file = folder / f"{name}.pcap"
        self._log = folder / f"{name}.tcpdump"
        self._argv = [*host.namespace.prefix(), "tcpdump", "-Z", "root", "-U", "-n", "-s", "96", "-i",
                      underlay.DEVICE, "-w", self._file, "udp"]
        self._process = None

    def start(self):
        self._process = Process(self._argv, self._log)
        wait_until(lambda: "listening on" in self._log.read_text(), 10, "start of tcpdump", [self._log])
        return self

    def stop(self):
        if self._process is not None:
            self._process.stop()
            self._process = None

    def count(self, expression="udp"):
        """How many captured frames match an expression of pcap-filter(7)."""
        return len(process.run(["tcpdump", "-n", "-r", self._file, expression]).stdout.splitlines())

    def count_network(self, encap, vni):
        """How many captured frames carry a network. The VNI is at the same place in both headers."""
        return self.count(f"udp dst port {UDP_PORT[encap]} and udp[12:4] & 0xffffff00 = {vni << 8:#x}")
