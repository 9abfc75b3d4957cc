# SPDX-License-Identifier: Apache-2.0
"""Real ovsdb-servers in private directories, and the two programs that are compared on them."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", ROOT / "build"))
OVS_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
SLUICE_SCHEMA = ROOT / "control/schema/sluice.ovsschema"
VSCTL = BUILD / "tools/vsctl/sluice-vsctl"
APPCTL = BUILD / "tools/appctl/sluice-appctl"
OVS_VSCTL = "ovs-vsctl"
READS = re.compile(r"show|list|find|get|\w+-to-|\w+-get-|br-exists")  # commands that change nothing
LIMIT = 20  # seconds that any one program may take before it counts as stuck


class Outcome:
    """What a program printed and how it ended, without what differs between two runs that mean the same."""

    def __init__(self, program, process):
        self.status = process.returncode
        self.out = process.stdout
        name = pathlib.Path(program).name
        self.err = process.stderr.replace(f"{program}:", "PROGRAM:").replace(f"{name}:", "PROGRAM:")

    def exact(self):
        return (self.status, self.out, mask(self.err))

    def on_any_database(self):
        """Rows come in the order of their UUIDs, which are different in every database."""
        return (self.status, sorted(mask(self.out).splitlines()), mask(self.err))


def mask(text):
    """Replace UUIDs, and the time and number of log lines."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    return re.sub(r"^\S+Z\|\d+\|\w+\|", "LOG|", text, flags=re.M)


def run(program, argv, rundir):
    env = dict(os.environ, OVS_RUNDIR=str(rundir), OVS_LOGDIR=str(rundir), LC_ALL="C")
    env.pop("OVS_CTL_TIMEOUT", None)
    process = subprocess.run([str(program), *argv], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             timeout=LIMIT, check=False)
    return Outcome(program, process)


class Server:
    """An ovsdb-server with empty databases Open_vSwitch and Sluice in a directory of its own."""

    def __init__(self, with_sluice=True):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sluice-compat-"))
        self.remote = f"unix:{self.dir}/db.sock"
        databases = [self._create("conf.db", OVS_SCHEMA)]
        if with_sluice:
            databases.append(self._create("sluice.db", SLUICE_SCHEMA))
        outcome = run("ovsdb-server", ["--detach", "--no-chdir", f"--pidfile={self.dir}/ovsdb-server.pid",
                                       f"--log-file={self.dir}/ovsdb-server.log", f"--unixctl={self.dir}/ctl",
                                       f"--remote=p{self.remote}", "-vconsole:off", *databases], self.dir)
        assert outcome.status == 0, outcome.err

    def _create(self, name, schema):
        path = str(self.dir / name)
        subprocess.run(["ovsdb-tool", "create", path, str(schema)], check=True, timeout=LIMIT)
        return path

    def vsctl(self, *argv, program=VSCTL, wait=False):
        """Run sluice-vsctl, or another program of its kind, against this server."""
        return run(program, [f"--db={self.remote}", *([] if wait else ["--no-wait"]), *argv], self.dir)

    def appctl(self, *argv, program=APPCTL):
        return run(program, argv, self.dir)

    def stop(self):
        run("ovs-appctl", ["-t", f"{self.dir}/ctl", "exit"], self.dir)
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture
def server():
    one = Server()
    yield one
    one.stop()


class Pair:
    """The same commands through ovs-vsctl and sluice-vsctl, each on a database of its own."""

    def __init__(self):
        self.theirs = Server(with_sluice=False)
        self.ours = Server()

    def check(self, *argv):
        """Run the command line through both; what they print and return must mean the same. Returns ours."""
        expected = self.theirs.vsctl(*argv, program=OVS_VSCTL)
        actual = self.ours.vsctl(*argv)
        assert actual.on_any_database() == expected.on_any_database(), f"command line: {argv}"
        if READS.match(next((word for word in argv if word[0:1] != "-"), "")) and "--" not in argv:
            self.check_on_ours(*argv)
        return actual

    def check_on_ours(self, *argv):
        """Both programs print exactly the same of the database that sluice-vsctl has written."""
        expected = self.ours.vsctl(*argv, program=OVS_VSCTL)
        actual = self.ours.vsctl(*argv)
        assert actual.exact() == expected.exact(), f"command line: {argv}"

    def check_all(self, script):
        """check() each line of a script; words are separated by blanks."""
        for line in script.strip().splitlines():
            self.check(*line.split())

    def stop(self):
        self.theirs.stop()
        self.ours.stop()


@pytest.fixture
def pair():
    both = Pair()
    yield both
    both.stop()
