# The whole gateway at simulated lines.
. "$PROJECT/test/vm/gpio/node.sh"
run whole.ts
