# SPDX-License-Identifier: Apache-2.0
"""The cases by name, in the order in which they are measured."""

from .connections import ConnectionCount, ConnectionRate
from .flood import Flood
from .frame_sizes import FrameSizes
from .idle import Idle
from .latency import Latency
from .no_loss import NoLoss
from .reconfiguration import Reconfiguration
from .rules import Rules
from .throughput import Throughput
from .tso import Tso
from .tunnels import Tunnels
from .updates import Updates
from .workers import Workers

CASES = {"throughput": Throughput, "frame-sizes": FrameSizes, "tunnels": Tunnels, "rule-scale": Rules,
         "connection-rate": ConnectionRate, "connection-count": ConnectionCount, "update-time": Updates,
         "syn-flood": Flood, "tso": Tso, "latency": Latency, "no-loss": NoLoss, "reconfiguration": Reconfiguration,
         "two-workers": Workers, "idle": Idle}
# What the shares of the cases are shares of.
TABLE_MINUTES = 15
SMOKE_SECONDS = 8


def budget(name, options):
    """Seconds that a case is expected to take."""
    return SMOKE_SECONDS if options.smoke else CASES[name].seconds * options.minutes / TABLE_MINUTES
