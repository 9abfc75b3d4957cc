# SPDX-License-Identifier: Apache-2.0
"""Packets lost by a switch under a load: those that never came, less those for which the generator, which shares its
CPU with whatever changes the configuration, had left no room in its rings."""


def measure(sampler, switch, load, case, meanwhile=None):
    """A sample whose report has "unfetched" too. MEANWHILE() is called under the load."""
    before = switch.unfetched()
    sample = sampler.sample(switch, load, 1, case, meanwhile)
    sample.report["unfetched"] = switch.unfetched() - before
    return sample


def lost(sample):
    """How many the switch lost."""
    return max(sum(sample.report["lost"]) - sample.report["unfetched"], 0)
