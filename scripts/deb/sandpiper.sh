#!/bin/sh
# Starts Sandpiper with the Node that it was built for. What has been compiled before lies in cache/, which only root writes (postinst).
program=/usr/lib/sandpiper
# An application update (of the image) runs in place of the one root program that it was made for (src/update/application.ts).
if [ -f /data/app/current/root ] && [ "${SANDPIPER_PROGRAM-}" != root ] && read -r made_for </data/app/current/root && read -r root </usr/lib/sandpiper/identity && [ "$made_for" = "$root" ]; then
  program=/data/app/current
fi
NODE_COMPILE_CACHE=$program/cache exec /usr/lib/sandpiper/node @FLAGS@ $program/sandpiper.mjs "$@"
