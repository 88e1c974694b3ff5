#!/bin/sh
# What is done to the installed package inside the machine: started by systemd when the system is up, tells what it sees on the first serial port,
# a line `scene NAME VALUE` each, and ends the machine.
exec >/dev/ttyS0 2>&1
tell() { printf 'scene %s %s\n' "$1" "$(printf '%s' "$2" | tr '\n' ' ')"; }
show() { systemctl show --property "$1" --value sandpiper; }
# until_true SECONDS COMMAND: as long as it takes, and no longer
until_true() {
  for _ in $(seq "$(($1 * 4))"); do
    if sh -c "$2" >/dev/null 2>&1; then return 0; fi
    sleep 0.25
  done
  return 1
}
client() { timeout 20 "$@" -h 127.0.0.1 -p 1883; }

depmod # the machine has modules for another modprobe
modprobe gpio-sim
mount -t configfs config /sys/kernel/config 2>/dev/null
mkdir -p /sys/kernel/config/gpio-sim/rig/bank0/line3
echo 8 >/sys/kernel/config/gpio-sim/rig/bank0/num_lines
echo relay3 >/sys/kernel/config/gpio-sim/rig/bank0/line3/name
echo 1 >/sys/kernel/config/gpio-sim/rig/live
udevadm settle
line=$(echo /sys/devices/platform/gpio-sim.*/gpiochip*/sim_gpio3/value)

tell devices "$(stat -c '%U:%G %a' /dev/gpiochip0 /dev/ttyS1)"
cat >/etc/sandpiper/gateway.yaml <<END
site: scene
broker: { listeners: [ { port: 1883, host: 127.0.0.1, anonymous: true } ] }
store: { path: /var/lib/sandpiper }
sensors:
  - { name: tank, serial: { path: /dev/ttyS1, baud: 9600 }, topic: site/tank }
outputs:
  - { name: relay, gpio: { line: relay3 }, command: relay/set, state: relay/state }
END
systemctl restart sandpiper
tell active "$(systemctl is-active sandpiper)"
tell status "$(show StatusText)"
pid=$(show MainPID)
tell rights "$(sed -n 's/^\(Uid\|CapBnd\|CapEff\|NoNewPrivs\|Seccomp\):[[:space:]]*/\1=/p' "/proc/$pid/status" | tr '\t' ,)"
tell groups "$(id -nG sandpiper)"
tell serial "$(client mosquitto_sub -t site/tank -C 1)"
client mosquitto_pub -q 1 -t relay/set -m on
until_true 10 "grep -q 1 $line"
tell relay "$(cat "$line")"

# Killed: the output stays, held by systemd, and so does what was acknowledged.
client mosquitto_sub -i away -c -q 1 -t keep/# -E
client mosquitto_pub -q 1 -t keep/this -m kept
kill -KILL "$pid"
until_true 20 "[ \"\$(systemctl show --property MainPID --value sandpiper)\" != 0 ] && [ \"\$(systemctl show --property MainPID --value sandpiper)\" != $pid ]"
tell relay-while-away "$(cat "$line")"
until_true 60 'systemctl is-active sandpiper'
tell relay-after-kill "$(cat "$line")"
tell kept "$(client mosquitto_sub -i away -c -q 1 -t keep/# -C 1)"
tell restarts-after-kill "$(show NRestarts)"

# A configuration from afar: tried by the gateway, which systemd starts anew for it, confirmed, and written by root's service.
sed 's/^site: scene/site: tried/' /etc/sandpiper/gateway.yaml >/tmp/new.yaml
tell configured "$(sandpiper config apply /tmp/new.yaml --yes 2>&1)"
tell configured-file "$(head -n 1 /etc/sandpiper/gateway.yaml), $(stat -c '%U:%G %a' /etc/sandpiper/gateway.yaml)"
tell configured-status "$(show StatusText)"
tell configured-relay "$(cat "$line")"

# Stopped in the middle of everything: no sign of life, so systemd starts it anew.
mkdir -p /run/systemd/system/sandpiper.service.d
printf '[Service]\nWatchdogSec=6\n' >/run/systemd/system/sandpiper.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart sandpiper
before=$(show NRestarts)
sleep 14
tell alive "$(($(show NRestarts) - before))"
pid=$(show MainPID)
kill -STOP "$pid"
until_true 60 "[ \"\$(systemctl show --property NRestarts --value sandpiper)\" -gt $before ]"
tell watchdog "$(journalctl -u sandpiper --no-pager -o cat | grep -c 'Watchdog timeout')"
until_true 60 'systemctl is-active sandpiper'
tell after-watchdog "$(systemctl is-active sandpiper)"

# The dial agent: pppd as root for a user who may not start it, both ends here.
modprobe -a ppp_async ppp_generic
printf 'pty "/usr/sbin/pppd nodetach notty noauth local 10.64.0.1:10.64.0.2"\nnoauth\nlocal\nnodefaultroute\n' >/etc/ppp/peers/rig
printf 'uplinks:\n  - name: cloud\n    url: mqtt://10.64.0.1:1\n    routes: [ { out: "x/#", qos: 1 } ]\n    links: [ { name: modem, dial: { pppd: rig } } ]\n' >>/etc/sandpiper/gateway.yaml
systemctl restart sandpiper
until_true 60 'ip -o -4 address | grep -q "inet 10.64.0.2 "'
tell dialled "$(ip -o -4 address | grep -c 'inet 10.64.0.2 ')"
tell dialler "$(ps -o user= -C pppd | sort -u)"
systemctl stop sandpiper
until_true 30 '! pgrep pppd'
tell hung-up "$(pgrep -c pppd)"

tell journal "$(journalctl -u sandpiper -u 'sandpiper-dial@*' -p warning --no-pager -o cat | grep -v Watchdog | head -12)"
tell failed "$(systemctl --failed --no-legend --plain)"
tell end 1
systemctl poweroff -ff
