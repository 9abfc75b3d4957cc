# SPDX-License-Identifier: Apache-2.0
"""The traffic: one run of sluice-gen against the sockets of a switch."""

import json
import re

from lab.host import BUILD
from lab.process import LabError, Process, tail, wait_until

from . import cpu_time

SLUICE_GEN = BUILD / "tools/gen/sluice-gen"
MEMORY_MIB = 128
# Frames of 64 KB take many buffers.
GSO_MEMORY_MIB = 256


def _argv(cpu, sockets, load):
    # Two threads on one CPU: the main one sleeps. More than eight memory regions would not fit vhost-user's message.
    return [SLUICE_GEN, "--lcores", f"0@{cpu},1@{cpu}", "--main-lcore", "0", "--no-pci", "--in-memory",
            "--no-telemetry", "--single-file-segments", "-m", str(GSO_MEMORY_MIB if load.gso else MEMORY_MIB),
            *load.devices(sockets), "--", *load.words()]


def run(cpu, switch, load, log, meanwhile=None, watch=lambda: None):
    """One run on a CPU through a switch that is awake; returns what sluice-gen printed as a dict, and the part of its
    CPU that the switch had. MEANWHILE() is called when the load begins; it may take longer than the load. WATCH() is
    called again and again until its end."""
    log.unlink(missing_ok=True)
    generator = Process(_argv(cpu, switch.sockets, load), log)

    def over():
        watch()
        return not generator.running

    try:
        wait_until(lambda: "devices are up" in log.read_text() or not generator.running, 30,
                   "start of sluice-gen", [log])
        if generator.running:
            switch.forward()
        before = cpu_time.read(switch.pid)
        if meanwhile is not None:
            meanwhile()
        wait_until(over, load.longest, "end of sluice-gen", [log])
        share = cpu_time.share(before, cpu_time.read(switch.pid))
    finally:
        generator.stop()
    if generator.status != 0:
        raise LabError(f"sluice-gen through {switch.name}: exit status {generator.status}\n{tail(log)}")
    return _report(log) | {"switch_cpu_share": share}


def _report(log):
    """The JSON object among what it said."""
    text = log.read_text()
    start = re.search(r"^\{", text, re.MULTILINE)
    if start is None:
        raise LabError(f"sluice-gen printed no result\n{tail(log)}")
    return json.JSONDecoder().raw_decode(text, start.start())[0]
