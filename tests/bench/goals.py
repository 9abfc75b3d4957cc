# SPDX-License-Identifier: Apache-2.0
"""What was wanted and what was measured."""

from dataclasses import dataclass

from .table import align

HEADER = ("goal", "workload", "measured", "wanted", "", "samples")
# What is said of a goal that no result is of.
GOALS = {
    "P1": "guest to guest without policy, share of mac",
    "P2": "stateful groups on both ports, share of mac",
    "P3": "policy tax: groups by L2",
    "P4": "VXLAN and GENEVE with groups, share of untunnelled",
    "P5": "new UDP connections, by mac's packets",
    "P6": "connections at once, memory each",
    "P7": "one rule of many changed: commit to enforced",
    "P8": "many rules loaded at once",
    "P9": "TSO frames passed through, share of testpmd io",
    "P10": "latency p99 at half of the no-loss rate, by mac's",
    "P11": "two workers by one",
    "P12": "idle switch, part of a CPU",
    "P13": "reconfiguration at 80 % load: time blocked",
}


@dataclass(frozen=True)
class Result:
    """A figure beside its goal. NUMBER is P1 and so on, empty for what has no goal; MET is None where that cannot be
    told."""
    number: str
    workload: str
    measured: str
    wanted: str = "-"
    met: bool | None = None
    label: str = ""


def at_least(number, workload, spread, least, label):
    """The result of a ratio that is to be at least LEAST; its median decides. SPREAD may be None."""
    return _compared(number, workload, spread, f">= {least:g}", label, lambda median: median >= least)


def at_most(number, workload, spread, most, label):
    """The same for one that is to be at most MOST."""
    return _compared(number, workload, spread, f"<= {most:g}", label, lambda median: median <= most)


def _compared(number, workload, spread, wanted, label, met):
    if spread is None:
        return Result(number, workload, "no comparable samples", wanted, None, label)
    return Result(number, workload, f"{spread.median:.3f} ({spread.low:.3f}-{spread.high:.3f})", wanted,
                  met(spread.median), label)


def table(results):
    """Results as text, by goal; those without a goal come last."""
    found = [one for number in [*GOALS, ""]
             for one in [*(one for one in results if one.number == number)] or _missing(number)]
    words = {True: "met", False: "missed", None: ""}
    return align([HEADER, *((one.number, one.workload, one.measured, one.wanted, words[one.met], one.label)
                            for one in found)])


def _missing(number):
    return [Result(number, GOALS[number], "not measured")] if number else []
