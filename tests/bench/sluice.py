# SPDX-License-Identifier: Apache-2.0
"""Sluice: plain, or with stateful security groups."""

import time
from pathlib import Path

from lab.process import LabError, wait_until

from .database import Database
from .hypervisor import Hypervisor
from .load import IPS, MACS, UDP_PORT

GROUPS = 4
GROUPS_OF_PORT = 4
# All that a guest may need at once for the cases that open new connections.
SESSIONS = 1 << 23
USUAL_SESSIONS = 1 << 18
# Opening millions of them may take long; none is to expire before its first reply.
OPENING_SECONDS = 600
# Places of ended sessions are free again after the flow caches have forgotten them.
RECLAIM_SECONDS = 1
RECLAIMED_PER_SECOND = 1000000


class Sluice(Hypervisor):
    """With RULES there are so many in GROUPS stateful security groups, of which each port is in a few: with the usual
    number in all. OTHERS is how many more Logical_Ports there are, of guests that are not here. SESSIONS is the size of
    the session table, all of which any port may use; FLOWS that of the flow cache in lines. MASK is of the workers'
    CPUs, in place of CPU."""

    def __init__(self, lab, short_name, cpu, rules=0, sessions=None, ports=2, name=None, groups=GROUPS, others=0,
                 flows=None, mask=None):
        super().__init__(lab, name or (f"sluice, stateful groups, {rules} rules" if rules else "sluice L2"), short_name,
                         mask or 1 << cpu, ports)
        self._rules = rules
        self._sessions = sessions
        self._n_groups = groups
        self._others = others
        self._flows = flows
        self.database = None
        self.small_bytes = 0
        self._uuids = {}

    def write_policy(self):
        """Several groups whose rules do not match the traffic, and the three that do: the clients' and the servers'
        way out, and the servers' way in. Replies pass because of their session only."""
        self.database = Database(self.host.run_dir / "db.sock")
        if self._sessions or self._flows:
            self._restart()
        if not self._rules:
            return
        self.host.sluice_vsctl(
            *_command("group-add members"), *_command("group-add servers"),
            *(word for name in self._names() for word in _command(f"group-add {name}")),
            *_command("rule-add members name=out direction=egress ethertype=IPv4"),
            *_command("rule-add members name=out6 direction=egress ethertype=IPv6"),
            *(word for protocol in ("udp", "tcp") for word in _command(
                f"rule-add servers name=in-{protocol} direction=ingress ethertype=IPv4 protocol={protocol} "
                f"port_min={UDP_PORT} port_max=65535 remote_group=members")))
        for index, port in enumerate(self.ports):
            groups = ["members", *(["servers"] if index % 2 == 1 else []), *self._names()[:GROUPS_OF_PORT]]
            self.host.sluice_vsctl(
                "--", "lport-add", f"id-{port}", f"{MACS[index]} {IPS[index]}",
                "--", "lport-set-groups", f"id-{port}", *groups,
                *(["--", "set", "Logical_Port", f"id-{port}", f"conntrack:max={self._sessions}",
                   f"conntrack:timeout-udp_single={OPENING_SECONDS}"] if self._sessions else []))
        self.database.transact(*(self._other_port(number) for number in range(self._others)))
        self.set_rules(self._rules)

    def _other_port(self, number):
        names = self._names()
        groups = [["uuid", self._uuid_of(names[(number + k) % len(names)])] for k in range(2)]
        mac = f"02:01:00:00:{number >> 8:02x}:{number & 255:02x}"
        return {"op": "insert", "table": "Logical_Port",
                "row": {"name": f"other{number}", "addresses": f"{mac} 10.9.{number >> 8}.{number & 255}",
                        "security_groups": ["set", groups]}}

    def _restart(self):
        """The sizes of tables are read once, at start."""
        self.small_bytes = resident(self.pid)
        if self._sessions:
            self.host.sluice_vsctl("--no-wait", "set", "Sluice", ".", f"options:max-sessions={self._sessions}")
        if self._flows:
            self.host.vsctl("--no-wait", "set", "Open_vSwitch", ".", f"other_config:flow-cache-entries={self._flows}")
        self.host.stop_switch()
        self.host.start_switch()

    def set_rules(self, count):
        """Have COUNT rules in force in place of those that were there, in one transaction; returns the seconds until it
        was committed and from then until they were in force."""
        per_group = {name: [] for name in self._names()}
        inserts = []
        for number in range(max(0, count - 4)):
            name = self._names()[number % self._n_groups]
            per_group[name].append(["named-uuid", f"r{number}"])
            inserts.append({"op": "insert", "table": "Security_Group_Rule", "uuid-name": f"r{number}",
                            "row": self.rule(name, number)})
        updates = [{"op": "update", "table": "Security_Group", "where": [["name", "==", name]],
                    "row": {"rules": ["set", rules]}} for name, rules in per_group.items()]
        _, committing, applying = self.database.apply(*inserts, *updates)
        self._rules = count
        return committing, applying

    def rule(self, group, number):
        """One of many rules, no two alike: TCP or UDP, a few ports, from a network or from a group."""
        first = 20000 + 7 * (number % 6000)
        row = {"name": f"r{number}", "direction": "ingress", "ethertype": "IPv4",
               "protocol": ("tcp", "udp")[number % 2], "port_min": first, "port_max": first + 3}
        if number % 5 == 0 and number < 6000:
            return row | {"remote_group": ["uuid", self._uuid_of(group)]}
        return row | {"remote_cidr": f"172.{16 + number % 16}.{number // 16 % 256}.0/24"}

    def check_policy(self):
        """Without it a mistake in the rows would go unnoticed, as a good figure."""
        for port in self.local_guests if self._rules else ():
            wait_until(lambda: port in self._status(port, "interface"), 10, f"policy of {port} in force",
                       [self.host.daemon.log])
            for key in ("error", "warning"):
                if self._status(port, key):
                    raise LabError(f"{port}: {self._status(port, key)}")

    def bytes_per_session(self):
        """What the process holds beyond what it held with a table of the usual size, by session; the table has all its
        memory from the start."""
        return (resident(self.pid) - self.small_bytes) / (self._sessions - USUAL_SESSIONS)

    def forget_sessions(self):
        """End all sessions, and wait until they are gone."""
        open_ones = self.count_sessions()
        if open_ones == 0:
            return
        self.host.appctl("dpctl/flush-conntrack")
        wait_until(lambda: self.count_sessions() == 0, 60, "end of all sessions", [self.host.daemon.log])
        time.sleep(RECLAIM_SECONDS + open_ones / RECLAIMED_PER_SECOND)

    def count_sessions(self):
        """How many there are."""
        return int(self.host.appctl("dpctl/ct-get-nconns").split()[-1])

    def drops(self):
        """Drops of the clients' port by reason, since the switch was started."""
        rows = (line.split() for line in self.host.appctl("drop/show", self.ports[0]).splitlines()[1:])
        return {fields[1]: int(fields[2]) for fields in rows}

    def unfetched(self):
        """Frames that it had to drop since it was started because a guest had left its ring full."""
        lines = (line.split() for port in self.ports for line in self.host.appctl("drop/show", port).splitlines()[1:])
        return sum(int(fields[2]) for fields in lines if fields[1] == "tx_queue_full")

    def _names(self):
        return [f"group{index}" for index in range(self._n_groups)]

    def _uuid_of(self, group):
        if group not in self._uuids:
            rows = self.database.transact({"op": "select", "table": "Security_Group",
                                           "where": [["name", "==", group]], "columns": ["_uuid"]})[0]["rows"]
            self._uuids[group] = rows[0]["_uuid"][1]
        return self._uuids[group]

    def _status(self, port, key):
        return self.host.sluice_vsctl("--no-wait", "--if-exists", "get", "Logical_Port", f"id-{port}", f"status:{key}")


def resident(pid):
    """Bytes of memory of a process."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def _command(text):
    return ["--", *text.split()]
