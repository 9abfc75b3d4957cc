# SPDX-License-Identifier: Apache-2.0
"""Ports, tunnels and groups come and go under load: how long the traffic stands still (P13)."""

import time
from dataclasses import replace

from . import goals, loss
from .case import Case
from .database import Database
from .hypervisor import BRIDGE
from .load import Load
from .sampler import say
from .sluice import Sluice

FLOWS = 10000
RULES = 1000
LOAD_SHARE = 0.8
LOAD_SECONDS = 3
SMOKE_LOAD_SECONDS = 0.3
# Between changes: the generator, which shares its CPU with those who make them, gets its pace back.
PAUSE_SECONDS = 0.02
SECONDS_MOST = 0.001
VNI = 4000
UNCHANGED = "at 80 %, unchanged"


class Reconfiguration(Case):
    """At 80 % of the load that the switch can take something is added and deleted again and again."""

    seconds = 25

    def __init__(self, lab, sampler, options):
        super().__init__(lab, sampler, options)
        self._load = Load(FLOWS, options.rings[0], options.size, options.warmup, options.seconds)
        self._seconds = SMOKE_LOAD_SECONDS if options.smoke else LOAD_SECONDS
        self._groups = Sluice(lab, "sg", sampler.cpus[1], RULES)
        self._changes = {}
        self._pps = 0.0

    def run(self):
        self.start(self._groups)
        self._groups.wake()
        ovs = Database(self._groups.host.run_dir / "db.sock", "Open_vSwitch")
        self.lab.defer(ovs.close)
        full = self.sampler.sample(self._groups, self._load, 1, "saturated")
        self.samples.append(full)
        self._pps = full.mpps * LOAD_SHARE * 1e6
        paced = replace(self._load, pps=self._pps, seconds=self._seconds, latency=True)
        self._take(paced, UNCHANGED, None)
        self._take(paced, "at 80 %, port", _Port(ovs, "other0", {"type": "dpdkvhostuser"}))
        self._take(paced, "at 80 %, tunnel and VNI", _Port(ovs, "tunnel0", {
            "type": "vxlan", "options": ["map", [["remote_ip", "172.31.0.9"], ["key", str(VNI)]]]}))
        self._take(paced, "at 80 %, group", _Group(self._groups.database, f"id-{self._groups.ports[0]}"))
        self._groups.rest()

    def _take(self, load, case, change):
        """A sample under which CHANGE is made and undone for its length."""
        def meanwhile():
            end = time.monotonic() + self._seconds
            while time.monotonic() < end:
                for step in (change.add, change.delete):
                    step()
                    time.sleep(PAUSE_SECONDS)
                self._changes[case] = self._changes.get(case, 0) + 2

        self.samples.append(loss.measure(self.sampler, self._groups, load, case, meanwhile if change else None))
        say(f"  {self._told(self.samples[-1])}")

    def _told(self, sample):
        absent = (1 - sample.report["cpu_share"]) * self._seconds
        return (f"{sample.case}: {self._changes.get(sample.case, 0)} changes, lost {loss.lost(sample)} of "
                f"{sum(sample.report['offered'])}, and {sample.report['unfetched']} that the generator did not fetch; "
                f"{self._short(sample) * 1e3:.1f} ms of packets short of the pace, for {absent * 1e3:.1f} ms the "
                f"generator had no CPU, longest under way {sample.report['latency_ns']['max'] / 1e6:.2f} ms")

    def _short(self, sample):
        """Seconds of packets that did not arrive, lost or never sent: a switch that stands still fills the generator's
        rings, and so does whoever takes the generator's CPU."""
        return max(1 - sample.mpps * 1e6 / self._pps, 0) * self._seconds

    def _blocked(self, sample):
        """Seconds for which the traffic stood still at each change."""
        return loss.lost(sample) / self._pps / self._changes[sample.case]

    def text(self):
        return "\n".join([super().text(), *(self._told(sample) for sample in self.samples[1:])])

    def results(self):
        return [goals.Result("P13",
                             f"{sample.case} added, deleted {self._changes[sample.case] // 2} times: blocked each",
                             f"{self._blocked(sample) * 1e3:.3f} ms", f"<= {SECONDS_MOST * 1e3:g} ms",
                             self._blocked(sample) <= SECONDS_MOST, sample.label)
                for sample in self.samples if sample.case in self._changes]


class _Port:
    """A port of the bridge with one interface."""

    def __init__(self, database, name, interface):
        self._database = database
        self._interface = interface | {"name": name}
        self._uuid = None

    def add(self):
        results, _, _ = self._database.apply(
            {"op": "insert", "table": "Interface", "uuid-name": "i", "row": self._interface},
            {"op": "insert", "table": "Port", "uuid-name": "p",
             "row": {"name": self._interface["name"], "interfaces": ["named-uuid", "i"]}},
            self._mutate("insert", ["named-uuid", "p"]))
        self._uuid = results[1]["uuid"]

    def delete(self):
        self._database.apply(self._mutate("delete", self._uuid))

    @staticmethod
    def _mutate(mutator, port):
        return {"op": "mutate", "table": "Bridge", "where": [["name", "==", BRIDGE]],
                "mutations": [["ports", mutator, port]]}


class _Group:
    """A security group with a rule, which a guest of the traffic is in."""

    NAME = "coming-and-going"

    def __init__(self, database, port):
        self._database = database
        self._port = port
        self._uuid = None

    def add(self):
        rule = {"name": "in", "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_min": 22,
                "port_max": 22}
        results, _, _ = self._database.apply(
            {"op": "insert", "table": "Security_Group_Rule", "uuid-name": "r", "row": rule},
            {"op": "insert", "table": "Security_Group", "uuid-name": "g",
             "row": {"name": self.NAME, "rules": ["named-uuid", "r"]}},
            self._mutate("insert", ["named-uuid", "g"]))
        self._uuid = results[1]["uuid"]

    def delete(self):
        self._database.apply(self._mutate("delete", self._uuid),
                             {"op": "delete", "table": "Security_Group", "where": [["name", "==", self.NAME]]})

    def _mutate(self, mutator, group):
        return {"op": "mutate", "table": "Logical_Port", "where": [["name", "==", self._port]],
                "mutations": [["security_groups", mutator, group]]}
