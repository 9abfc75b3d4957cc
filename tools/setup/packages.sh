#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install the Debian packages that building, testing and the demo need. Quick and silent when all are there.
set -eu

PACKAGES="
build-essential pkg-config meson ninja-build git clang-14 clang-format-14 libclang-rt-14-dev codespell
autoconf automake libtool python3 python3-pytest python3-scapy python3-six
libdpdk-dev dpdk dpdk-dev libcmocka-dev libmnl-dev libbpf-dev libnuma-dev libcap-ng-dev libssl-dev
openvswitch-source openvswitch-switch openvswitch-switch-dpdk openvswitch-common
qemu-system-x86 busybox-static cpio xz-utils kmod valgrind
iproute2 nftables iputils-ping iputils-arping ethtool iperf3 tcpdump netcat-openbsd procps
"

missing=""
for package in $PACKAGES; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "set-up: not root, so these packages cannot be installed:$missing" >&2
    exit 1
fi

# The distribution's Open vSwitch must not start its daemons beside ours: tests run their own, in private directories.
policy=/usr/sbin/policy-rc.d
made_policy=no
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    made_policy=yes
fi
restore_policy() { if [ $made_policy = yes ]; then rm -f $policy; fi; }
trap restore_policy EXIT

echo "set-up: installing$missing"
log=$(mktemp)
if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing; } \
    >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    echo "set-up: apt-get could not install the packages above (is the network there? log: $log)" >&2
    exit 1
fi
rm -f "$log"
