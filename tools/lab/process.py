# SPDX-License-Identifier: Apache-2.0
"""Processes of the laboratory: started, watched, logged and ended by pid."""

import os
import signal
import subprocess
import time
from pathlib import Path

POLL_SECONDS = 0.05
TAIL_LINES = 15


class LabError(Exception):
    """Something in the laboratory did not do what it should; the text is one sentence and, below it, the logs."""


def tail(path, lines=TAIL_LINES):
    """The last lines of a log, each indented; says so when there is no such file."""
    try:
        text = Path(path).read_text(errors="replace").splitlines()[-lines:]
    except OSError as error:
        return f"  ({path}: {error.strerror})"
    return f"  {path}:\n" + "\n".join("    " + line for line in text)


def wait_until(condition, timeout, what, logs=()):
    """Call CONDITION until it returns something true, which is returned.

    WHAT completes the sentence "... within N s" and LOGS are the files whose ends are shown when time is over.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise LabError("\n".join([f"{what}: not within {timeout:g} s", *(tail(log) for log in logs)]))
        time.sleep(POLL_SECONDS)


def run(argv, check=True, timeout=60, env=None, stdin=None):
    """Run a command to its end; returns subprocess.CompletedProcess with text. Raises LabError unless CHECK is off."""
    argv = [str(word) for word in argv]
    source = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=timeout, env=env,
                              check=False, **source)
    except FileNotFoundError as error:
        raise LabError(f"{argv[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(argv)}: still running after {timeout} s") from error
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: exit status {done.returncode}\n  {(done.stderr or done.stdout).strip()}")
    return done


def alive(pid):
    """Whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def end(pid, patience=5):
    """SIGTERM, and SIGKILL when that is not obeyed in PATIENCE seconds."""
    _send(pid, signal.SIGTERM)
    try:
        wait_until(lambda: not alive(pid), patience, f"end of process {pid}")
    except LabError:
        _send(pid, signal.SIGKILL)
        wait_until(lambda: not alive(pid), 10, f"death of process {pid}")


class Process:
    """A child in the foreground whose output goes to a log file."""

    def __init__(self, argv, log, env=None):
        self.argv = [str(word) for word in argv]
        self.log = Path(log)
        with open(self.log, "ab") as output:
            # Its own session: a Ctrl-C at the terminal is for us alone, and we end our children in order.
            self._child = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=output,
                                           stderr=subprocess.STDOUT, env=env, start_new_session=True)
        self.pid = self._child.pid

    @property
    def running(self):
        return self._child.poll() is None

    @property
    def status(self):
        """Exit status, or None while it runs."""
        return self._child.poll()

    def kill(self):
        """End it with SIGKILL, as a crash would."""
        self._child.kill()
        self._child.wait()

    def stop(self, patience=5):
        """End it with SIGTERM, or SIGKILL when that does not help in PATIENCE seconds."""
        self._child.terminate()
        try:
            self._child.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()


class Daemon:
    """A program that detaches itself and leaves its pid in a file."""

    def __init__(self, argv, pidfile, log, env=None):
        self.argv = [str(word) for word in argv]
        self.pidfile = Path(pidfile)
        self.log = Path(log)
        self._env = env
        self.pid = None

    def start(self, timeout=60):
        """Start it and wait until its parent process has returned, which is when it is ready."""
        output = self.log.with_suffix(".console")
        with open(output, "ab") as console:
            # A file, not a pipe: the daemon inherits it and would hold a pipe open.
            child = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
                                     env=self._env, start_new_session=True)
            try:
                status = child.wait(timeout)
            except subprocess.TimeoutExpired as error:
                self.pid = self._read_pid()
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                raise LabError(f"{self.argv[0]}: not detached after {timeout} s\n{tail(output)}\n"
                               f"{tail(self.log)}") from error
        if status != 0:
            raise LabError(f"{self.argv[0]}: exit status {status} at start\n{tail(output)}\n{tail(self.log)}")
        self.pid = self._read_pid()
        if self.pid is None:
            raise LabError(f"{self.argv[0]}: started, but {self.pidfile} holds no pid\n{tail(self.log)}")

    def _read_pid(self):
        try:
            return int(self.pidfile.read_text())
        except (OSError, ValueError):
            return None

    @property
    def running(self):
        return self.pid is not None and alive(self.pid)

    def kill(self):
        """End it with SIGKILL, as a crash would."""
        if self.running:
            _send(self.pid, signal.SIGKILL)
            wait_until(lambda: not alive(self.pid), 10, f"death of {self.argv[0]}")
        self.pid = None

    def stop(self, patience=5):
        """End it with SIGTERM, or SIGKILL when that does not help in PATIENCE seconds."""
        if self.running:
            end(self.pid, patience)
        self.pid = None
