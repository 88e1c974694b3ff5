# What the machine is good for besides PPP: delay and loss on a wire between two network namespaces.
set -e
ip netns add far
ip link add near0 type veth peer name far0 netns far
ip addr add 10.9.0.1/24 dev near0
ip -n far addr add 10.9.0.2/24 dev far0
ip link set near0 up
ip -n far link set far0 up
tc qdisc add dev near0 root netem delay 300ms loss 30%
ping -c 40 -i 0.1 -w 20 10.9.0.2 | tail -2
