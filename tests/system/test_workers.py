# SPDX-License-Identifier: Apache-2.0
"""Two workers and their receive queues: bound to CPUs, moved under traffic without loss, shown and rebalanced.

    sluice-gen ── g0 ┐            ┌ worker on CPU 0
                     ├─ br0 ── polled by
    sluice-gen ── g1 ┘            └ worker on CPU 1
"""
import json
import os
import re
from pathlib import Path

import pytest
from lab.host import BUILD
from lab.process import Process, wait_until

MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")
PORTS = ("g0", "g1")
SHOW = "dpif-netdev/pmd-rxq-show"


@pytest.fixture(scope="module", name="host")
def two_workers(lab):
    """A host with two workers and two vhost-user ports, whose guests sluice-gen plays."""
    one = lab.host("host", cpu_mask="0x3").start()
    one.add_bridge("br0")
    for port in PORTS:
        one.vsctl("add-port", "br0", port, "--", "set", "Interface", port, "type=dpdkvhostuser")
    yield one
    assert one.daemon.running, one.log()[-2000:]


@pytest.fixture(autouse=True)
def usual_settings(host):
    """Each test begins with two workers, nothing bound, nothing rebalanced by itself."""
    unbind(host)
    host.vsctl("set", "Open_vSwitch", ".", "other_config:pmd-cpu-mask=0x3", "other_config:pmd-auto-lb=false", "--",
               "remove", "Open_vSwitch", ".", "other_config", "pmd-rxq-isolate")


class Traffic:
    """sluice-gen between the two ports as long as the block lasts or 'seconds' are over; 'report' is its result."""

    def __init__(self, host, log, seconds, *options):
        devices = [word for index, port in enumerate(PORTS) for word in
                   ("--vdev", f"net_virtio_user{index},path={host.run_dir / port},queue_size=1024,mac={MACS[index]}")]
        self._argv = [BUILD / "tools/gen/sluice-gen", "--lcores", "0@0,1@0", "--main-lcore", "0", "--no-pci",
                      "--in-memory", "--no-telemetry", "--single-file-segments", "-m", "128", *devices,
                      "--", "--bidirectional", "--flows=64", f"--seconds={seconds}", f"--mac={','.join(MACS)}", *options]
        self._log = log
        self._stopped = False
        self.report = None

    def __enter__(self):
        self._process = Process(self._argv, self._log)
        wait_until(lambda: "devices are up" in self._log.read_text() or not self._process.running, 30,
                   "start of sluice-gen", [self._log])
        return self

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                wait_until(lambda: not self._process.running, 90, "end of sluice-gen", [self._log])
        finally:
            self._process.stop()
        if kind is None and not self._stopped:
            text = self._log.read_text()
            assert self._process.status == 0, text
            self.report = json.JSONDecoder().raw_decode(text, text.index('{"flows"'))[0]

    def stop(self):
        """Enough has been seen: end it without a report."""
        self._stopped = True
        self._process.stop()

    @property
    def running(self):
        """Whether it still sends."""
        return self._process.running


def workers_of(host):
    """By core what pmd-rxq-show says: (isolated, [(port, queue)])."""
    cores = {}
    for line in host.appctl(SHOW).splitlines()[1:]:
        if heading := re.fullmatch(r"pmd thread numa_id \d+ core_id (\d+):", line):
            core = cores.setdefault(int(heading[1]), [None, []])
        elif isolated := re.fullmatch(r"  isolated : (true|false)", line):
            core[0] = isolated[1] == "true"
        elif queue := re.fullmatch(r"  port: (\S+) +queue-id: +(\d+) \(enabled\)   pmd usage: +(\d+ %|NOT AVAIL)", line):
            core[1].append((queue[1], int(queue[2])))
        else:
            assert re.fullmatch(r"  overhead: +(\d+ %|NOT AVAIL)", line), line
    return {number: (isolated, queues) for number, (isolated, queues) in cores.items()}


def core_of(host, port):
    """The core whose worker polls the port's only queue."""
    cores = [core for core, (_, queues) in workers_of(host).items() if (port, 0) in queues]
    return cores[0] if len(cores) == 1 else None


def bind(host, port, text):
    """Set pmd-rxq-affinity."""
    host.vsctl("set", "Interface", port, f'other_config:pmd-rxq-affinity="{text}"')


def unbind(host):
    """All at once: a queue that is still bound would push the others away."""
    host.vsctl(*(word for port in (*PORTS, "br0") for word in ("--", "clear", "Interface", port, "other_config")))


