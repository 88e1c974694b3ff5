# The far end and somebody there who hears everything: a line of /tmp/received for each message. Sourced.
. "$PROJECT/test/vm/ppp/far.sh"
ip netns exec far mosquitto_sub -t 'far/#' -t 'bulk/#' -v -q 2 -i watcher -c > /tmp/received &
