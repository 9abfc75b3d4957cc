#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Build the distribution's Open vSwitch library once, outside the tree, and print where it is.
# The library is not packaged for linking; its source package is. The build takes about two minutes on two cores.
set -eu

tarball=/usr/src/openvswitch/openvswitch.tar.gz
cache=${SLUICE_CACHE:-/var/cache/sluice}

[ -r $tarball ] || { echo "set-up: $tarball is missing: install the package openvswitch-source" >&2; exit 1; }
version=$(dpkg-query -W -f '${Version}' openvswitch-source)
dest=$cache/openvswitch-$version
if [ -e "$dest/.complete" ]; then
    echo "$dest"
    exit 0
fi

echo "set-up: building the Open vSwitch library $version in $dest (once, about two minutes)" >&2
mkdir -p "$cache"
work=$(mktemp -d "$cache/openvswitch.XXXXXX")
trap 'rm -rf "$work"' EXIT
tar -xzf $tarball -C "$work" --strip-components=1
log=$work/build.log
if ! (
    cd "$work"
    [ -x ./configure ] || ./boot.sh
    # libunbound and libunwind would become dependencies of the daemon for nothing it uses.
    ./configure PYTHON3=/usr/bin/python3 --with-pic --disable-afxdp --disable-libcapng --prefix=/usr --localstatedir=/var --sysconfdir=/etc \
        CFLAGS='-O2 -g' ac_cv_lib_unbound_ub_ctx_create=no ac_cv_lib_unwind_unw_backtrace=no
    make -j"$(nproc)"
) >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    cp "$log" "$cache/openvswitch-build.log"
    echo "set-up: the Open vSwitch library did not build; see $cache/openvswitch-build.log" >&2
    exit 1
fi
touch "$work/.complete"
rm -rf "$dest"
chmod 755 "$work"
mv "$work" "$dest"
trap - EXIT
echo "$dest"
