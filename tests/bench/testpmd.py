# SPDX-License-Identifier: Apache-2.0
"""The reference: testpmd in mac mode, which reads and writes the header of every packet and decides nothing."""

import shutil
import subprocess

from lab.process import LabError, tail, wait_until

TESTPMD = "dpdk-testpmd"
START_SECONDS = 30


class Testpmd:
    """A testpmd that serves two vhost-user sockets. Its main thread sleeps at the prompt; between the samples its
    forwarding thread sleeps too."""

    name = "testpmd mac"

    def __init__(self, lab, main_cpu, cpu):
        self._log = lab.dir / "testpmd.log"
        self.sockets = [lab.dir / "mac0.sock", lab.dir / "mac1.sock"]
        # It is asked things, so it must not keep its answers in a buffer.
        self._argv = ["stdbuf", "-oL", TESTPMD, "--lcores", f"0@{main_cpu},1@{cpu}", "--main-lcore", "0", "--no-pci",
                      "--in-memory", "--no-telemetry", "-m", "256",
                      *(word for index, socket in enumerate(self.sockets)
                        for word in ("--vdev", f"net_vhost{index},iface={socket},queues=1")),
                      "--", "--interactive", "--forward-mode=mac", "--nb-cores=1", "--rxd=1024", "--txd=1024",
                      "--total-num-mbufs=16384"]
        self._child = None

    @property
    def pid(self):
        """Of the process that forwards."""
        return self._child.pid

    def start(self):
        """Start it; returns when it listens."""
        if shutil.which(TESTPMD) is None:
            raise LabError(f"{TESTPMD} is not installed (package dpdk-dev)")
        with open(self._log, "wb") as output:
            self._child = subprocess.Popen([str(word) for word in self._argv], stdin=subprocess.PIPE, stdout=output,
                                           stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self._wait_for(lambda: all(socket.exists() for socket in self.sockets) and "testpmd> " in self._text(), "start")
        return self

    def wake(self):
        """Nothing to do: it accepts connections while its forwarding thread sleeps."""

    def forward(self):
        """Forward; both front-ends are connected by now, or very soon."""
        wait_until(self._links_up, 10, "links of testpmd up", [self._log])
        self._say("start")

    def rest(self):
        """Leave the CPU alone until the next sample."""
        self._ask("stop", "Done.")

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
        start = len(self._text())
        self._say(command)
        self._wait_for(lambda: answer in self._text(start), f"answer to {command}")
        return self._text(start)

    def _links_up(self):
        # The prompt that follows the table ends the answer; the one before it may be in the text already.
        rows = self._ask("show port summary all", "net_vhost1").splitlines()
        return sum(" up " in row for row in rows if "net_vhost" in row) == len(self.sockets)
