# SPDX-License-Identifier: Apache-2.0
"""Network namespaces and the veth pairs between them."""

import os
import re
from pathlib import Path

from . import process

FOLDER = Path("/run/netns")


class Namespace:
    """A network namespace of this process, named sluice-<pid>-<name>, so that two runs never meet."""

    def __init__(self, name):
        self.name = f"sluice-{os.getpid()}-{name}"
        process.run(["ip", "netns", "add", self.name])
        self.run(["ip", "link", "set", "lo", "up"])

    def prefix(self):
        """The words that make a command run inside."""
        return ["ip", "netns", "exec", self.name]

    def run(self, argv, **options):
        """Run a command inside; arguments and result as of process.run."""
        return process.run([*self.prefix(), *argv], **options)

    def ip(self, *words):
        """Run "ip WORDS" inside, with the words of one argument split at blanks."""
        return self.run(["ip", *" ".join(words).split()])

    def mac(self, device):
        """The link address of a device inside."""
        return self.run(["cat", f"/sys/class/net/{device}/address"]).stdout.strip()

    def has(self, device):
        """Whether there is such a device inside."""
        return self.run(["ip", "link", "show", device], check=False).returncode == 0

    def remove(self):
        """End what still runs inside, then the namespace."""
        _end_processes(self.name)
        process.run(["ip", "netns", "delete", self.name], check=False)


def veth(left, left_name, right, right_name, mtu=1500):
    """Join two namespaces by a veth pair, both ends up.

    Checksums and segments are finished by the sender: a switch that reads raw frames gets what a NIC would deliver.
    """
    process.run(["ip", "link", "add", left_name, "netns", left.name, "mtu", mtu,
                 "type", "veth", "peer", "name", right_name, "netns", right.name, "mtu", mtu])
    for space, name in ((left, left_name), (right, right_name)):
        space.run(["ethtool", "-K", name, "tx", "off", "tso", "off", "gso", "off", "gro", "off"])
        space.run(["ip", "link", "set", name, "up"])


def sweep():
    """Remove the namespaces, and what runs in them, of laboratories whose process was killed before it could."""
    if not FOLDER.is_dir():
        return
    for entry in FOLDER.iterdir():
        match = re.fullmatch(r"sluice-(\d+)-.*", entry.name)
        if match and not process.alive(int(match[1])):
            _end_processes(entry.name)
            process.run(["ip", "netns", "delete", entry.name], check=False)


def _end_processes(name):
    listed = process.run(["ip", "netns", "pids", name], check=False).stdout
    for pid in listed.split():
        process.end(int(pid))
