# The dialler and the real pppd: what dialler.ts finds is printed a line each, for ppp.test.ts to judge.
. "$PROJECT/test/vm/ppp/far.sh"
"$NODE" "$PROJECT/test/vm/ppp/dialler.ts"
