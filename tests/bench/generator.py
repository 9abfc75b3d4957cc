# SPDX-License-Identifier: Apache-2.0
"""The traffic: one run of sluice-gen against the two sockets of a switch."""

import json
from dataclasses import dataclass

from lab.host import BUILD
from lab.process import LabError, Process, tail, wait_until

from . import cpu_time

SLUICE_GEN = BUILD / "tools/gen/sluice-gen"
# The guests that the generator plays; the second one is the server, the third one floods it where there is one.
MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03")
IPS = ("10.0.0.1", "10.0.0.2", "10.0.0.3")
UDP_PORT = 5000
# 32768 flows go to each port.
UDP_PORTS = 256
# Announcing and opening end by themselves after a while; this is beyond that.
GRACE_SECONDS = 60
# So many flows are opened in a second even when the CPUs have other work.
OPENED_PER_SECOND = 30000
RINGS = {"split": "", "packed": ",packed_vq=1"}


@dataclass(frozen=True)
class Load:
    """What is sent: flows each way (0: every packet opens one, and there are no replies), layout of the rings, frame
    size, seconds of warm-up and of the measurement, packets a second (0: as many as the rings take), and SYNs a second
    from the third guest (None: there is none; 0: as many as its ring takes)."""
    flows: int
    rings: str
    size: int
    warmup: float
    seconds: float
    pps: float = 0
    flood: float | None = None


def _argv(cpu, sockets, load):
    devices = [word for index, socket in enumerate(sockets[:2 if load.flood is None else 3]) for word in
               ("--vdev", f"net_virtio_user{index},path={socket},queue_size=1024,mac={MACS[index]}{RINGS[load.rings]}")]
    # Two threads on one CPU: the main one sleeps. More than eight memory regions would not fit vhost-user's message.
    return [SLUICE_GEN, "--lcores", f"0@{cpu},1@{cpu}", "--main-lcore", "0", "--no-pci", "--in-memory",
            "--no-telemetry", "--single-file-segments", "-m", "128", *devices,
            "--", *(["--bidirectional", f"--flows={load.flows}"] if load.flows else ["--fresh"]),
            *([f"--pps={load.pps}"] if load.pps else []), *([f"--flood={load.flood}"] if load.flood else []),
            f"--size={load.size}", f"--warmup={load.warmup}", f"--seconds={load.seconds}", f"--mac={','.join(MACS)}",
            f"--ip={','.join(IPS)}", f"--udp-port={UDP_PORT}"]


def run(cpu, switch, load, log, meanwhile=None):
    """One run on a CPU through a switch that is awake; returns what sluice-gen printed as a dict, and the part of its
    CPU that the switch had. MEANWHILE() is called when the load begins; it may take longer than the load."""
    log.unlink(missing_ok=True)
    generator = Process(_argv(cpu, switch.sockets, load), log)
    try:
        wait_until(lambda: "devices are up" in log.read_text() or not generator.running, 30,
                   "start of sluice-gen", [log])
        if generator.running:
            switch.forward()
        before = cpu_time.read(switch.pid)
        if meanwhile is not None:
            meanwhile()
        wait_until(lambda: not generator.running, load.warmup + load.seconds + GRACE_SECONDS +
                   load.flows / OPENED_PER_SECOND, "end of sluice-gen", [log])
        share = cpu_time.share(before, cpu_time.read(switch.pid))
    finally:
        generator.stop()
    if generator.status != 0:
        raise LabError(f"sluice-gen through {switch.name}: exit status {generator.status}\n{tail(log)}")
    text = log.read_text()
    report = json.JSONDecoder().raw_decode(text, text.index('{"flows"'))[0]
    return report | {"switch_cpu_share": share}
