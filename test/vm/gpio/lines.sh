# Both back ends against simulated chips of the kernel.
mount -t configfs config /sys/kernel/config
exec "$NODE" --disable-warning=ExperimentalWarning "$PROJECT/test/vm/gpio/contract.ts"