def await_core(host, port, core):
    """Until the port's queue is polled by the worker of that core."""
    wait_until(lambda: core_of(host, port) == core, 10, f"{port} on core {core}", [host.daemon.log])


def ring_full(host):
    """Frames that the switch dropped because sluice-gen had not fetched what was there."""
    lines = (line.split() for port in PORTS for line in host.appctl("drop/show", port).splitlines()[1:])
    return sum(int(fields[2]) for fields in lines if fields[1] == "tx_queue_full")


def test_bound_queue_has_its_core_to_itself(host):
    bind(host, "g0", "0:1")
    await_core(host, "g0", 1)
    await_core(host, "g1", 0)
    assert [isolated for isolated, _ in workers_of(host).values()] == [False, True]


def test_core_is_shared_without_isolation(host):
    host.vsctl("set", "Open_vSwitch", ".", "other_config:pmd-rxq-isolate=false")
    bind(host, "g0", "0:1")
    await_core(host, "g0", 1)
    assert not any(isolated for isolated, _ in workers_of(host).values())


def test_affinity_that_cannot_be_read_is_warned_of_and_the_rest_holds(host):
    bind(host, "g1", "nonsense,0:1,3")
    await_core(host, "g1", 1)
    assert 'pmd-rxq-affinity "nonsense,0:1,3" is not a list' in host.log()


def test_core_without_a_worker_binds_nothing(host):
    bind(host, "g0", "0:7")
    wait_until(lambda: "queue 0 cannot be bound to CPU 7" in host.log(), 10, "warning", [host.daemon.log])
    assert core_of(host, "g0") is not None
    assert not any(isolated for isolated, _ in workers_of(host).values())


def test_rebalance_by_hand_spreads_queues(host):
    everything = (*PORTS, "br0")
    for port in everything:
        bind(host, port, "0:0")
        await_core(host, port, 0)
    unbind(host)
    assert [core_of(host, port) for port in everything] == [0, 0, 0]
    answer = host.appctl("dpif-netdev/pmd-rxq-rebalance").splitlines()
    assert answer[0] == "pmd rxq rebalance requested."
    moved = re.fullmatch(r"port: (\S+) +queue-id:  0  core 0 \(\d+ %\) -> core 1 \(\d+ %\)", answer[1])[1]
    await_core(host, moved, 1)
    assert [core_of(host, port) for port in everything if port != moved] == [0, 0]
    assert "no queue would be better off elsewhere" in host.appctl("dpif-netdev/pmd-rxq-rebalance")
    assert f"queue 0 of port {moved} goes from CPU 0" in host.log()


def test_queues_and_workers_move_under_traffic_without_loss(host, tmp_path):
    before = ring_full(host)
    with Traffic(host, tmp_path / "gen.log", 8, "--pps=4000") as traffic:
        wait_until(lambda: packets(host) > 0, 30, "traffic", [host.daemon.log])
        moves = 0
        while traffic.running and moves < 12:
            for core in (0, 1):
                bind(host, "g0", f"0:{core}")
                await_core(host, "g0", core)
                bind(host, "g1", f"0:{1 - core}")
                await_core(host, "g1", 1 - core)
                moves += 1
        for mask, cores in (("0x1", {0}), ("0x2", {1}), ("0x3", {0, 1})):
            host.vsctl("set", "Open_vSwitch", ".", f"other_config:pmd-cpu-mask={mask}")
            assert set(workers_of(host)) == cores
    assert sum(traffic.report["lost"]) <= ring_full(host) - before, traffic.report
    assert sum(traffic.report["lost_at_open"]) == 0
    assert moves > 1


FIGURES = ["packets received", "packet recirculations", "avg. datapath passes per packet", "phwol hits", "mfex opt hits",
           "simple match hits", "emc hits", "smc hits", "megaflow hits", "avg. subtable lookups per megaflow hit",
           "miss with success upcall", "miss with failed upcall", "avg. packets per output batch"]
CLOCKS = ["idle cycles", "processing cycles", "avg cycles per packet", "avg processing cycles per packet"]


def figures(text):
    """By thread the names of pmd-stats-show's figures."""
    threads = {}
    for line in text.splitlines():
        if line.startswith("  "):
            names.append(line.strip().split(":")[0])
        else:
            names = threads.setdefault(line, [])
    return threads


