# The whole gateway at simulated lines.
mount -t configfs config /sys/kernel/config
exec "$NODE" --disable-warning=ExperimentalWarning "$PROJECT/test/vm/gpio/whole.ts"
