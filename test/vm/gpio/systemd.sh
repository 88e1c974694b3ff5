# The gateway as a service of a real systemd, which keeps its lines while it is away. systemd runs as a user's manager, which needs no more than this.
mkdir -p /run/systemd/system /run/user/0 $HOME/.config/systemd/user
mount -t cgroup2 cgroup /sys/fs/cgroup
export XDG_RUNTIME_DIR=/run/user/0
cat > $HOME/.config/systemd/user/sandpiper.service <<UNIT
[Service]
Type=notify
NotifyAccess=all
ExecStart=$NODE $PROJECT/src/main.ts run --config /tmp/systemd.yaml
FileDescriptorStoreMax=16
Restart=always
RestartSec=0
UNIT
/lib/systemd/systemd --user --log-level=warning --log-target=console &
until systemctl --user is-system-running 2>/dev/null | grep -q .; do sleep 0.1; done
. "$PROJECT/test/vm/gpio/node.sh"
run systemd.ts