def test_statistics_are_those_that_exporters_know(host, tmp_path):
    host.appctl("dpif-netdev/pmd-stats-clear")
    with Traffic(host, tmp_path / "gen.log", 20, "--pps=2000") as traffic:
        wait_until(lambda: packets(host) > 100, 30, "traffic", [host.daemon.log])
        wait_until(lambda: "avg processing cycles" in host.appctl("dpif-netdev/pmd-stats-show", "-pmd", "0"), 10,
                   "packets of the first worker", [host.daemon.log])
        shown = figures(host.appctl("dpif-netdev/pmd-stats-show"))
        traffic.stop()
    assert list(shown) == ["pmd thread numa_id 0 core_id 0:", "pmd thread numa_id 0 core_id 1:", "main thread:"]
    assert shown["pmd thread numa_id 0 core_id 0:"] == FIGURES + CLOCKS
    assert shown["main thread:"] == FIGURES
    assert list(figures(host.appctl("dpif-netdev/pmd-stats-show", "-pmd", "1"))) == ["pmd thread numa_id 0 core_id 1:"]
    assert host.appctl("dpif-netdev/pmd-stats-show", "-pmd", "7") == ""


def test_performance_is_shown_by_worker_and_stage(host):
    text = host.appctl("dpif-netdev/pmd-perf-show", "-nh", "-pmd", "0")
    assert re.search(r"\nMeasurement duration: \d+\.\d{3} s\n\npmd thread numa_id 0 core_id 0:\n\n"
                     r"  Iterations: +\d+  \(\d+\.\d\d us/it\)\n  - Used TSC cycles: ", text)
    stages = host.appctl("dpif-netdev/pmd-stages-show", "-pmd", "0").splitlines()
    assert [line.split()[0] for line in stages[2:]] == ["rx", "decap", "keys", "act", "miss", "tx"]
    assert host.appctl("dpif-netdev/pmd-sleep-show").splitlines()[0] == "Default max sleep: 1000 us"


def packets(host):
    """Packets received by all workers, as pmd-stats-show says."""
    return sum(int(n) for n in re.findall(r"packets received: (\d+)", host.appctl("dpif-netdev/pmd-stats-show")))


def test_load_is_balanced_by_itself(host, tmp_path):
    for port in PORTS:
        bind(host, port, "0:1")
        await_core(host, port, 1)
    unbind(host)
    log_before = len(host.log())
    host.vsctl("set", "Open_vSwitch", ".", "other_config:pmd-auto-lb=true",
               "other_config:pmd-auto-lb-load-threshold=5", "other_config:pmd-auto-lb-improvement-threshold=10")
    with Traffic(host, tmp_path / "gen.log", 60) as traffic:
        wait_until(lambda: {core_of(host, port) for port in PORTS} == {0, 1}, 50, "spread queues",
                   [host.daemon.log])
        moved = [line for line in host.log()[log_before:].splitlines() if "goes from CPU" in line]
        assert len(moved) == 1
        assert re.search(r"queue 0 of port g\d goes from CPU 1 \(busy \d+%\) to CPU 0 \(\d+%\): "
                         r"\d+% and \d+% are expected then", moved[0])
        traffic.stop()


def affinities(host):
    """The CPUs that each thread may run on, by name."""
    found = {}
    for task in Path(f"/proc/{host.daemon.pid}/task").iterdir():
        status = (task / "status").read_text()
        found[re.search(r"Name:\s+(\S+)", status)[1]] = re.search(r"Cpus_allowed_list:\s+(\S+)", status)[1]
    return found


def test_control_side_keeps_off_the_cpu_of_a_worker(host):
    host.vsctl("set", "Open_vSwitch", ".", "other_config:pmd-cpu-mask=0x2")
    cpus = affinities(host)
    assert [allowed for name, allowed in cpus.items() if name.startswith("worker")] == ["1"]
    others = {name: allowed for name, allowed in cpus.items() if not name.startswith("worker")}
    assert others and all("1" not in re.split("[,-]", allowed) for allowed in others.values()), others


@pytest.fixture(name="first_cpu_only")
def run_on_the_first_cpu_only():
    """As a service manager, or a kernel with isolcpus=, has a daemon begin."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    yield
    os.sched_setaffinity(0, before)


def test_worker_takes_a_cpu_that_the_daemon_itself_does_not_run_on(lab, first_cpu_only):
    one = lab.host("isolated", cpu_mask="0x2").start()
    cpus = affinities(one)
    assert [allowed for name, allowed in cpus.items() if name.startswith("worker")] == ["1"]
    assert {allowed for name, allowed in cpus.items() if not name.startswith("worker")} == {"0"}
    assert "not ours to use" not in one.log()
