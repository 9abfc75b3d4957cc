# SPDX-License-Identifier: Apache-2.0
"""A guest: QEMU with a virtio-net device on a vhost-user socket and a shell that tests can talk to."""

import base64
import os
import re
import select
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from .process import LabError, Process, tail

IMAGE = Path(os.environ.get("SLUICE_CACHE", "/var/cache/sluice")) / "guest"
BOOT_SECONDS = 60
# Emulation is slow when the two cores are busy: what the guest counts in seconds may take longer outside.
SLACK_SECONDS = 30


@dataclass
class Result:
    """What a command in a guest came to."""
    status: int
    output: str

    def __bool__(self):
        return self.status == 0


@dataclass
class Nic:
    """One network device. QEMU listens on the socket when SERVER is set (the switch has dpdkvhostuserclient)."""
    socket: str
    mac: str
    server: bool = True
    queues: int = 1


class Guest:
    """Made by Lab.guest(). The devices are eth0, eth1, ... in the order of NICS."""

    def __init__(self, namespace, folder, name, nics, memory=192, cpus=1, virtio=""):
        self.name = name
        self.nics = nics
        self.folder = folder
        self.console = folder / "console.log"
        self.log = folder / "qemu.log"
        self._namespace = namespace
        self._memory = memory
        self._cpus = cpus
        self._virtio = f",{virtio}" if virtio else ""
        self._qemu = None
        self._shell = None
        self._input = b""
        self._requests = 0

    # Life -----------------------------------------------------------------------------------------------------------

    def start(self):
        """Start QEMU and return at once, so that several guests boot together; then wait_ready()."""
        if not (IMAGE / "initrd").exists():
            raise LabError(f"no guest image in {IMAGE}: run tools/setup/guest-image.sh")
        agent = self.folder / "agent.sock"
        agent.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(agent))
            listener.listen()
            self._qemu = Process([*self._namespace.prefix(), *self._command(agent)], self.log)
            listener.settimeout(10)
            try:
                self._shell, _ = listener.accept()
            except TimeoutError as error:
                raise LabError(f"guest {self.name}: QEMU did not start\n{tail(self.log)}") from error
        self._shell.setblocking(False)
        self._input = b""

    def _command(self, agent):
        words = ["qemu-system-x86_64", "-name", self.name, "-accel", "tcg", "-M", "pc,hpet=off", "-nodefaults",
                 "-no-user-config", "-display", "none", "-no-reboot", "-smp", self._cpus, "-m", self._memory,
                 "-object", f"memory-backend-memfd,id=ram,size={self._memory}M,share=on", "-numa", "node,memdev=ram",
                 "-kernel", IMAGE / "vmlinuz", "-initrd", IMAGE / "initrd",
                 "-append", "console=ttyS0 quiet panic=-1 mitigations=off nokaslr net.ifnames=0",
                 "-chardev", f"file,id=console,path={self.console}", "-serial", "chardev:console",
                 "-chardev", f"socket,id=agent,path={agent}", "-device", "virtio-serial-pci",
                 "-device", "virtserialport,chardev=agent,name=agent"]
        # No vectors: QEMU 7.2 with TCG crashes when a vhost-user device unmasks an MSI-X vector.
        for index, nic in enumerate(self.nics):
            side = ",server=on" if nic.server else ",reconnect=1"
            multi = ",mq=on" if nic.queues > 1 else ""
            words += ["-chardev", f"socket,id=vhost{index},path={nic.socket}{side}",
                      "-netdev", f"vhost-user,id=net{index},chardev=vhost{index},queues={nic.queues}",
                      "-device",
                      f"virtio-net-pci,netdev=net{index},mac={nic.mac},romfile=,vectors=0{multi}{self._virtio}"]
        return words

    def wait_ready(self, timeout=BOOT_SECONDS):
        """Wait until the guest takes commands. It does not boot before the switch is at its socket."""
        self._line(b"ready", timeout)
        return self

    @property
    def pid(self):
        return self._qemu.pid if self._qemu else None

    @property
    def running(self):
        return self._qemu is not None and self._qemu.running

    def kill(self):
        """End QEMU as a crash would."""
        self._end(lambda: self._qemu.kill())

    def stop(self):
        """End QEMU."""
        self._end(lambda: self._qemu.stop())

    def _end(self, action):
        if self._qemu is not None:
            action()
        if self._shell is not None:
            self._shell.close()
        self._qemu = self._shell = None

    def restart(self):
        """Start QEMU anew on the same sockets and wait until the guest takes commands. Addresses are gone."""
        self.stop()
        self.start()
        return self.wait_ready()

    # Commands -------------------------------------------------------------------------------------------------------

    def run(self, script, timeout=10, check=False):
        """Run a shell script in the guest, at most TIMEOUT of its seconds long (then status 143)."""
        self._requests += 1
        script = base64.b64encode(script.encode()).decode()
        self._send(f"{self._requests} {timeout} {script}\n".encode())
        line = self._line(b"done %d " % self._requests, timeout + SLACK_SECONDS)
        fields = line.split()
        output = base64.b64decode(fields[3]).decode(errors="replace") if len(fields) > 3 else ""
        result = Result(int(fields[2]), output)
        if check and not result:
            script = base64.b64decode(script).decode()
            raise LabError(f"guest {self.name}: exit status {result.status} of: {script}\n  {output.strip()}")
        return result

    def _send(self, request):
        if self._shell is None:
            raise LabError(f"guest {self.name} is not running")
        self._shell.setblocking(True)
        try:
            self._shell.sendall(request)
        except OSError as error:
            raise LabError(f"guest {self.name} is gone\n{tail(self.log)}\n{tail(self.console)}") from error
        finally:
            self._shell.setblocking(False)

    def _line(self, start, timeout):
        """The next line that begins with START."""
        deadline = time.monotonic() + timeout
        while True:
            while b"\n" in self._input:
                line, self._input = self._input.split(b"\n", 1)
                if line.startswith(start):
                    return line
            left = deadline - time.monotonic()
            if left <= 0:
                raise LabError(f"guest {self.name}: no answer within {timeout} s\n{tail(self.log)}\n"
                               f"{tail(self.console)}")
            if select.select([self._shell], [], [], left)[0]:
                read = self._shell.recv(1 << 16)
                if not read:
                    raise LabError(f"guest {self.name}: QEMU ended with status {self._qemu.status}\n"
                                   f"{tail(self.log)}\n{tail(self.console)}")
                self._input += read

    # Network --------------------------------------------------------------------------------------------------------

    def configure(self, ipv4=None, ipv6=None, mtu=None, device="eth0"):
        """Bring a device up with addresses given as ADDRESS/LENGTH."""
        script = ["set -e"]
        if mtu:
            script.append(f"ip link set {device} mtu {mtu}")
        script.append(f"ip link set {device} up")
        script += [f"ip addr add {address} dev {device}" for address in (ipv4, ipv6) if address]
        self.run("\n".join(script), check=True)

    def ping(self, address, count=3, wait=1, size=56, source=None):
        """How many of COUNT echo requests were answered; IPv4 and IPv6."""
        family = "-6" if ":" in address else "-4"
        origin = f"-I {source}" if source else ""
        result = self.run(f"ping {family} -A -n -c {count} -W {wait} -s {size} {origin} {address}",
                          timeout=count * wait + 5)
        match = re.search(r"(\d+) packets received", result.output)
        return int(match[1]) if match else 0

    def arping(self, address, count=3, source=None, device="eth0"):
        """How many of COUNT ARP requests were answered."""
        origin = f"-s {source}" if source else ""
        result = self.run(f"arping -b -c {count} -w {count + 1} {origin} -I {device} {address}", timeout=count + 5)
        match = re.search(r"Received (\d+) resp", result.output)
        return int(match[1]) if match else 0

    def echoes_received(self):
        """How many IPv4 echo requests have arrived since the guest started."""
        output = self.run("grep ^Icmp: /proc/net/snmp", check=True).output
        names, values = (line.split() for line in output.splitlines())
        return int(values[names.index("InEchos")])

    def serve_tcp(self, port, text):
        """Answer every connection to a port with a line of text, until the guest ends."""
        self.run(f"nc -ll -p {port} -e /bin/echo {text} >/dev/null 2>&1 &\n"
                 f"until netstat -ltn | grep -q ':{port} '; do usleep 20000; done", check=True)

    def connect_tcp(self, address, port, wait=3):
        """The text a TCP server sends on connecting, or None when there is no connection in WAIT seconds."""
        result = self.run(f"nc -w {wait} {address} {port} </dev/null", timeout=wait + 5)
        return result.output.strip() if result else None

    def use_mac(self, mac, device="eth0"):
        """Change the link address; IPv4 addresses stay."""
        self.run(f"ip link set {device} down && ip link set {device} address {mac} && ip link set {device} up",
                 check=True)
