# SPDX-License-Identifier: Apache-2.0
"""What `make bench` can be asked for."""

import argparse
from pathlib import Path

from lab.host import BUILD, OVS_VSWITCHD

from .catalogue import CASES, TABLE_MINUTES
from .load import RINGS

FRAME_SIZE = 64
FLOWS = (1, 100, 10000, 100000, 1000000)
FOLDER = BUILD / "bench"
SMOKE = {"rounds": 1, "seconds": 0.15, "warmup": 0.05, "rings": ["split"], "flows": [1, 10000], "trial": 0.1,
         "folder": FOLDER / "smoke"}


def parse(about):
    """The options of a run; ABOUT is what --help says first."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", type=_words, default=list(CASES), dest="cases", metavar="NAME[,NAME]",
                        help=f"which of {', '.join(CASES)} (default: all)")
    parser.add_argument("--smoke", action="store_true",
                        help="tiny samples, one round: whether figures are produced, in under two minutes")
    parser.add_argument("--minutes", type=float, default=TABLE_MINUTES,
                        help=f"for the whole table (default: {TABLE_MINUTES}); a case takes its share, alone too")
    parser.add_argument("--rounds", type=int, default=5,
                        help="as many as the time allows, and more while near samples are missing (default: 5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a sample (default: 1)")
    parser.add_argument("--warmup", type=float, default=0.3, help="load before each sample (default: 0.3)")
    parser.add_argument("--trial", type=float, default=1.0,
                        help="length of a trial of the search for a rate without loss (default: 1)")
    parser.add_argument("--flows", type=lambda text: [int(word) for word in _words(text)], default=list(FLOWS),
                        help=f"numbers of flows each way (default: {','.join(map(str, FLOWS))})")
    parser.add_argument("--rings", type=_words, default=list(RINGS),
                        help="layouts of the guests' rings (default: split,packed)")
    parser.add_argument("--no-ovs", action="store_false", dest="ovs",
                        help="leave Debian's OVS on DPDK out where goals name it; it is left out when not installed")
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"for results and pictures (default: {FOLDER})")
    parser.add_argument("--keep-files", action="store_true", help="leave logs and databases in their folder")
    if parser.parse_args().smoke:
        parser.set_defaults(**SMOKE)
    options = parser.parse_args()
    if not set(options.rings) <= set(RINGS):
        parser.error("--rings takes split and packed")
    if not set(options.cases) <= set(CASES):
        parser.error(f"--case takes {', '.join(CASES)}")
    options.size = FRAME_SIZE
    options.ovs = options.ovs and OVS_VSWITCHD.exists()
    return options


def _words(text):
    return text.split(",")
