# SPDX-License-Identifier: Apache-2.0
"""sluice-appctl prints, says and returns what ovs-appctl does, against the control socket of a real ovsdb-server."""
import pytest


@pytest.mark.parametrize("line", [
    "version",
    "list-commands",
    "vlog/set ANY:file:info",
    "vlog/set nonsense",
    "vlog/list",
    "nonsense",
    "version too many arguments",
    "ovsdb-server/list-dbs",
    "-e ovsdb-server/list-dbs",
    "-T 5 ovsdb-server/list-dbs",
    "--timeout=5 ovsdb-server/list-dbs",
    "-T 0 version",
    "-T x version",
    "--nonsense version",
    "-t other version",
    "",
])
def test_same_as_ovs_appctl(server, line):
    target = ["-t", f"{server.dir}/ctl"]
    expected = server.appctl(*target, *line.split(), program="ovs-appctl")
    actual = server.appctl(*target, *line.split())
    assert actual.exact() == expected.exact()


def test_target_is_found_by_pidfile(server):
    pid = (server.dir / "ovsdb-server.pid").read_text().strip()
    (server.dir / f"ovsdb-server.{pid}.ctl").symlink_to(server.dir / "ctl")
    outcome = server.appctl("-t", "ovsdb-server", "ovsdb-server/list-dbs")
    assert (outcome.status, outcome.out) == (0, "Open_vSwitch\nSluice\n_Server\n")


def test_default_target_is_the_switch(server):
    outcome = server.appctl("version")
    assert outcome.status == 1
    assert outcome.err.splitlines()[-1] == \
        f'PROGRAM: cannot read pidfile "{server.dir}/sluice-vswitchd.pid" (No such file or directory)'


def test_socket_that_nobody_serves(server):
    expected = server.appctl("-t", "/nonexistent", "version", program="ovs-appctl")
    actual = server.appctl("-t", "/nonexistent", "version")
    assert actual.status == 1
    assert actual.err.splitlines()[-1] == expected.err.splitlines()[-1]


def test_server_error_is_exit_status_2(server):
    assert server.appctl("-t", f"{server.dir}/ctl", "nonsense").status == 2
