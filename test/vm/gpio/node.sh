# Read by the scripts beside it: simulated chips can be made, and `run FILE …` runs a script of this folder.
mount -t configfs config /sys/kernel/config
run() { exec "$NODE" --disable-warning=ExperimentalWarning "$PROJECT/test/vm/gpio/$@"; }
