# SPDX-License-Identifier: Apache-2.0
"""Two workers beside one, on devices that need no other CPU for their traffic (P11)."""

import os
import re
import signal
import time

from lab.process import wait_until

from . import cpu_time, cycles, flow_files, goals, probe
from .case import Case
from .hypervisor import BRIDGE
from .sampler import say
from .samples import Sample, ratios
from .sluice import Sluice

RULES = 1000
PORTS = 4
# For each port; the devices copy their frames again and again.
FLOWS = 1024
SECONDS = 2
# Sessions are open and the flow caches warm after so long.
SETTLE_SECONDS = 0.3
SMOKE_SECONDS = 0.3
ONE, OWN, CROSSED = "one worker", "two workers", "two workers, each reply on the other"
# Least ratio to one worker; which worker serves the ports: a client, its server, another client, its server.
WANTED = {OWN: 1.92, CROSSED: 1.75}
WORKER_OF_PORT = {OWN: (0, 0, 1, 1), CROSSED: (0, 1, 0, 1), ONE: (1, 1, 1, 1)}


class FileSluice(Sluice):
    """A switch whose ports are devices that send the frames of a file for ever and swallow what they are sent."""

    def __init__(self, lab, size):
        super().__init__(lab, "pcap", None, RULES, ports=PORTS, mask=0x3)
        self._size = size

    def plug(self):
        for index, port in enumerate(self.ports):
            path = self.host.dir / f"{port}.pcap"
            flow_files.write(path, index, index ^ 1, FLOWS, self._size)
            self.host.vsctl("add-port", BRIDGE, port, "--", "set", "Interface", port, "type=dpdk",
                            f'options:dpdk-devargs="net_pcap{index},rx_pcap={path},infinite_rx=1"',
                            f"external-ids:iface-id=id-{port}")

    def rest(self):
        """Leave the CPUs alone; its ports never fall silent."""
        os.kill(self.pid, signal.SIGSTOP)

    def place(self, workers):
        """Have each port served by the worker on one CPU, and wait until that is so."""
        masks = {1 << cpu for cpu in workers}
        self.host.vsctl("set", "Open_vSwitch", ".", f"other_config:pmd-cpu-mask={hex(sum(masks))}")
        self.host.vsctl(*(word for port, cpu in zip(self.ports, workers) for word in
                          ("--", "set", "Interface", port, f"other_config:pmd-rxq-affinity=\"0:{cpu}\"")))
        wait_until(lambda: self._placed() == dict(zip(self.ports, workers)), 10,
                   f"ports served by workers {workers}", [self.host.daemon.log])

    def _placed(self):
        """By port, the CPU whose worker serves it."""
        found, cpu = {}, None
        for line in self.host.appctl("dpif-netdev/pmd-rxq-show").splitlines():
            if header := re.search(r"core_id (\d+)", line):
                cpu = int(header[1])
            elif (row := re.search(r"port: (\S+)\s+queue-id:\s+\d+", line)) and row[1] in self.ports:
                found[row[1]] = cpu
        return found

    def forwarded(self):
        """Packets that it has taken from its ports since its start and not dropped."""
        shown = cycles.ask(self.control_socket, "dpctl/show", "-s")
        lookups = re.search(r"hit:(\d+) missed:(\d+)", shown)
        dropped = cycles.ask(self.control_socket, "drop/show").splitlines()[1:]
        return sum(map(int, lookups.groups())) - sum(int(line.split()[2]) for line in dropped)


class Workers(Case):
    """One worker, two with a pair of guests each, and two of which each has the clients of one pair and the servers of
    the other, so that every session is shared; in turns."""

    seconds = 30
    reference = ONE

    def __init__(self, lab, sampler, options):
        super().__init__(lab, sampler, options)
        self._seconds = SMOKE_SECONDS if options.smoke else SECONDS
        self._switch = FileSluice(lab, options.size)

    def run(self):
        say(f"  starting {self._switch.name} on files of {FLOWS} flows")
        self._switch.start()
        for number in self.rounds():
            for case, workers in WORKER_OF_PORT.items():
                self._switch.place(workers)
                self.samples.append(self._sample(case, len(set(workers)), number))

    def _sample(self, case, n_workers, number):
        self._switch.rest()
        before = probe.round_trip(self.sampler.cpus)
        self._switch.wake()
        time.sleep(SETTLE_SECONDS)
        watch = cycles.Watch(self._switch)
        watch.look()
        packets, start, spent = self._switch.forwarded(), time.monotonic(), cpu_time.read(self._switch.pid)
        time.sleep(self._seconds)
        packets, elapsed = self._switch.forwarded() - packets, time.monotonic() - start
        share = cpu_time.share(spent, cpu_time.read(self._switch.pid), n_workers)
        watch.look(at_once=True)
        self._switch.rest()
        after = probe.round_trip(self.sampler.cpus)
        self._switch.wake()
        label = probe.label(before, after, share)
        mpps = packets / elapsed / 1e6
        say(f"  {case}: {mpps:.2f} Mpps ({label}: {before:.0f} and {after:.0f} ns, {share:.0%} of the CPUs)")
        return Sample(case, f"{PORTS} ports", None, "none", FLOWS, number, mpps, before, after, label,
                      watch.per_packet(), {})

    def results(self):
        return [goals.at_least("P11", f"{case}, by one", *_swap(ratios(self.samples, case, ONE), least))
                for case, least in WANTED.items()]


def _swap(found, least):
    return found[0], least, found[1]
