# SPDX-License-Identifier: Apache-2.0
"""The laboratory: owns everything that is started and takes it down in reverse, however the work ends."""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from . import netns
from .guest import Guest
from .host import Host
from .process import LabError, alive

# Short, because socket paths are limited to 107 characters.
FOLDER = Path("/tmp")
# Its presence in a laboratory's folder keeps the folder.
KEEP = "keep"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Lab:
    """Used with "with". Names are unique in one laboratory and short: they become parts of socket paths."""

    def __init__(self, keep_files=False):
        self._undo = []
        self._keep_files = keep_files
        netns.sweep()
        _sweep_folders()
        self.dir = Path(tempfile.mkdtemp(prefix=f"sluice-{os.getpid()}-", dir=FOLDER))
        if keep_files:
            (self.dir / KEEP).touch()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def defer(self, action):
        """Remember an action for the end; the last one remembered runs first."""
        self._undo.append(action)

    def namespace(self, name):
        """A new network namespace."""
        space = netns.Namespace(name)
        self.defer(space.remove)
        return space

    def host(self, name, **options):
        """A new host, not started; options as of Host."""
        host = Host(self.namespace(name), self._folder(name), **options)
        self.defer(host.stop)
        return host

    def guest(self, name, host, **options):
        """A new guest on a host, not started; options as of Guest."""
        guest = Guest(host.namespace, self._folder(name), name, **options)
        self.defer(guest.stop)
        return guest

    def _folder(self, name):
        folder = self.dir / name
        folder.mkdir()
        return folder

    def close(self):
        """Take everything down. What fails is reported and does not keep the rest from being done."""
        old = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
        while self._undo:
            action = self._undo.pop()
            try:
                action()
            except (LabError, OSError) as error:
                print(f"lab: clean-up: {error}", file=sys.stderr)
        if not self._keep_files:
            shutil.rmtree(self.dir, ignore_errors=True)
        for number, handler in old.items():
            signal.signal(number, handler)


def _sweep_folders():
    """Remove what laboratories that were killed have left in /tmp, unless they were to keep it."""
    for folder in FOLDER.glob("sluice-[0-9]*-*"):
        owner = folder.name.split("-")[1]
        if owner.isdigit() and not alive(int(owner)) and not (folder / KEEP).exists():
            shutil.rmtree(folder, ignore_errors=True)


def end_on_signals():
    """Make SIGINT, SIGTERM and SIGHUP raise SystemExit, so that every "with Lab()" cleans up."""
    def leave(number, frame):
        raise SystemExit(128 + number)

    for number in SIGNALS:
        signal.signal(number, leave)
