#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Reserve hugepages for the tests and the demo: at least WANT MiB of 2 MiB pages in all. Never takes any away.
set -eu

want_mb=${1:-3072}
pages_file=/proc/sys/vm/nr_hugepages
want=$((want_mb / 2))

[ -r $pages_file ] || { echo "set-up: this kernel has no hugepages; the switch will use ordinary memory" >&2; exit 0; }
have=$(cat $pages_file)
if [ "$have" -lt "$want" ]; then
    [ "$(id -u)" = 0 ] || { echo "set-up: not root, so hugepages cannot be reserved ($have of $want pages are)" >&2; exit 1; }
    echo "$want" >$pages_file
    have=$(cat $pages_file)
    if [ "$have" -lt "$want" ]; then
        echo "set-up: only $have of $want hugepages could be reserved; the switch will use ordinary memory for the rest" >&2
    fi
fi
if ! grep -q ' hugetlbfs ' /proc/mounts && [ "$(id -u)" = 0 ]; then
    mkdir -p /dev/hugepages
    mount -t hugetlbfs hugetlbfs /dev/hugepages ||
        echo "set-up: hugetlbfs could not be mounted on /dev/hugepages; --in-memory does without it" >&2
fi
