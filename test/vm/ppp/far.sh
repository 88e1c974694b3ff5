# The far end, and the cable to it: two pseudo terminals joined by socat, /dev/modem on our side. Sourced by the scripts that dial.
#
# The far machine is the network namespace `far`: a modem that takes AT commands, a pppd that answers behind it, and a Mosquitto that can be
# reached through it only. The number says what becomes of a call: 0 is answered, or what a file /tmp/answer says as long as there is one, 1 is
# busy, 2 is taken by nobody who speaks PPP, 3 is not taken. /tmp/far.options says how pppd answers.
ip netns add far
ip -n far link set lo up
echo noauth > /tmp/far.options
printf 'listener 1883 0.0.0.0\nallow_anonymous true\nuser root\n' > /tmp/mosquitto.conf
ip netns exec far mosquitto -c /tmp/mosquitto.conf > /tmp/mosquitto.log 2>&1 &
until ip netns exec far mosquitto_pub -t up -n 2> /dev/null; do sleep 0.1; done

cable() {
  while :; do
    socat pty,raw,echo=0,link=/dev/modem pty,raw,echo=0,link=/dev/line
    sleep 0.3
  done
}

modem() {
  while :; do
    stty -F /dev/line raw icrnl -echo || { sleep 0.2; continue; }
    while IFS= read -r command; do
      case $command in
        ATD0) if [ -e /tmp/answer ]; then printf '%s\r\n' "$(cat /tmp/answer)"; else printf 'CONNECT 9600\r\n'; break; fi ;;
        ATD1) printf 'BUSY\r\n' ;;
        ATD2) printf 'CONNECT 9600\r\n' ;;
        AT) printf 'OK\r\n' ;;
      esac > /dev/line
    done < /dev/line
    ip netns exec far pppd /dev/line nodetach local nocrtscts nodefaultroute 10.64.0.1:10.64.0.2 lcp-restart 1 lcp-max-configure 20 $(cat /tmp/far.options) logfile /tmp/far.log > /dev/null
  done
}

cable 2> /dev/null &
modem 2> /dev/null &

# A peer as a site writes it. AT is said again because a modem that has just hung up may not hear the first. The far end may be slow: everything
# here is emulated, beside other tests.
mkdir -p /etc/ppp/peers
cat > /etc/ppp/peers/sat <<'P'
/dev/modem
9600
connect "/usr/sbin/chat ABORT BUSY ABORT 'NO CARRIER' TIMEOUT 2 '' AT OK-AT-OK-AT-OK-AT-OK ATD0 TIMEOUT 15 CONNECT ''"
user site
noauth
local
nocrtscts
lock
lcp-restart 1
lcp-max-configure 20
lcp-echo-interval 1
lcp-echo-failure 6
P
