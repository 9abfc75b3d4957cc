# SPDX-License-Identifier: Apache-2.0
"""The daemon as a process: options, files, start, end, the lock, EAL arguments, the control socket.

    lab host ── ovsdb-server ── sluice-vswitchd        one namespace, no wire to anywhere
"""
import signal
import subprocess

import pytest
from lab.host import SLUICE_VSWITCHD
from lab.lab import Lab
from lab.process import alive, wait_until


@pytest.fixture(name="lab")
def fixture_lab():
    with Lab() as lab:
        yield lab


def devices(host):
    return [line.split()[0] for line in host.run(["ip", "-br", "link"]).stdout.splitlines()]


def files(host):
    return sorted(path.name for path in host.run_dir.iterdir() if path.name.startswith("sluice"))


def with_ports(lab, **options):
    """A host with one bridge, one internal port and one vhost-user server port."""
    host = lab.host("h", **options).start()
    host.add_bridge("br0")
    host.vsctl("add-port", "br0", "i0", "--", "set", "Interface", "i0", "type=internal")
    host.vsctl("add-port", "br0", "vh0", "--", "set", "Interface", "vh0", "type=dpdkvhostuser")
    return host


def run_daemon(*argv, env=None):
    return subprocess.run([SLUICE_VSWITCHD, *argv], capture_output=True, text=True, timeout=20, env=env, check=False)


def test_version_names_ovs_version_for_start_scripts():
    done = run_daemon("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("sluice-vswitchd ")
    words = [line.split()[-1] for line in done.stdout.splitlines() if "Open vSwitch" in line]
    assert words == ["3.1.0"]  # what ovs-ctl writes to Open_vSwitch.ovs_version


def test_help_names_every_option():
    text = run_daemon("--help").stdout
    for option in ("--detach", "--pidfile", "--no-chdir", "--log-file", "--unixctl", "--mlockall", "--user",
                   "--monitor", "--verbose"):
        assert option in text


def test_wrong_usage_is_an_error():
    assert run_daemon("--nonsense").returncode == 1
    assert run_daemon("unix:/a", "unix:/b").returncode == 1


def test_detach_returns_when_the_configuration_is_applied(lab):
    host = lab.host("h")
    host.create_databases()
    host.start_ovsdb()
    host.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".", "other_config:dpdk-extra=--no-pci")
    host.vsctl("--no-wait", "add-br", "br0")
    host.start_switch()
    assert host.get("Open_vSwitch", ".", "cur_cfg") == host.get("Open_vSwitch", ".", "next_cfg")
    assert host.get("Interface", "br0", "ofport") == "65534"
    assert "br0" in devices(host)


def test_files_are_where_clients_look(lab):
    host = lab.host("h").start()
    assert files(host) == [f"sluice-vswitchd.{host.daemon.pid}.ctl", "sluice-vswitchd.pid"]
    assert (host.log_dir / "sluice-vswitchd.log").exists()


def assert_nothing_left(host, pid):
    wait_until(lambda: not alive(pid), 15, "exit of the daemon", [host.daemon.log])
    assert files(host) == []
    assert devices(host) == ["lo"]
    assert not (host.run_dir / "vh0").exists()


def test_exit_command_leaves_nothing(lab):
    host = with_ports(lab)
    pid = host.daemon.pid
    assert "i0" in devices(host) and (host.run_dir / "vh0").exists()
    host.appctl("exit")
    assert_nothing_left(host, pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_leaves_nothing(lab, number):
    host = with_ports(lab)
    pid = host.daemon.pid
    host.run(["kill", f"-{int(number)}", str(pid)])
    assert_nothing_left(host, pid)


def test_restart_keeps_port_numbers(lab):
    host = with_ports(lab)
    host.vsctl("del-port", "i0")
    host.vsctl("add-port", "br0", "i9", "--", "set", "Interface", "i9", "type=internal")
    before = [host.get("Interface", name, "ofport") for name in ("vh0", "i9")]
    host.kill_switch()
    host.start_switch()
    assert [host.get("Interface", name, "ofport") for name in ("vh0", "i9")] == before


def test_second_daemon_stands_by_and_takes_over(lab):
    host = with_ports(lab)
    second_dir = host.dir / "run2"
    second_dir.mkdir()
    env = dict(host.env, OVS_RUNDIR=str(second_dir), OVS_LOGDIR=str(second_dir))
    log = second_dir / "sluice-vswitchd.log"
    argv = [*host.namespace.prefix(), str(SLUICE_VSWITCHD), f"unix:{host.run_dir}/db.sock", "--log-file",
            "-vconsole:off", "-vsyslog:off"]
    with subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL) as second:
        try:
            text = ("another ovs-vswitchd process is running, "
                    f"disabling this process (pid {second.pid}) until it goes away")
            wait_until(lambda: log.exists() and text in log.read_text(), 10, "standing by")
            assert host.daemon.running
            host.stop_switch()
            wait_until(lambda: "i0" in devices(host), 20, "taking over", [log])
        finally:
            second.terminate()
            second.wait(10)


