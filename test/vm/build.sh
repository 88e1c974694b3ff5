#!/usr/bin/env bash
# Builds a virtual machine for tests from Debian packages: a kernel with PPP and netem, a root file system in memory, and the emulator to run it.
# Needs an amd64 machine with apt-get, and no rights: nothing is installed, packages are only unpacked. They come from the machine's own sources.
#   test/vm/build.sh FOLDER
# FOLDER then has: kernel, initrd, qemu/ (started by run.ts).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
[ ! -e "$folder/initrd" ] || exit 0
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT

# What the guest has besides the kernel. Node comes with the project, which is mounted.
in_guest=(busybox-static dash dbus iproute2 libatomic1 libstdc++6 mosquitto mosquitto-clients network-manager ppp socat udev)
modules=(virtio_pci 9p 9pnet_virtio ppp_async ppp_deflate bsd_comp ppp_synctty veth dummy tun sch_netem sch_tbf)

# An apt of our own: it knows no installed package, so that it fetches the dependencies too, and touches nothing of the machine's.
apt=$work/apt
mkdir -p "$apt"/{lists/partial,cache/archives/partial}
: > "$apt/status"
apt() {
  "apt-$1" -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" -o Dir::Log="$apt" \
    -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Acquire::Languages=none -o APT::Install-Recommends=false -o APT::Get::List-Cleanup=false -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 "${@:2}"
}
# fetch TREE PACKAGE… unpacks packages and what they depend on. Links first: packages may name /bin or /usr/bin.
fetch() {
  mkdir -p "$1"/usr/{bin,sbin,lib,lib64}
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$1/$name"; done
  apt get -qq -y --download-only install "${@:2}"
  for package in "$apt"/cache/archives/*.deb; do dpkg-deb --fsys-tarfile "$package" | tar x -C "$1" --keep-directory-symlink --no-same-owner; done
  rm "$apt"/cache/archives/*.deb
}

apt get -qq update
fetch "$work/host" qemu-system-x86
fetch "$work/root" "${in_guest[@]}"
kernel=$(apt cache depends linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -1)
(cd "$work" && apt get -qq download "$kernel")
mkdir -p "$work/kernel/usr/lib"
ln -s usr/lib "$work/kernel/lib"
dpkg-deb --fsys-tarfile "$work"/"$kernel"_*.deb | tar x -C "$work/kernel" --keep-directory-symlink --no-same-owner

# ---- the emulator: the program, the libraries that it is linked with, its firmware
out=$work/out
mkdir -p "$out/qemu/"{lib,modules,share}
host=$work/host
lib=usr/lib/x86_64-linux-gnu
cp "$host/usr/bin/qemu-system-x86_64" "$out/qemu/"
cp -L "$host/$lib/ld-linux-x86-64.so.2" "$out/qemu/ld.so"
"$out/qemu/ld.so" --library-path "$host/$lib" --list "$out/qemu/qemu-system-x86_64" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' | while read -r file; do cp -L "$file" "$out/qemu/lib/"; done
cp "$host/$lib"/qemu/accel-tcg-x86_64.so "$out/qemu/modules/" 2>/dev/null || true # newer ones have it inside
cp -L "$host"/usr/share/seabios/bios-256k.bin "$host"/usr/share/qemu/{pvh.bin,linuxboot_dma.bin,kvmvapic.bin} "$out/qemu/share/"

# ---- the kernel, unpacked where that can be done here: the guest would take three seconds for it
vmlinuz=$(echo "$work"/kernel/boot/vmlinuz-*)
version=${vmlinuz##*/vmlinuz-}
offset=$(LC_ALL=C grep -abo -P '\xfd7zXZ\x00' "$vmlinuz" | cut -d: -f1 | head -1 || true)
if [ -n "$offset" ] && command -v xz >/dev/null; then
  { tail -c +$((offset + 1)) "$vmlinuz" || true; } | xz --single-stream -dc > "$out/kernel"
else
  cp "$vmlinuz" "$out/kernel"
fi

# ---- the root file system: an archive that the kernel unpacks into memory
root=$work/root
busybox=$root/usr/bin/busybox
mv "$root/usr/share/dbus-1" "$work/dbus-1"
rm -rf "$root"/usr/{share,include,games} "$root/$lib"/{perl*,libperl*,gconv,security} "$root"/usr/bin/perl*
mkdir "$root/usr/share"
mv "$work/dbus-1" "$root/usr/share/"
ln -sf dash "$root/usr/bin/sh"
ln -sf ../bin/busybox "$root/usr/sbin/modprobe"
tree=$work/kernel/usr/lib/modules/$version
mkdir -p "$root/usr/lib/modules/$version"
cp "$tree"/modules.{order,builtin,builtin.modinfo} "$root/usr/lib/modules/$version/"
"$busybox" depmod -b "$work/kernel" "$version"
needed() { sed -n "s#^\(\(.*/\)\?${1//_/[_-]}\.ko[^:]*\):#\1#p" "$tree/modules.dep"; }
mkdir -p "$root/etc"
for module in "${modules[@]}"; do
  ! grep -q "/${module//_/[_-]}\.ko$" "$tree/modules.builtin" || continue
  files=$(needed "$module")
  [ -n "$files" ] || { echo "vm: the kernel $version has no module $module" >&2; exit 1; }
  for file in $files; do install -D -m 644 "$tree/$file" "$root/usr/lib/modules/$version/$file"; done
  echo "$module" >> "$root/etc/modules"
done
"$busybox" depmod -b "$root" "$version"
mkdir -p "$root"/{dev,proc,sys,run,tmp,root,mnt,var/log,etc/ppp/peers}
rm -rf "$root"/var/{run,lock}
ln -s /run "$root/var/run"
ln -s /run/lock "$root/var/lock"
printf 'root:x:0:0::/root:/bin/sh\nmessagebus:x:101:101::/:/bin/false\nuser:x:1000:1000::/tmp:/bin/sh\n' > "$root/etc/passwd"
printf 'root:x:0:\ndip:x:30:user\nmessagebus:x:101:\nnetdev:x:102:\nuser:x:1000:\n' > "$root/etc/group"
printf '127.0.0.1 localhost\n' > "$root/etc/hosts"
install -m 755 "$here/init" "$root/init"
(cd "$root" && find . | LC_ALL=C sort | "$busybox" cpio -o -H newc -R 0:0 2>/dev/null) > "$out/initrd"

mv -T "$out" "$folder"
