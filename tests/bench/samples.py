# SPDX-License-Identifier: Apache-2.0
"""Samples, and what may be said of them: medians of like with like."""

import statistics
from dataclasses import dataclass, field

# Samples with these labels may be compared with each other, the first by preference; mixed and disturbed ones never.
COMPARABLE = ("near", "far")


@dataclass(frozen=True)
class Sample:
    """One measurement: millions of packets received per second, the round trips before and after it in ns, and cycles
    a packet of the busy worker (None: the switch does not say). WORKLOAD and X are what the load calls itself."""
    case: str
    workload: str
    x: float | str | None
    rings: str
    flows: int
    round: int
    mpps: float
    before: float
    after: float
    label: str
    cycles: float | None = None
    report: dict = field(repr=False, default_factory=dict)


@dataclass(frozen=True)
class Spread:
    """Median and extremes of some figures."""
    median: float
    low: float
    high: float
    count: int

    @staticmethod
    def of(figures):
        """The spread of a list, None for an empty one."""
        return Spread(statistics.median(figures), min(figures), max(figures), len(figures)) if figures else None


@dataclass(frozen=True)
class Line:
    """What is quoted of one switch under one workload: rate, and ratio to the reference of the same round (None for
    the reference itself), with LABEL alike. LATENCY is the spreads of p50, p99 and p99.9 in ns."""
    case: str
    workload: str
    x: float | str | None
    rings: str
    label: str
    mpps: Spread
    ratio: Spread | None
    ring_full: float | None
    cycles: float | None = None
    latency: dict | None = None
    gbps: float | None = None


def pairs(samples, case, reference, label):
    """Samples of CASE with those of REFERENCE in the same round, both with LABEL. The samples are of one workload."""
    references = {sample.round: sample for sample in samples if sample.case == reference and sample.label == label}
    return [(sample, references[sample.round]) for sample in samples
            if sample.case == case and sample.label == label and sample.round in references]


def rate(sample):
    """What is compared usually."""
    return sample.mpps


def ratios(samples, case, reference, figure=rate):
    """The ratios of CASE to REFERENCE over the samples of one workload, as a Spread, and their label; of near ones, or
    far ones if there are none. (None, "") when neither are. FIGURE() gives what is compared of a sample."""
    for label in COMPARABLE:
        found = [figure(sample) / figure(other) for sample, other in pairs(samples, case, reference, label)
                 if figure(other) > 0]
        if found:
            return Spread.of(found), f"{len(found)} {label}"
    return None, ""


def line(samples, case, reference):
    """The line of CASE over the samples of one workload: near pairs, or far ones if there are none. Without either the
    rates of the commonest label are quoted, and no ratio."""
    by_label = {label: pairs(samples, case, reference, label) for label in COMPARABLE}
    label = next((label for label in COMPARABLE if by_label[label]), None)
    if label is not None:
        chosen = by_label[label]
        quoted = [sample for sample, _ in chosen]
    else:
        own = [sample for sample in samples if sample.case == case]
        label = statistics.mode(sample.label for sample in own)
        chosen, quoted = [], [sample for sample in own if sample.label == label]
    ratio = None if case == reference else Spread.of([sample.mpps / other.mpps for sample, other in chosen
                                                      if other.mpps > 0])
    return Line(case, quoted[0].workload, quoted[0].x, quoted[0].rings, label,
                Spread.of([sample.mpps for sample in quoted]), ratio,
                middle([sample.report.get("ring_full") for sample in quoted]),
                middle([sample.cycles for sample in quoted]), latency(quoted),
                middle([sample.report.get("gbps") for sample in quoted]))


def latency(samples):
    """The spreads of the percentiles of some samples, None when none has any."""
    found = [sample.report["latency_ns"] for sample in samples if sample.report.get("latency_ns", {}).get("samples")]
    return {key: Spread.of([one[key] for one in found]) for key in ("p50", "p99", "p999")} if found else None


def middle(figures):
    """The median of those figures that are not None, None without any."""
    found = [figure for figure in figures if figure is not None]
    return statistics.median(found) if found else None