@pytest.mark.parametrize("extra,named", [
    ("--no-pci --bogus", "--bogus"),
    ("-h", "refused by EAL"),
    ("-l 4000", "refused by EAL"),
    ("--vdev=nosuchdriver0", "refused by EAL"),
])
def test_bad_eal_arguments_do_not_stop_it(lab, extra, named):
    host = lab.host("h", other_config={"dpdk-extra": extra}).start()
    assert "continuing with the defaults" in host.log() and named in host.log()
    assert host.get("Open_vSwitch", ".", "dpdk_initialized") == "true"
    host.add_bridge("br0")
    assert host.get("Interface", "br0", "ofport") == "65534"


def test_no_huge_alone_works(lab):
    host = lab.host("h", other_config={"dpdk-extra": "--no-pci --no-huge"}).start()
    assert "continuing with the defaults" not in host.log()
    assert host.get("Open_vSwitch", ".", "dpdk_initialized") == "true"
    assert host.get("Open_vSwitch", ".", "dpdk_version").startswith("DPDK ")


def test_without_memory_for_dpdk_every_port_says_so(lab):
    if "libasan" in subprocess.run(["ldd", SLUICE_VSWITCHD], capture_output=True, text=True, check=True).stdout:
        pytest.skip("the address sanitizer reserves more address space than this test leaves it")
    host = lab.host("h")
    host.daemon.argv = ["prlimit", "--as=600000000", *host.daemon.argv]
    host.create_databases()
    host.start_ovsdb()
    host.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".", 'other_config:dpdk-extra="--no-huge -m 512"')
    host.daemon.start()
    host.vsctl("add-br", "br0")
    assert host.get("Interface", "br0", "ofport") == "-1"
    assert host.get("Interface", "br0", "error").startswith("DPDK could not be started")
    assert host.get("Open_vSwitch", ".", "dpdk_initialized") == "false"
    for command in ("dpif/show", "dpctl/show", "dpctl/dump-flows", "drop/show", "tnl/ports/show", "tnl/neigh/show"):
        host.appctl(command)
    for command in ("dpctl/dump-conntrack", "dpctl/flush-conntrack", "dpctl/ct-get-nconns", "fdb/flush"):
        host.appctl(command, check=False)
    assert host.daemon.running


def test_sluice_database_may_come_later(lab):
    host = lab.host("h")
    host.create_databases()
    host.start_ovsdb()
    server = ["ovs-appctl", "-t", "ovsdb-server"]
    host.run([*server, "ovsdb-server/remove-db", "Sluice"])
    host.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".", "other_config:dpdk-extra=--no-pci")
    host.start_switch()
    host.add_bridge("br0")
    assert "has no Sluice database" in host.log()
    host.run([*server, "ovsdb-server/add-db", str(host.db_dir / "sluice.db")])
    host.sluice_insert("Sluice", {"next_cfg": 5})
    wait_until(lambda: host.run(["ovsdb-client", "dump", "Sluice", "Sluice", "cur_cfg"]).stdout.split()[-1] == "5", 10,
               "confirmation in the Sluice database", [host.daemon.log])


def test_policy_that_cannot_be_reached_keeps_ports_closed(lab):
    host = lab.host("h", other_config={"sluice-db": "unix:/nonexistent.sock"}).start()
    host.add_bridge("br0")
    assert host.get("Interface", "br0", "ofport") == "65534"
    assert "ports stay closed" in host.log()


def test_worker_mask_changes_live(lab):
    host = with_ports(lab, cpu_mask=None)
    for mask in ("0x1", "0x3", "nonsense", "0xf0000", "0x2"):
        host.vsctl("set", "Open_vSwitch", ".", f"other_config:pmd-cpu-mask={mask}")
    assert "names no CPU that can be used" in host.log()
    assert host.daemon.running


def test_control_socket_answers(lab):
    host = with_ports(lab)
    assert host.appctl("version").startswith("sluice-vswitchd ")
    commands = host.appctl("list-commands")
    for name in ("exit", "fdb/show", "fdb/flush", "fdb/stats-show", "dpif/show", "dpctl/show", "dpctl/dump-flows",
                 "dpctl/dump-conntrack", "dpctl/flush-conntrack", "drop/show", "tnl/ports/show", "tnl/neigh/show",
                 "vlog/set", "vlog/reopen", "coverage/show", "memory/show"):
        assert name in commands
    assert host.appctl("fdb/show", "br0").splitlines()[0] == " port  VLAN  MAC                Age"
    assert host.appctl("fdb/flush", "br0") == "table successfully flushed"
    assert "    vh0 " in host.appctl("dpif/show")
    assert host.appctl("dpctl/show").startswith("netdev@ovs-netdev:\n  lookups: hit:")
    assert host.appctl("drop/show").split()[:2] == ["port", "reason"]
    assert host.appctl("vlog/set", "bridges:file:dbg") == ""


@pytest.mark.parametrize("words,error", [
    (["fdb/show", "nope"], "no such bridge"),
    (["fdb/flush", "nope"], "no such bridge"),
    (["drop/show", "nope"], "no such port"),
    (["dpctl/dump-conntrack", "zone=x"], "failed to parse zone"),
    (["fdb/show"], '"fdb/show" command requires at least 1 arguments'),
    (["bogus"], '"bogus" is not a valid command'),
])
def test_control_socket_refuses(shared_host, words, error):
    done = shared_host.run(["ovs-appctl", "-t", "sluice-vswitchd", *words], check=False)
    assert done.returncode == 2
    assert error in done.stderr


@pytest.fixture(name="shared_host", scope="module")
def fixture_shared_host():
    with Lab() as lab:
        yield lab.host("s").start()
