# SPDX-License-Identifier: Apache-2.0
"""A hypervisor: a network namespace with its own databases, ovsdb-server and switch."""

import json
import os
from pathlib import Path

from . import process
from .process import Daemon, LabError, wait_until

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("SLUICE_BUILD", "build")
SLUICE_VSWITCHD = BUILD / "control/sluice-vswitchd"
SLUICE_VSCTL = BUILD / "tools/vsctl/sluice-vsctl"
SLUICE_SCHEMA = ROOT / "control/schema/sluice.ovsschema"
OVS_VSWITCHD = Path("/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk")
OVS_SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
HUGEPAGES_FREE = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")
START_SECONDS = 90


def _ovs_dpdk_extra():
    """Arguments for the EAL of Debian's OVS, which does not fall back to ordinary memory by itself."""
    free = int(HUGEPAGES_FREE.read_text()) if HUGEPAGES_FREE.exists() else 0
    return "--no-pci" if free >= 512 else "--no-pci --no-huge --legacy-mem --no-shconf -m 768"


class Host:
    """Made by Lab.host().

    SWITCH is "sluice" or "ovs" (Debian's OVS with its DPDK datapath, the peer and oracle of tests). CPU_MASK is the
    hexadecimal pmd-cpu-mask. OTHER_CONFIG is more of Open_vSwitch.other_config, None for a key that shall not be set.
    """

    def __init__(self, namespace, folder, switch="sluice", cpu_mask="0x1", other_config=None):
        self.namespace = namespace
        self.dir = folder
        self.run_dir = folder / "run"
        self.log_dir = folder / "log"
        self.db_dir = folder / "db"
        self.switch = switch
        self.env = dict(os.environ, OVS_RUNDIR=str(self.run_dir), OVS_LOGDIR=str(self.log_dir),
                        OVS_DBDIR=str(self.db_dir), OVS_SYSCONFDIR=str(folder / "etc"))
        self.other_config = {"pmd-cpu-mask": cpu_mask, "dpdk-extra": "--no-pci"}
        if switch == "ovs":
            # Without a sleep it would keep a core busy for ever.
            self.other_config |= {"dpdk-init": "true", "pmd-maxsleep": "500",
                                  "per-port-memory": "true", "dpdk-extra": _ovs_dpdk_extra()}
        self.other_config |= other_config or {}
        self._addresses = []
        self.ovsdb = self._ovsdb_daemon()
        self.daemon = self._switch_daemon()

    # Daemons --------------------------------------------------------------------------------------------------------

    def _ovsdb_daemon(self):
        argv = ["ovsdb-server", self.db_dir / "conf.db"]
        if SLUICE_SCHEMA.exists():
            argv.append(self.db_dir / "sluice.db")
        argv += [f"--remote=punix:{self.run_dir}/db.sock", "--remote=db:Open_vSwitch,Open_vSwitch,manager_options",
                 "--pidfile", "--detach", "--log-file", "-vconsole:off", "-vsyslog:off"]
        return Daemon([*self.namespace.prefix(), *argv], self.run_dir / "ovsdb-server.pid",
                      self.log_dir / "ovsdb-server.log", self.env)

    def _switch_daemon(self):
        name = "sluice-vswitchd" if self.switch == "sluice" else "ovs-vswitchd"
        argv = [SLUICE_VSWITCHD if self.switch == "sluice" else OVS_VSWITCHD, f"unix:{self.run_dir}/db.sock",
                "--detach", f"--log-file={self.log_dir}/{name}.log", "-vconsole:off", "-vsyslog:off"]
        if self.switch == "sluice":
            argv.append("--pidfile")
        else:
            # The program is called ovs-vswitchd-dpdk; ovs-appctl shall find it by its usual name all the same.
            argv += [f"--pidfile={self.run_dir}/{name}.pid", f"--unixctl={self._control_socket()}"]
        return Daemon([*self.namespace.prefix(), *argv], self.run_dir / f"{name}.pid", self.log_dir / f"{name}.log",
                      self.env)

    def _control_socket(self):
        return self.run_dir / "ovs-vswitchd.ctl"

    def create_databases(self):
        """Make the folders and the empty databases, with the settings the switch starts with."""
        for folder in (self.run_dir, self.log_dir, self.db_dir, self.dir / "etc"):
            folder.mkdir()
        process.run(["ovsdb-tool", "create", self.db_dir / "conf.db", OVS_SCHEMA])
        if SLUICE_SCHEMA.exists():
            process.run(["ovsdb-tool", "create", self.db_dir / "sluice.db", SLUICE_SCHEMA])

    def start(self):
        """Start ovsdb-server, set other_config, start the switch; returns when the first configuration is applied."""
        if not self.db_dir.exists():
            self.create_databases()
        self.start_ovsdb()
        self.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".",
                   *(f"other_config:{key}={json.dumps(value)}" for key, value in self.other_config.items()
                     if value is not None))
        self.start_switch()
        return self

    def start_ovsdb(self):
        """Start ovsdb-server on the databases as they are."""
        self.ovsdb.start()

    def start_switch(self):
        """Start the switch on the configuration as it is.

        Its internal devices went with the process before; they get their addresses again, as from a host's scripts.
        """
        if not Path(self.daemon.argv[len(self.namespace.prefix())]).exists():
            raise LabError(f"{SLUICE_VSWITCHD} is not built" if self.switch == "sluice" else "no OVS with DPDK")
        self.daemon.start(START_SECONDS)
        for device, address in self._addresses:
            if self.namespace.has(device):
                self._apply_address(device, address)

    def kill_ovsdb(self):
        """End ovsdb-server as a crash would; start_ovsdb() brings it back."""
        self.ovsdb.kill()

    def kill_switch(self):
        """End the switch as a crash would; start_switch() brings it back."""
        self.daemon.kill()

    def stop_switch(self):
        """Ask the switch to exit, as its service script does."""
        self.appctl("exit", check=False)
        try:
            wait_until(lambda: not self.daemon.running, 10, "exit of the switch")
        except LabError:
            pass
        self.daemon.stop()

    def stop(self):
        """End both daemons."""
        self.daemon.stop(patience=10)
        self.ovsdb.stop()

    def log(self):
        """The log of the switch so far."""
        return self.daemon.log.read_text(errors="replace") if self.daemon.log.exists() else ""

    # Commands -------------------------------------------------------------------------------------------------------

    def run(self, argv, **options):
        """Run a command on the host, with the variables that lead OVS's tools to its daemons."""
        return self.namespace.run(argv, env=self.env, **options)

    def vsctl(self, *words, check=True):
        """Run ovs-vsctl and return its output without the last line end."""
        return self._say("ovs-vsctl", "--timeout=30", *words, check=check)

    def sluice_vsctl(self, *words, check=True):
        """Run sluice-vsctl and return its output without the last line end."""
        return self._say(SLUICE_VSCTL, "--timeout=30", *words, check=check)

    def appctl(self, *words, check=True):
        """Run ovs-appctl on the switch and return its output without the last line end."""
        target = "sluice-vswitchd" if self.switch == "sluice" else self._control_socket()
        return self._say("ovs-appctl", "-t", target, *words, check=check)

    def _say(self, *argv, check):
        return self.run(argv, check=check).stdout.rstrip("\n")

    def get(self, table, record, column):
        """A column (or column:key) of a row of the Open_vSwitch database, as text without quotes."""
        return self.vsctl("--if-exists", "get", table, record, column).strip('"')

    def sluice_insert(self, table, row):
        """Insert a row, a dict of plain JSON values, into the Sluice database and return its UUID. Does not wait."""
        operation = {"op": "insert", "table": table, "row": row}
        done = self.run(["ovsdb-client", "transact", json.dumps(["Sluice", operation])])
        answer = json.loads(done.stdout)[0]
        if "uuid" not in answer:
            raise LabError(f"insertion into {table} of {row}: {answer}")
        return answer["uuid"][1]

    # Network --------------------------------------------------------------------------------------------------------

    def add_bridge(self, name, *settings):
        """Add a bridge of the userspace datapath; SETTINGS are COLUMN=VALUE of its row."""
        self.vsctl("--may-exist", "add-br", name, "--", "set", "Bridge", name, "datapath_type=netdev", *settings)

    def give_address(self, device, address):
        """Put ADDRESS/LENGTH on a device of the host, a bridge for instance, and bring it up."""
        wait_until(lambda: self.namespace.has(device), 10, f"appearance of {device}", [self.daemon.log])
        self._addresses.append((device, address))
        self._apply_address(device, address)

    def _apply_address(self, device, address):
        self.namespace.ip(f"addr replace {address} dev {device}")
        self.namespace.ip(f"link set {device} up")

    def plug_guest(self, bridge, interface, socket, mac, *, port_id, machine_id, tag=None, mtu=None,
                   kind="dpdkvhostuserclient"):
        """Plug a guest's vhost-user socket by the commands that libvirt and os-vif run."""
        self.vsctl("--timeout=5", "--", "--may-exist", "add-port", bridge, interface, *([f"tag={tag}"] if tag else []),
                   "--", "set", "Interface", interface, f'external-ids:attached-mac="{mac}"',
                   "--", "set", "Interface", interface, f'external-ids:iface-id="{port_id}"',
                   "--", "set", "Interface", interface, f'external-ids:vm-id="{machine_id}"',
                   "--", "set", "Interface", interface, "external-ids:iface-status=active",
                   "--", "set", "Interface", interface, f"type={kind}",
                   *([f"options:vhost-server-path={socket}"] if kind == "dpdkvhostuserclient" else []))
        if mtu:
            self.vsctl("--", "set", "interface", interface, f"mtu_request={mtu}")

    def unplug_guest(self, interface):
        """Take a guest's port away by the command that libvirt runs."""
        self.vsctl("--timeout=5", "--", "--if-exists", "del-port", interface)

    def wait_link(self, interface, state="up", timeout=30):
        """Wait until an interface has a link state."""
        wait_until(lambda: self.get("Interface", interface, "link_state") == state, timeout,
                   f"link_state {state} of {interface}", [self.daemon.log])
