# Read by the scripts beside it: simulated chips can be made, and `run FILE …` runs a script of this folder.
mount -t configfs config /sys/kernel/config
# The project is read-only here; emulation takes its time, and most of it to strip types.
export NODE_COMPILE_CACHE=/tmp/compile-cache
run() { exec "$NODE" --disable-warning=ExperimentalWarning "$PROJECT/test/vm/gpio/$@"; }
