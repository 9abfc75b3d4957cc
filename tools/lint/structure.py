#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the tree's shape: which folder may include which, how long files and functions may be."""
import os
import re
import subprocess
import sys

# Folder: what its files may include besides themselves. The longest matching folder counts.
ARROWS = {
    "dataplane/core": [],
    "acl": ["dataplane/core"],
    "overlay": ["dataplane/core"],
    "vhost": ["dataplane/core"],
    "dataplane": ["dataplane/core", "acl", "overlay", "vhost"],
    "control": ["dataplane/core", "acl", "overlay", "vhost", "dataplane"],
    "tools": ["control/schema"],
    "tests": ["dataplane/core", "acl", "overlay", "vhost", "dataplane", "control", "tools"],
}
# Only these know OVSDB; only those know DPDK's rings and buffers.
OVSDB_FOLDERS = ("control", "tools", "tests")
FILE_LIMIT = {".c": 800, ".h": 250}
FUNCTION_LIMIT = 80


def folder_of(path):
    matches = [f for f in ARROWS if path == f or path.startswith(f + "/")]
    return max(matches, key=len) if matches else None


def check_includes(path, text, problems):
    own = folder_of(path)
    for target in re.findall(r'^#include "([^"]+)"', text, re.M):
        if not os.path.exists(target):
            if target.endswith("-idl.h") or own in OVSDB_FOLDERS:
                continue
            problems.append(f'{path}: "{target}" is not a path from the root')
            continue
        other = folder_of(target)
        if other is not None and other != own and other not in ARROWS.get(own, []):
            problems.append(f"{path}: includes {target}: no arrow leads from {own} to {other}")
    if own not in OVSDB_FOLDERS and re.search(r'^#include ["<](openvswitch/|ovsdb|vswitch-idl)', text, re.M):
        problems.append(f"{path}: only control and tools know OVSDB")


def check_sizes(path, text, problems):
    lines = text.split("\n")
    limit = FILE_LIMIT[os.path.splitext(path)[1]] if not path.startswith("tests/") else 800
    if len(lines) - 1 > limit:
        problems.append(f"{path}: {len(lines) - 1} lines, at most {limit}")
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            if number - start - 1 > FUNCTION_LIMIT:
                problems.append(f"{path}:{start}: function of {number - start - 1} lines, at most {FUNCTION_LIMIT}")
            start = None


def check_drop_reasons(problems):
    """Every drop reason stands in the operator's table, and none that does not exist."""
    with open("dataplane/core/drop.h") as header, open("docs/operations.md") as page:
        reasons = set(re.findall(r'X\(\w+,\s*"(\w+)"', header.read())) - {"none"}
        table = set(re.findall(r"^\| `(\w+)` \| ", page.read(), re.M))
    for reason in sorted(reasons - table):
        problems.append(f"docs/operations.md: no row for drop reason {reason}")
    for reason in sorted(table - reasons):
        problems.append(f"docs/operations.md: {reason} is no drop reason")


def main():
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.c", "*.h"],
                           capture_output=True, text=True, check=True).stdout.split()
    problems = []
    for path in files:
        if not os.path.exists(path):
            continue
        with open(path) as file:
            text = file.read()
        check_includes(path, text, problems)
        check_sizes(path, text, problems)
        if path.endswith(".h") and "#pragma once" not in text:
            problems.append(f"{path}: no #pragma once")
    check_drop_reasons(problems)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
