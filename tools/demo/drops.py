# SPDX-License-Identifier: Apache-2.0
"""The drop report of a host's switch."""


def total(host, reason):
    """How many packets a host has dropped for a reason, over all ports."""
    # Columns: port, reason, packets, meaning.
    rows = (line.split(maxsplit=3) for line in host.appctl("drop/show").splitlines()[1:])
    return sum(int(row[2]) for row in rows if row[1] == reason)
