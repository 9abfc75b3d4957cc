# SPDX-License-Identifier: Apache-2.0
"""What a switch takes from its host that has nothing to forward (P12)."""

import time

from . import cpu_time, goals
from .case import Case
from .sampler import say
from .sluice import Sluice
from .testpmd import Prompt

PORTS = 10
SECONDS = 10
SMOKE_SECONDS = 0.5
# Workers sleep longer and longer; after so long they are as idle as they get.
SETTLE_SECONDS = 1
MOST = 0.02


class Idle(Case):
    """Two workers and ten guests that are connected and silent."""

    seconds = 17

    def __init__(self, lab, sampler, options):
        super().__init__(lab, sampler, options)
        self._seconds = SMOKE_SECONDS if options.smoke else SECONDS
        self._switch = Sluice(lab, "l2", sampler.cpus[1], ports=PORTS, mask=0x3)
        self._guests = _guests(lab, sampler.cpus[0], self._switch.sockets)
        self._share = self._workers = 0.0

    def run(self):
        say(f"  starting {self._switch.name} with {PORTS} guests")
        self._switch.start()
        self.lab.defer(self._guests.stop)
        self._guests.start()
        for port in self._switch.ports:
            self._switch.host.wait_link(port)
        time.sleep(SETTLE_SECONDS)
        before, start = cpu_time.read(self._switch.pid), time.monotonic()
        time.sleep(self._seconds)
        self._share = cpu_time.ran(before, cpu_time.read(self._switch.pid)) / (time.monotonic() - start) / 1e9

    def text(self):
        return f"all threads of an idle switch: {self._share:.2%} of a CPU over {self._seconds:g} s"

    def results(self):
        return [goals.Result("P12", f"idle, 2 workers, {PORTS} guests: part of a CPU", f"{self._share:.2%}",
                             f"<= {MOST:.0%}", self._share <= MOST)]


def _guests(lab, cpu, sockets):
    """Guests that are there and send nothing: a testpmd that does not forward."""
    devices = [word for index, socket in enumerate(sockets)
               for word in ("--vdev", f"net_virtio_user{index},path={socket},queue_size=256")]
    return Prompt(lab.dir / "guests.log", ["--lcores", f"0@{cpu},1@{cpu}", "--main-lcore", "0", "-m", "128",
                                           "--single-file-segments", *devices],
                  ["--nb-cores=1", "--total-num-mbufs=16384"])
