# SPDX-License-Identifier: Apache-2.0
"""Cycles that the busy worker spends on a packet, read from the switch while a load runs."""

import json
import re
import socket
import time

# Readings closer together say little, and each takes a little time from the generator's CPU.
READ_EVERY_SECONDS = 0.25
TIMEOUT_SECONDS = 5
BUSY = re.compile(r"avg processing cycles per packet:\s*[\d.]+\s*\((\d+)/(\d+)\)")


def ask(path, method, *words):
    """The answer to a command on the control socket of a switch, None when it refuses."""
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(TIMEOUT_SECONDS)
        control.connect(str(path))
        control.sendall(json.dumps({"method": method, "params": words, "id": 0}).encode())
        text = ""
        while piece := control.recv(1 << 16):
            text += piece.decode()
            try:
                return json.loads(text).get("result")
            except ValueError:
                continue  # not whole yet
    return None


def busy(path):
    """Processing cycles and packets of all workers together, by pmd-stats-show on a control socket; None when it does not
    know that."""
    try:
        text = ask(path, "dpif-netdev/pmd-stats-show")
    except OSError:
        text = None
    if text is None:
        return None
    found = BUSY.findall(text)
    return sum(int(cycles) for cycles, _ in found), sum(int(packets) for _, packets in found)


class Watch:
    """Collects readings of a switch; of a pair of neighbours the one with most packets in its time counts, so that
    the opening of flows and the end do not."""

    def __init__(self, switch):
        self._busy = switch.busy
        self._readings = []
        self._next = 0.0

    def look(self, at_once=False):
        """Take a reading when it is time for one, or AT_ONCE: iterations without packets do not count."""
        now = time.monotonic()
        if self._busy is None or (now < self._next and not at_once):
            return
        self._next = now + READ_EVERY_SECONDS
        answer = self._busy()
        if answer is None:
            self._busy = None  # it does not say
        else:
            self._readings.append((now, *answer))

    def per_packet(self):
        """Cycles a packet, None when the switch does not say."""
        spans = [((packets - old_packets) / (now - then), (cycles - old_cycles) / (packets - old_packets))
                 for (then, old_cycles, old_packets), (now, cycles, packets) in
                 zip(self._readings, self._readings[1:]) if packets > old_packets]
        return max(spans)[1] if spans else None
