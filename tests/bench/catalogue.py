# SPDX-License-Identifier: Apache-2.0
"""The cases by name, in the order in which they are measured."""

from .connections import ConnectionCount, ConnectionRate
from .flood import Flood
from .frame_sizes import FrameSizes
from .idle import Idle
from .reconfiguration import Reconfiguration
from .rules import Rules
from .throughput import Throughput
from .updates import Updates

CASES = {"throughput": Throughput, "frame-sizes": FrameSizes, "rule-scale": Rules, "connection-rate": ConnectionRate,
         "connection-count": ConnectionCount, "update-time": Updates, "syn-flood": Flood,
         "reconfiguration": Reconfiguration, "idle": Idle}
# What the shares of the cases are shares of.
TABLE_MINUTES = 15
SMOKE_SECONDS = 8


def budget(name, options):
    """Seconds that a case is expected to take."""
    return SMOKE_SECONDS if options.smoke else CASES[name].seconds * options.minutes / TABLE_MINUTES
