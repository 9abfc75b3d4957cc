# SPDX-License-Identifier: Apache-2.0
"""Changes of policy: how soon they are in force, and what they cost the traffic (P7, P8)."""

import time
from dataclasses import replace

from . import goals, loss
from .case import Case
from .load import Load
from .sampler import say
from .sluice import Sluice

RULES = 100000
# What a host with many guests has: a thousand ports, each in a few of two hundred groups.
GROUPS = 200
PORTS = 1000
LOADED_AT_ONCE = {10000: 0.1, 100000: 1.5}
FLOWS = 10000
CHANGES = 200
LOAD_SHARE = 0.8
LOAD_SECONDS = 3
SECONDS_P99 = 0.010


class Updates(Case):
    """Many rules are loaded at once; then one of them is changed again and again, without traffic and at 80 % of the
    load that the switch can take."""

    seconds = 60

    def __init__(self, lab, sampler, options):
        super().__init__(lab, sampler, options)
        self._load = Load(FLOWS, options.rings[0], options.size, options.warmup, options.seconds)
        self._changes, self._rules, self._load_seconds = (5, 10000, 0.3) if options.smoke else (CHANGES, RULES,
                                                                                                 LOAD_SECONDS)
        self._groups = Sluice(lab, "sg", sampler.cpus[1], 100, groups=GROUPS, others=20 if options.smoke else PORTS)
        self._version = 0
        self._idle, self._busy, self._loaded = [], [], {}

    def run(self):
        """Load rules, change one, and both under traffic."""
        self.start(self._groups)
        self._groups.wake()
        for count in [count for count in LOADED_AT_ONCE if count <= self._rules]:
            self._groups.set_rules(100)
            self._loaded[count] = self._groups.set_rules(count)
            say(f"  {count} rules: committed after {self._loaded[count][0]:.3f} s, in force "
                f"{self._loaded[count][1]:.3f} s later")
        self._groups.set_rules(self._rules)
        self._idle = [self._change() for _ in range(self._changes)]
        say(f"  one rule of {self._rules}, no traffic: {told(self._idle)}")
        full = self._measure(self._load, "saturated")
        paced = replace(self._load, pps=full.mpps * LOAD_SHARE * 1e6, seconds=self._load_seconds)
        self._measure(paced, "at 80 %, unchanged")
        self._measure(paced, "at 80 %, one rule changed", self._change_for_a_while)
        say(f"  one rule of {self._rules}, at 80 % load: {told(self._busy)}")
        self._measure(paced, "at 80 %, rules loaded at once", self._load_rules)
        self._groups.rest()

    def _measure(self, load, case, meanwhile=None):
        self.samples.append(loss.measure(self.sampler, self._groups, load, case, meanwhile))
        return self.samples[-1]

    def _change(self):
        """Seconds from the commit of a change of one rule until it is in force."""
        self._version += 1
        update = {"op": "update", "table": "Security_Group_Rule", "where": [["name", "==", "r1"]],
                  "row": {"port_max": 20010 + self._version % 1000}}
        return self._groups.database.apply(update)[2]

    def _change_for_a_while(self):
        end = time.monotonic() + self._load_seconds
        while time.monotonic() < end:
            self._busy.append(self._change())

    def _load_rules(self):
        self._groups.set_rules(100)
        self._groups.set_rules(self._rules)

    def text(self):
        losses = [f"lost {case}: {lost} of {sent}, and {unfetched} that the generator did not fetch"
                  for case, lost, unfetched, sent in self._losses()]
        times = [f"one rule of {self._rules} changed, {what}: {told(times)}"
                 for what, times in (("no traffic", self._idle), ("at 80 % load", self._busy))]
        return "\n".join([super().text(), *losses, *times])

    def _losses(self):
        """By case: lost by the switch; dropped because the generator, which has to share its CPU, left its rings full;
        offered."""
        return [(sample.case, loss.lost(sample), sample.report["unfetched"], sum(sample.report["offered"]))
                for sample in self.samples if sample.case != "saturated"]

    def results(self):
        p99 = quantile(self._idle, 0.99)
        losses = {case: lost for case, lost, _, _ in self._losses()}
        lost = losses["at 80 %, one rule changed"]
        labels = {sample.case: sample.label for sample in self.samples}
        return [
            goals.Result("P7", f"one rule of {self._rules}: commit to enforced, p99", f"{p99 * 1e3:.2f} ms",
                         f"<= {SECONDS_P99 * 1e3:g} ms", p99 <= SECONDS_P99),
            goals.Result("P7", f"packets lost at 80 % load over {len(self._busy)} changes", str(lost), "0", lost <= 0,
                         labels["at 80 %, one rule changed"]),
            *(goals.Result("P8", f"{count} rules at once: commit to enforced", f"{times[1]:.3f} s",
                           f"<= {LOADED_AT_ONCE[count]:g} s", times[1] <= LOADED_AT_ONCE[count])
              for count, times in self._loaded.items()),
            goals.Result("P8", "packets lost at 80 % load while rules are loaded",
                         str(losses["at 80 %, rules loaded at once"]), "0",
                         losses["at 80 %, rules loaded at once"] <= 0, labels["at 80 %, rules loaded at once"])]


def quantile(values, part):
    """The value that PART of the values do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def told(seconds):
    return (f"p50 {quantile(seconds, 0.5) * 1e3:.2f} ms, p99 {quantile(seconds, 0.99) * 1e3:.2f} ms, "
            f"longest {max(seconds) * 1e3:.2f} ms of {len(seconds)}") if seconds else "none"
