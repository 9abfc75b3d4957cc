#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Everything that a fresh Debian 12 lacks for `make build`, and with "test" also for `make test` and `make demo`.
# A second run is quick and changes nothing.
set -eu
here=$(dirname "$0")

"$here/packages.sh"
"$here/ovs-library.sh" >/dev/null
if [ "${1:-build}" = test ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "set-up: the tests and the demo make network namespaces and hugepages: run them as root" >&2
        exit 1
    fi
    "$here/hugepages.sh" 3072
    "$here/guest-image.sh" >/dev/null
fi
