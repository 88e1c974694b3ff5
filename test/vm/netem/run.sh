# A wire with delay, rate and loss between two network namespaces, made by the kernel's netem: what lines.ts finds on it is printed a line each, for
# netem.test.ts to judge. `wire SHAPE` makes both ways like that; the plain wire beside it is for the emulator of test/support.
ip netns add far
for end in slow:10.9.0 plain:10.9.1; do
  name=${end%:*}
  ip link add "${name}0" type veth peer name "${name}1" netns far
  ip addr add "${end#*:}.1/24" dev "${name}0"
  ip -n far addr add "${end#*:}.2/24" dev "${name}1"
  ip link set "${name}0" up
  ip -n far link set "${name}1" up
done
ip -n far link set lo up
# Segments as they are on a wire, not 64 kB at once.
ip link set slow0 gso_max_segs 1
# As Mosquitto comes it takes 20 messages a round trip, whatever the wire could carry.
printf 'listener 1883 0.0.0.0\nallow_anonymous true\nuser root\nset_tcp_nodelay true\nmax_queued_messages 0\nmax_inflight_messages 0\n' > /tmp/mosquitto.conf
ip netns exec far mosquitto -c /tmp/mosquitto.conf > /tmp/mosquitto.log 2>&1 &
until ip netns exec far mosquitto_pub -t up -n 2> /dev/null; do sleep 0.1; done
ip netns exec far mosquitto_sub -t 's/#' -q 1 -i watcher -c >> /tmp/received &
ip netns exec far socat -u TCP-LISTEN:9,fork,reuseaddr OPEN:/tmp/bulk,creat,append &
"$NODE" "$PROJECT/test/vm/netem/lines.ts"
