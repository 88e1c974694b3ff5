# Both back ends at simulated chips of the kernel.
. "$PROJECT/test/vm/gpio/node.sh"
run contract.ts
