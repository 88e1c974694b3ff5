#!/usr/bin/env bash
# Builds a virtual machine for tests from Debian packages: a kernel with PPP, netem and simulated GPIO, a root file system in memory, and the emulator to run it.
# Needs an amd64 machine with apt-get, and no rights: nothing is installed, packages are only unpacked. They come from the machine's own sources; the
# kernel from trixie-backports on the same mirror, the one that the image has: older ones have no gpio-sim.
#   test/vm/build.sh FOLDER
# FOLDER then has: kernel, initrd, qemu/ (started by run.ts).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
[ ! -e "$folder/initrd" ] || exit 0
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT

# What the guest has besides the kernel. Node comes with the project, which is mounted.
in_guest=(busybox-static dash dbus dosfstools iproute2 libatomic1 libstdc++6 mosquitto mosquitto-clients network-manager ppp socat systemd udev)
modules=(virtio_pci 9p 9pnet_virtio ppp_async ppp_deflate bsd_comp ppp_synctty veth dummy tun sch_netem sch_tbf gpio_sim)
# Loaded by the scripts that want them: chips behind a simulated I2C bus, 1-wire, a watchdog, a card's FAT, lights.
on_demand=(i2c_stub i2c_dev lm75 tmp102 jc42 mcp4725 ti_ads1015 max1363 mcp3422 tsl2563 veml6030 bh1780 ltc4151 bmp280_i2c mlx90614 sbs_battery ds2482 wire w1_therm softdog vfat nls_cp437 nls_ascii nls_utf8 loop ledtrig_pattern ledtrig_timer input_leds)

# An apt of our own: it knows no installed package, so that it fetches the dependencies too, and touches nothing of the machine's.
apt=$work/apt
mkdir -p "$apt"/{lists/partial,cache/archives/partial,none}
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

# The kernel of another release: sources of its own, on the mirror that the machine's Debian packages come from.
mirror=$(apt get indextargets --format '$(ORIGIN)/$(LABEL)/$(COMPONENT) $(REPO_URI)' 'Created-By: Packages' | sed -n 's#^Debian/Debian/main ##p' | head -1)
[ -n "$mirror" ] || { echo "vm: this machine has no source of Debian's packages" >&2; exit 1; }
keys=/usr/share/keyrings/debian-archive-keyring.gpg
signed=; [ ! -e "$keys" ] || signed="signed-by=$keys"
printf "deb [arch=amd64 $signed] %s %s main\n" "$mirror" trixie "$mirror" trixie-backports > "$apt/kernel.list"
kernel_apt() { apt "$1" -o Dir::Etc::sourcelist="$apt/kernel.list" -o Dir::Etc::sourceparts="$apt/none" "${@:2}"; }
kernel_apt get -qq update
image=$(kernel_apt cache show linux-image-amd64/trixie-backports | sed -n 's/^Depends:.*\(linux-image-[0-9][^ ,]*\).*/\1/p' | head -1)
version=${image#linux-image-}
# It is split in three there: what its modules are, the program, the modules.
for part in base binary modules; do (cd "$work" && kernel_apt get -qq download "linux-$part-$version/trixie-backports"); done
mkdir -p "$work/kernel/usr/lib"
ln -s usr/lib "$work/kernel/lib"
for package in "$work"/linux-*.deb; do dpkg-deb --fsys-tarfile "$package" | tar x -C "$work/kernel" --keep-directory-symlink --no-same-owner; done

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
tree=$work/kernel/usr/lib/modules/$version
field() { od -An -t u"$2" -j "$1" -N "$2" "$tree/vmlinuz" | tr -d ' '; }
# Where it is packed inside is in its header (the kernel's x86/boot.rst: setup_sects, payload_offset, payload_length).
start=$((($(field 497 1) + 1) * 512 + $(field 584 4)))
payload() { { tail -c +$((start + 1)) "$tree/vmlinuz" || true; } | head -c "$(field 588 4)"; }
case $(payload | head -c 4 | od -An -t x1 | tr -d ' ') in
  28b52ffd) unpack=zstd ;;
  fd377a58) unpack=xz ;;
  *) unpack=none ;;
esac
# The length that stands behind it is no part of it, which these programs find wrong after they have unpacked everything.
if command -v "$unpack" >/dev/null; then payload | "$unpack" -dc > "$out/kernel" 2>/dev/null || true; fi
[ "$(head -c 4 "$out/kernel" 2>/dev/null | tail -c 3)" = ELF ] || cp "$tree/vmlinuz" "$out/kernel"

# ---- the root file system: an archive that the kernel unpacks into memory
root=$work/root
busybox=$root/usr/bin/busybox
mv "$root/usr/share/dbus-1" "$work/dbus-1"
rm -rf "$root"/usr/{share,include,games} "$root/$lib"/{perl*,libperl*,gconv,security} "$root"/usr/bin/perl*
mkdir "$root/usr/share"
mv "$work/dbus-1" "$root/usr/share/"
ln -sf dash "$root/usr/bin/sh"
ln -sf ../bin/busybox "$root/usr/sbin/modprobe"
mkdir -p "$root/usr/lib/modules/$version"
cp "$tree"/modules.{order,builtin,builtin.modinfo} "$root/usr/lib/modules/$version/"
"$busybox" depmod -b "$work/kernel" "$version"
needed() { sed -n "s#^\(\(.*/\)\?${1//_/[_-]}\.ko[^:]*\):#\1#p" "$tree/modules.dep"; }
mkdir -p "$root/etc"
install_module() {
  local to=$root/usr/lib/modules/$version/${1%.xz}
  mkdir -p "${to%/*}"
  case $1 in *.xz) "$busybox" unxz -c "$tree/$1" > "$to" ;; *) cp "$tree/$1" "$to" ;; esac
}
for module in "${modules[@]}" "${on_demand[@]}"; do
  ! grep -q "/${module//_/[_-]}\.ko$" "$tree/modules.builtin" || continue
  files=$(needed "$module")
  [ -n "$files" ] || { echo "vm: the kernel $version has no module $module" >&2; exit 1; }
  for file in $files; do install_module "$file"; done
done
printf '%s\n' "${modules[@]}" > "$root/etc/modules"
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
