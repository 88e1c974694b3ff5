"""What another machine finds by multicast DNS: python-zeroconf, which shares nothing with the gateway. One line of JSON for each thing that it hears of.

    mdns-watch.py ADDRESS [NAME]     ADDRESS: of the network to look in; NAME: a host (well-07.local) that is asked for, too
"""
import json
import sys
import threading
import time

from zeroconf import DNSOutgoing, DNSQuestion, IPVersion, ServiceBrowser, Zeroconf, current_time_millis

TYPES = ["_mqtt._tcp.local.", "_secure-mqtt._tcp.local.", "_http._tcp.local.", "_https._tcp.local."]


lock = threading.Lock()


def say(**fields):
    with lock:  # each type has a thread of its own
        print(json.dumps(fields), flush=True)


class Listener:
    def add_service(self, zc, kind, name):
        info = zc.get_service_info(kind, name, 3000)
        if info is None:
            return say(heard="unresolved", type=kind, name=name)
        txt = {key.decode(): (value or b"").decode() for key, value in info.properties.items()}
        say(heard="found", type=kind, name=name[: -len(kind) - 1], host=info.server, port=info.port, addresses=sorted(info.parsed_addresses()), txt=txt)

    def update_service(self, zc, kind, name):
        self.add_service(zc, kind, name)

    def remove_service(self, zc, kind, name):
        say(heard="gone", type=kind, name=name[: -len(kind) - 1])


address, host = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
zeroconf = Zeroconf(interfaces=[address], ip_version=IPVersion.V6Only if ":" in address else IPVersion.V4Only)
for kind in TYPES:
    ServiceBrowser(zeroconf, kind, Listener())
say(heard="ready")
told = None
while True:
    if host is not None:
        out = DNSOutgoing(0)
        for number in (1, 28):
            out.add_question(DNSQuestion(host + ".", number, 1))
        zeroconf.send(out)
        time.sleep(0.2)
        now = sorted({entry.address.hex() for entry in zeroconf.cache.entries_with_name(host + ".") if entry.type in (1, 28) and not entry.is_expired(current_time_millis())})
        if now != told:
            told = now
            say(heard="host", name=host, addresses=now)
    time.sleep(0.2)
