# The appliance's programs on real parts: a FAT card that is mounted read-only, NetworkManager, pppd and a modem behind it, a light of the kernel.
# What happens is printed a line each, for appliance.test.ts to judge.
. "$PROJECT/test/vm/ppp/far.sh"
for module in loop vfat nls_cp437 nls_ascii nls_utf8 ledtrig_pattern input_leds; do modprobe "$module" 2> /dev/null; done
echo 0123456789abcdef0123456789abcdef > /etc/machine-id
mkdir -p /run/dbus /var/lib/dbus /var/lib/NetworkManager /etc/NetworkManager/conf.d /boot/gateway /var/lib/sandpiper /run/sandpiper /data
printf '[main]\nplugins=keyfile\nauth-polkit=false\n[device]\nmatch-device=interface-name:eth7\nmanaged=1\n' > /etc/NetworkManager/conf.d/test.conf
dd if=/dev/zero of=/tmp/card.img bs=1M count=40 2> /dev/null
mkfs.vfat -F 32 -n GATEWAY /tmp/card.img > /dev/null
losetup /dev/loop0 /tmp/card.img
mount -t vfat -o ro,flush,utf8 /dev/loop0 /boot/gateway
# The far end wants a password, and takes one only.
echo 'require-pap name far' > /tmp/far.options
printf '%s\n' '* far "p w\\\047\042#" *' > /etc/ppp/pap-secrets
rm -rf /etc/ppp/peers
ln -s /run/sandpiper-apply/peers /etc/ppp/peers
ip link add eth7 type veth peer name far7
ip link set far7 up
dbus-daemon --system --fork 2> /dev/null
/usr/lib/systemd/systemd-udevd --daemon 2> /dev/null
udevadm trigger
"$NODE" "$PROJECT/test/vm/appliance/appliance.ts"
