# A line between two network namespaces that carries IP packets by hand: what goes over it is counted to the byte, takes its time, and
# gets lost when it is told to. The kernel's own TCP runs on both ends, so that acknowledgements and what is sent again are real.
#
# Arguments: names of the two namespaces, which are made here and taken away at the end. They are 10.99.0.1 and 10.99.0.2; the interface
# is `line0` in both. Commands are lines of JSON: {"delayMs": 300, "loss": 0.02, "seed": 1} sets, {} asks; each is answered with counts.
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
CLONE_NEWNET = 0x40000000
FIN, SYN = 1, 2
libc = ctypes.CDLL(None, use_errno=True)


def ip(*args):
    subprocess.run(["ip", *args], check=True, stdin=subprocess.DEVNULL)


def enter(namespace):
    fd = os.open(f"/var/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)


def line_end(namespace, address, peer):
    ip("netns", "add", namespace)
    enter(namespace)
    for scope in ("all", "default"):
        with open(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6", "w") as file:
            file.write("1")  # it would talk to itself
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", b"line0", IFF_TUN_NO_PI))
    ip("link", "set", "lo", "up")
    ip("addr", "add", address, "peer", peer, "dev", "line0")
    ip("link", "set", "line0", "up")
    return tun


def sent_again(packet, ends_seen):
    """Whether a TCP packet (IPv4) is a SYN, bytes or a FIN that its end has sent before. `ends_seen`: highest sequence number of each way."""
    header = (packet[0] & 15) * 4
    if packet[0] >> 4 != 4 or packet[9] != 6 or len(packet) < header + 20:
        return False
    source, target, sequence = struct.unpack_from("!HHI", packet, header)
    flags = packet[header + 13]
    length = len(packet) - header - (packet[header + 12] >> 4) * 4 + (1 if flags & SYN else 0) + (1 if flags & FIN else 0)
    if length == 0:
        return False
    way = (packet[12:20], source, target)
    seen = ends_seen.get(way)
    end = (sequence + length) & 0xFFFFFFFF
    again = seen == end if flags & SYN else seen is not None and (seen - end) & 0xFFFFFFFF < 1 << 31
    if not again:
        ends_seen[way] = end
    return again


names = sys.argv[1:3]
settings = {"delayMs": 0, "loss": 0}
chance = random.Random(1)
counts = {"upBytes": 0, "upPackets": 0, "downBytes": 0, "downPackets": 0, "lostPackets": 0, "againBytes": 0}
ends_seen = {}
try:
    ends = [line_end(names[0], "10.99.0.1", "10.99.0.2"), line_end(names[1], "10.99.0.2", "10.99.0.1")]
    print(json.dumps(counts), flush=True)
    waiting = []
    order = 0
    buffered = b""
    open_ = True
    while open_:
        wait = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for fd in select.select([*ends, 0], [], [], wait)[0]:
            if fd == 0:
                data = os.read(0, 65536)
                open_ = data != b""
                buffered += data
                *commands, buffered = buffered.split(b"\n")
                for command in commands:
                    settings.update(json.loads(command))
                    if b"seed" in command:
                        chance.seed(settings["seed"])
                    print(json.dumps(counts), flush=True)
                continue
            packet = os.read(fd, 65536)
            way = "up" if fd == ends[0] else "down"
            counts[way + "Bytes"] += len(packet)
            counts[way + "Packets"] += 1
            if sent_again(packet, ends_seen):
                counts["againBytes"] += len(packet)
            if chance.random() < settings["loss"]:
                counts["lostPackets"] += 1
                continue
            order += 1
            heapq.heappush(waiting, (time.monotonic() + settings["delayMs"] / 1000, order, ends[1 if fd == ends[0] else 0], packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, end, packet = heapq.heappop(waiting)
            os.write(end, packet)
finally:
    for name in names:
        subprocess.run(["ip", "netns", "del", name], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
