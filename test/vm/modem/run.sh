# NetworkManager and its nmcli, the real ones. There is no modem: a profile of type ethernet on a veth stands in its place, which nmcli brings up
# and down like any other. What dialler.ts finds is printed a line each, for modem.test.ts to judge.
echo 0123456789abcdef0123456789abcdef > /etc/machine-id
mkdir -p /run/dbus /var/lib/dbus /var/lib/NetworkManager /etc/NetworkManager/conf.d
printf '[main]\nplugins=keyfile\nauth-polkit=false\nno-auto-default=*\n[device]\nmatch-device=interface-name:wwan0\nmanaged=1\n' > /etc/NetworkManager/conf.d/test.conf
"$NODE" "$PROJECT/test/vm/modem/dialler.ts" 'no d-bus'
dbus-daemon --system --fork 2> /dev/null
/usr/lib/systemd/systemd-udevd --daemon 2> /dev/null
udevadm trigger
ip link add wwan0 type veth peer name far0
ip link set far0 up
"$NODE" "$PROJECT/test/vm/modem/dialler.ts" 'no network manager'
NetworkManager
nm-online -s -q -t 20
until nmcli -g GENERAL.STATE device show wwan0 2> /dev/null | grep -q disconnected; do sleep 0.2; done
nmcli connection add type ethernet con-name lte ifname wwan0 autoconnect no ipv4.method manual ipv4.addresses 10.7.0.2/24 ipv6.method disabled > /dev/null
nmcli connection add type ethernet con-name deaf ifname wwan0 autoconnect no ipv4.method auto ipv6.method disabled > /dev/null
nmcli connection add type gsm con-name gsm ifname '*' apn internet autoconnect no > /dev/null
"$NODE" "$PROJECT/test/vm/modem/dialler.ts"
