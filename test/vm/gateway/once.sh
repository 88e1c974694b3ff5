# One call of the gateway, for the suite: queued messages have the line dialled, are delivered, and it is hung up.
. "$PROJECT/test/vm/gateway/watch.sh"
"$NODE" "$PROJECT/test/vm/gateway/site.ts" once
