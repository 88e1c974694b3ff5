# A systemd for tests: a datagram socket at the path given, each datagram printed as one line of JSON. Node has no unix datagrams.
import json
import os
import socket
import sys

path = sys.argv[1]
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(path)
print(json.dumps({"listening": path}), flush=True)
while True:
    data = server.recv(65536)
    print(json.dumps({"lines": data.decode().splitlines()}), flush=True)
    if os.getppid() == 1:
        break
