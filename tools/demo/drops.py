# SPDX-License-Identifier: Apache-2.0
"""The drop report of a host's switch."""

import re


def total(host, reason):
    """How many packets a host has dropped for a reason, over all ports."""
    lines = host.appctl("drop/show").splitlines()
    return sum(int(line.split()[-1]) for line in lines if re.search(rf"\b{reason}\b.*\s\d+$", line))
