# The whole gateway on a line that pppd dials: what site.ts finds is printed a line each, for gateway.test.ts to judge.
. "$PROJECT/test/vm/ppp/far.sh"
ip netns exec far mosquitto_sub -t 'far/#' -v -q 1 -i watcher -c > /tmp/received &
"$NODE" "$PROJECT/test/vm/gateway/site.ts"
