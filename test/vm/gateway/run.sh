# The whole gateway on a line that pppd dials: what site.ts finds is printed a line each, for gateway.test.ts to judge.
. "$PROJECT/test/vm/gateway/watch.sh"
"$NODE" "$PROJECT/test/vm/gateway/site.ts"
