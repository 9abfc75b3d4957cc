# SPDX-License-Identifier: Apache-2.0
"""Shows the main job end to end and says whether it went right: exit status 0, or 1 when any line is wrong."""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# The packages beside this file are found only now.
from demo.checks import Checks  # noqa: E402
from demo.report import Progress, table  # noqa: E402
from demo.topology import Topology  # noqa: E402
from lab.lab import Lab, end_on_signals  # noqa: E402
from lab.process import LabError  # noqa: E402


def demonstrate(lab, encaps, progress):
    """Build the topology and run the checks over each encapsulation; returns the rows."""
    topology = Topology(lab, progress)
    topology.build(encaps[0])
    rows = []
    for index, encap in enumerate(encaps):
        if index > 0:
            progress.step(f"both networks change to {encap.upper()}; the guests go on running")
            topology.use_encap(encap)
        checks = Checks(topology, encap, lab.dir, progress)
        checks.run()
        rows += checks.rows
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep-files", action="store_true", help="leave logs and databases in their folder")
    parser.add_argument("--encap", action="append", choices=("vxlan", "geneve"), help="only this one; may be repeated")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("demo: needs root, for network namespaces and hugepages")
    end_on_signals()
    progress = Progress()
    try:
        with Lab(keep_files=options.keep_files) as lab:
            try:
                rows = demonstrate(lab, options.encap or ["vxlan", "geneve"], progress)
            finally:
                progress.step(f"cleaning up{f'; logs stay in {lab.dir}' if options.keep_files else ''}")
    except LabError as error:
        sys.exit(f"demo: {error}")
    wrong = sum(not row.right for row in rows)
    print(f"\n{table(rows)}\n")
    progress.step(f"{wrong} of {len(rows)} lines wrong" if wrong else f"all {len(rows)} lines right")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
