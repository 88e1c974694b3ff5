# A paho client that a test drives: commands as lines of JSON on standard input, events as lines of JSON on standard output.
# Runs with Debian's python3-paho-mqtt (1.6).
import json
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

printing = threading.Lock()


def say(**event):
    with printing:
        print(json.dumps(event), flush=True)


port, client_id, version, clean = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4] == "clean"
transport, ca = sys.argv[5], sys.argv[6]
if version == 5:
    client = mqtt.Client(client_id, protocol=mqtt.MQTTv5, transport=transport)
else:
    client = mqtt.Client(client_id, clean_session=clean, protocol=version, transport=transport)
if ca != "":
    client.tls_set(ca_certs=ca)
client.reconnect_delay_set(1, 1)


def on_connect(client, userdata, flags, code, properties=None):
    say(event="connect", present=bool(flags["session present"]), code=code if isinstance(code, int) else code.value)


def on_message(client, userdata, m):
    properties = getattr(m, "properties", None)
    user = [list(p) for p in getattr(properties, "UserProperty", [])] if properties is not None else []
    say(event="message", topic=m.topic, payload=m.payload.decode(), qos=m.qos, retain=bool(m.retain), user=user)


client.on_connect = on_connect
client.on_message = on_message
client.on_subscribe = lambda c, u, mid, granted, properties=None: say(event="subscribe", granted=[g if isinstance(g, int) else g.value for g in granted])
client.on_publish = lambda c, u, mid: say(event="publish", mid=mid)
client.on_disconnect = lambda c, u, code, properties=None: say(event="disconnect")

if version == 5:
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 0 if clean else 3600
    client.connect("127.0.0.1", port, 60, clean_start=clean, properties=properties)
else:
    client.connect("127.0.0.1", port, 60)
client.loop_start()
for line in sys.stdin:
    command = json.loads(line)
    if command["do"] == "subscribe":
        client.subscribe(command["filter"], command["qos"])
    elif command["do"] == "publish":
        for payload in command["payloads"]:
            client.publish(command["topic"], payload, command["qos"], command.get("retain", False))
    elif command["do"] == "disconnect":
        client.disconnect()
        break
client.loop_stop()
