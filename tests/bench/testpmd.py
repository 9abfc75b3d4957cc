# SPDX-License-Identifier: Apache-2.0
"""The reference: testpmd in mac mode, which reads and writes the header of every packet and decides nothing; or in io
mode, which touches no packet."""

import re
import shutil
import subprocess

from lab.process import LabError, tail, wait_until

TESTPMD = "dpdk-testpmd"
START_SECONDS = 30
# The last table of its answer, and the line about cycles, which is not there before the first packet.
FORWARDED = re.compile(r"\+\n\n?(\s+CPU cycles.*\n)?\n?testpmd> ")
BUSY = re.compile(r"total cycles=(\d+) / total \w+ packets=(\d+)")


class Prompt:
    """A testpmd with EAL arguments and its own; its main thread sleeps at the prompt."""

    def __init__(self, log, eal, own):
        self._log = log
        # It is asked things, so it must not keep its answers in a buffer.
        self._argv = ["stdbuf", "-oL", TESTPMD, *eal, "--no-pci", "--in-memory", "--no-telemetry", "--",
                      "--interactive", *own]
        self._child = None

    @property
    def pid(self):
        """Of the process that forwards."""
        return self._child.pid

    def start(self):
        """Start it; returns when it takes commands."""
        if shutil.which(TESTPMD) is None:
            raise LabError(f"{TESTPMD} is not installed (package dpdk-dev)")
        with open(self._log, "wb") as output:
            self._child = subprocess.Popen([str(word) for word in self._argv], stdin=subprocess.PIPE, stdout=output,
                                           stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self._wait_for(lambda: "testpmd> " in self._text(), "start")
        return self

    def stop(self):
        """End it."""
        if self._child is None or self._child.poll() is not None:
            return
        try:
            self._say("quit")
            self._child.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self._child.kill()
            self._child.wait()

    def _text(self, start=0):
        return self._log.read_text(errors="replace")[start:]

    def _wait_for(self, condition, what):
        wait_until(lambda: condition() or self._child.poll() is not None, START_SECONDS, f"testpmd: {what}",
                   [self._log])
        if self._child.poll() is not None:
            raise LabError(f"testpmd: exit status {self._child.returncode}\n{tail(self._log)}")

    def _say(self, command):
        self._child.stdin.write(command + "\n")
        self._child.stdin.flush()

    def _ask(self, command, answer):
        """What it says until the pattern ANSWER is there."""
        start = len(self._text())
        self._say(command)
        self._wait_for(lambda: re.search(answer, self._text(start)), f"answer to {command}")
        return self._text(start)


class Testpmd(Prompt):
    """A testpmd that serves two vhost-user sockets; between the samples its forwarding thread sleeps too."""

    def __init__(self, lab, main_cpu, cpu, mode="mac", device_options="", options=()):
        self.name = f"testpmd {mode}"
        self.sockets = [lab.dir / f"{mode}0.sock", lab.dir / f"{mode}1.sock"]
        devices = [word for index, socket in enumerate(self.sockets)
                   for word in ("--vdev", f"net_vhost{index},iface={socket},queues=1{device_options}")]
        super().__init__(lab.dir / f"testpmd-{mode}.log",
                         ["--lcores", f"0@{main_cpu},1@{cpu}", "--main-lcore", "0", "-m", "256", *devices],
                         [f"--forward-mode={mode}", "--nb-cores=1", "--rxd=1024", "--txd=1024",
                          "--total-num-mbufs=16384", *options])

    def start(self):
        """Start it, counting cycles of bursts: two reads of the clock for each."""
        super().start()
        self._ask("set record-core-cycles on", "testpmd>")
        return self

    def busy(self):
        """Cycles that it spent on packets since forwarding began, and the packets."""
        found = BUSY.search(self._ask("show fwd stats all", FORWARDED))
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def wake(self):
        """Nothing to do: it accepts connections while its forwarding thread sleeps."""

    def forward(self):
        """Forward; both front-ends are connected by now, or very soon."""
        wait_until(self._links_up, 10, "links of testpmd up", [self._log])
        self._say("start")

    def rest(self):
        """Leave the CPU alone until the next sample."""
        self._ask("stop", "Done.")

    def settle(self):
        """It sleeps at its prompt after its start."""

    def _links_up(self):
        # The prompt that follows the table ends the answer; the one before it may be in the text already.
        rows = self._ask("show port summary all", "net_vhost1").splitlines()
        return sum(" up " in row for row in rows if "net_vhost" in row) == len(self.sockets)
