#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Make the kernel and the initramfs of the test guests and print the folder they are in.
# The kernel is Debian's cloud kernel, downloaded and unpacked but not installed; the initramfs is busybox, the modules
# of its virtio devices and tools/setup/guest-init. Quick when both are there and up to date.
set -eu

here=$(dirname "$(readlink -f "$0")")
cache=${SLUICE_CACHE:-/var/cache/sluice}
dest=$cache/guest
# Loaded by the guest's init, in this order.
MODULES="virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_console
    failover net_failover virtio_net"
# There for a test to load: VLAN devices.
EXTRA_MODULES="llc stp garp mrp 8021q"

fail() { echo "set-up: $1" >&2; exit 1; }

recipe=$(cat "$0" "$here/guest-init" | sha256sum)
up_to_date() { [ -s "$dest/vmlinuz" ] && [ -s "$dest/initrd" ] && [ "$(cat "$dest/recipe" 2>/dev/null)" = "$recipe" ]; }
if up_to_date; then
    echo "$dest"
    exit 0
fi

mkdir -p "$dest" 2>/dev/null || fail "$dest cannot be made, so there is no place for the guest image"
exec 9>"$dest/lock"
flock 9
if up_to_date; then
    echo "$dest"
    exit 0
fi
for tool in busybox cpio xz dpkg-deb apt-get; do
    command -v $tool >/dev/null || fail "$tool is missing: run tools/setup/packages.sh as root"
done

work=$(mktemp -d "$dest/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
log=$work/log

kernel_package() {
    apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends: linux-image-/ { print $2; exit }'
}

download_kernel() {
    package=$(kernel_package)
    [ -n "$package" ] || return 1
    (cd "$work" && apt-get -o APT::Sandbox::User=root download "$package") >>"$log" 2>&1 9>&- || return 1
    dpkg-deb -x "$work"/linux-image-*.deb "$work/kernel" >>"$log" 2>&1
}

# The package lists may be absent or name a version that has been replaced since.
if ! download_kernel; then
    apt-get update -q >>"$log" 2>&1 9>&- || true
    if ! download_kernel; then
        cp "$log" "$dest/download.log"
        fail "the guests' kernel (linux-image-cloud-amd64) could not be downloaded: see $dest/download.log"
    fi
fi

root=$work/root
mkdir -p "$root/bin" "$root/modules"
cp "$(command -v busybox)" "$root/bin/busybox"
install -m 755 "$here/guest-init" "$root/init"

add_module() {
    # Files may be spelt with dashes and may be compressed.
    file=$(find "$work/kernel" -name "$1.ko*" -o -name "$(echo "$1" | tr _ -).ko*" | head -n 1)
    [ -n "$file" ] || return 1
    case $file in
    *.xz) xz -dc "$file" >"$root/modules/$1.ko" ;;
    *) cp "$file" "$root/modules/$1.ko" ;;
    esac
}

builtin_module() { grep -rqE "/$(echo "$1" | sed 's/[_-]/[_-]/g')\.ko\$" "$work/kernel" --include=modules.builtin; }

for module in $MODULES; do
    if add_module "$module"; then
        echo "$module" >>"$root/modules/order"
    elif ! builtin_module "$module"; then
        fail "the guests' kernel has no module $module"
    fi
done
for module in $EXTRA_MODULES; do
    add_module "$module" || builtin_module "$module" || fail "the guests' kernel has no module $module"
done

(cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$work/initrd"
cp "$work"/kernel/boot/vmlinuz-* "$work/vmlinuz"
echo "$recipe" >"$work/recipe"
rm -f "$dest/recipe"
mv "$work/vmlinuz" "$work/initrd" "$dest/"
mv "$work/recipe" "$dest/recipe"
echo "$dest"
