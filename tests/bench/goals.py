# SPDX-License-Identifier: Apache-2.0
"""What was wanted and what was measured."""

from dataclasses import dataclass

from .table import align

HEADER = ("goal", "workload", "measured", "wanted", "", "samples")


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
    if spread is None:
        return Result(number, workload, "no comparable samples", f">= {least:g}", None, label)
    return Result(number, workload, f"{spread.median:.3f} ({spread.low:.3f}-{spread.high:.3f})", f">= {least:g}",
                  spread.median >= least, label)


def table(results):
    """Results as text."""
    words = {True: "met", False: "missed", None: ""}
    return align([HEADER, *((one.number, one.workload, one.measured, one.wanted, words[one.met], one.label)
                            for one in results)])
