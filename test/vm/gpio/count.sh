# Ten seconds of a thousand pulses a second.
. "$PROJECT/test/vm/gpio/node.sh"
run count.ts 10
