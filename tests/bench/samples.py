# SPDX-License-Identifier: Apache-2.0
"""Samples, and what may be said of them: medians of like with like."""

import statistics
from dataclasses import dataclass, field

# Samples with these labels may be compared with each other, the first by preference; mixed and disturbed ones never.
COMPARABLE = ("near", "far")


@dataclass(frozen=True)
class Sample:
    """One measurement: millions of packets received per second, and the round trips before and after it in ns."""
    case: str
    rings: str
    flows: int
    round: int
    mpps: float
    before: float
    after: float
    label: str
    report: dict = field(repr=False)


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
    """What is quoted of one case: rate, and ratio to the reference of the same round, with LABEL alike."""
    case: str
    rings: str
    flows: int
    label: str
    mpps: Spread
    ratio: Spread
    ring_full: float


def pairs(samples, case, reference, label):
    """Samples of CASE with those of REFERENCE in the same round, both with LABEL. The samples are of one workload."""
    references = {sample.round: sample for sample in samples if sample.case == reference and sample.label == label}
    return [(sample, references[sample.round]) for sample in samples
            if sample.case == case and sample.label == label and sample.round in references]


def ratios(samples, case, reference, labels=COMPARABLE):
    """The ratios of CASE to REFERENCE over the samples of one workload, as a Spread, and their label; of the first of
    the LABELS that has any. (None, "") when none has."""
    for label in labels:
        found = [sample.mpps / other.mpps for sample, other in pairs(samples, case, reference, label) if other.mpps > 0]
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
    return Line(case, quoted[0].rings, quoted[0].flows, label, Spread.of([sample.mpps for sample in quoted]),
                Spread.of([sample.mpps / other.mpps for sample, other in chosen if other.mpps > 0]),
                statistics.median(sample.report["ring_full"] for sample in quoted))
