#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compile every source and every header alone with clang 14, warnings as errors, without making objects."""
import concurrent.futures
import json
import os
import shlex
import subprocess
import sys

WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wno-unused-parameter", "-Werror"]


def arguments(entry):
    """The preprocessor's and language's share of a gcc command line."""
    words = shlex.split(entry["command"])
    kept = []
    skip = 0
    for i, word in enumerate(words):
        if skip:
            skip -= 1
        elif word in ("-isystem", "-include", "-I"):
            kept += [word, words[i + 1]]
            skip = 1
        elif word.startswith(("-I", "-isystem", "-D", "-std=", "-march=", "-fno-strict", "-Wno-sign")):
            kept.append(word)
    return kept


def compile_one(job):
    name, args, source, directory = job
    if name.startswith(("control/", "tools/")):
        args = [*args, "-Wno-sign-compare"]  # in the bodies of Open vSwitch's VLOG macros
    result = subprocess.run(["clang-14", "-fsyntax-only", *WARNINGS, *args, "-x", "c", source],
                            cwd=directory, capture_output=True, text=True)
    return name, result


def main():
    build = os.path.abspath(sys.argv[1])
    root = os.getcwd()
    with open(os.path.join(build, "compile_commands.json")) as file:
        entries = json.load(file)
    jobs = []
    folder_args = {}
    for entry in entries:
        source = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
        if not source.startswith(root) or source.startswith(build) or not source.endswith(".c"):
            continue
        args = arguments(entry)
        folder = os.path.dirname(source)
        if len(args) > len(folder_args.get(folder, [])):
            folder_args[folder] = args
        jobs.append((os.path.relpath(source, root), args, source, entry["directory"]))
    headers = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.h"],
                             capture_output=True, text=True, check=True).stdout.split()
    for header in headers:
        args = folder_args.get(os.path.dirname(os.path.join(root, header)))
        # Fixtures of tests are made for the one place that includes them.
        if args is not None and not header.startswith("tests/"):
            # A header is compiled through a source that includes it first, so that "#pragma once" means something.
            jobs.append((header, [*args, "-include", os.path.join(root, header)], "/dev/null", build))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, result in pool.map(compile_one, jobs):
            if result.returncode != 0:
                failed += 1
                print(f"{name}:\n{result.stderr.strip()}")
    print(f"{len(jobs)} files, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
