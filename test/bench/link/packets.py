# Two network interfaces joined to one link, packet by packet: rate, delay, jitter, loss, a queue, and counters of IP bytes.
#
#   packets.py UP-INTERFACE DOWN-INTERFACE     (root; nothing else may forward between the two)
#
# "up" is what comes in at the first and leaves by the second. TCP runs from end to end through it, so that its slow start, acknowledgements and
# retransmissions are those of the real delay: what a proxy cannot show. It does what tbf and netem do together where the kernel has both.
#
# Commands are lines on stdin; each is answered by a line of JSON:
#   shape {"up": BITS_PER_SEC or null, "down": …, "delayMs": one way, "jitterMs": …, "queueBytes": per direction, "loss": 0 to 1}
#   down | up        nothing passes, or it does again
#   stats            per direction: IP bytes that have left, packets; per TCP port of the first side the bytes and packets that will; dropped
import heapq
import json
import random
import select
import socket
import sys
import time

ALL_PROTOCOLS = socket.htons(3)
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
ETHERNET_BYTES = 14
FLOWS_MAX = 100_000
TCP = 6


class Line:
    def __init__(self, source, target, port_at):
        self.source, self.target, self.port_at = source, target, port_at
        self.bits_per_sec, self.delay, self.jitter, self.queue_bytes, self.loss = None, 0.0, 0.0, 65536, 0.0
        self.free_at = self.last_arrival = 0.0
        self.flying = []  # (arrival, order, frame)
        self.bytes = self.packets = self.dropped = self.order = 0
        self.flows = {}

    def shape(self, bits_per_sec, shape):
        self.bits_per_sec = bits_per_sec
        self.delay, self.jitter = shape["delayMs"] / 1000, shape["jitterMs"] / 1000
        self.queue_bytes, self.loss = shape["queueBytes"], shape["loss"]

    def take(self, now, is_up):
        frame = self.source.recv(65535)
        if frame[12:14] != b"\x08\x00":
            return
        size = int.from_bytes(frame[16:18], "big")  # IP's own length: Ethernet may have padded
        sending = 0 if self.bits_per_sec is None else size * 8 / self.bits_per_sec
        waiting = 0 if self.bits_per_sec is None else max(0, self.free_at - now) * self.bits_per_sec / 8
        if not is_up or waiting + size > self.queue_bytes:
            self.dropped += 1
            return
        self.free_at = max(self.free_at, now) + sending
        self.count(frame, size)
        if self.loss > 0 and random.random() < self.loss:
            self.dropped += 1
            return
        arrival = self.free_at + self.delay + (random.random() * self.jitter if self.jitter > 0 else 0)
        self.last_arrival = arrival = max(arrival, self.last_arrival)
        self.order += 1
        heapq.heappush(self.flying, (arrival, self.order, frame))

    def count(self, frame, size):
        self.bytes += size
        self.packets += 1
        if frame[23] != TCP:
            return
        at = ETHERNET_BYTES + (frame[14] & 15) * 4 + self.port_at
        port = int.from_bytes(frame[at : at + 2], "big")
        if port in self.flows or len(self.flows) < FLOWS_MAX:
            flow = self.flows.setdefault(port, [0, 0])
            flow[0] += size
            flow[1] += 1

    def deliver(self, now):
        while self.flying and self.flying[0][0] <= now:
            try:
                self.target.send(heapq.heappop(self.flying)[2])
            except OSError:  # the interface went away with its end
                self.dropped += 1

    def stats(self, now):
        waiting = 0 if self.bits_per_sec is None else max(0, self.free_at - now) * self.bits_per_sec / 8
        return {"bytes": self.bytes - round(waiting), "packets": self.packets, "dropped": self.dropped, "flows": [[port, *sums] for port, sums in self.flows.items()]}


def raw(interface):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, ALL_PROTOCOLS)
    s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    s.bind((interface, 0))
    return s


def main():
    near, far = raw(sys.argv[1]), raw(sys.argv[2])
    up, down = Line(near, far, 0), Line(far, near, 2)
    lines = {near: up, far: down}
    is_up = True
    while True:
        now = time.monotonic()
        for line in (up, down):
            line.deliver(now)
        wake = min((line.flying[0][0] for line in (up, down) if line.flying), default=None)
        ready, _, _ = select.select([near, far, sys.stdin], [], [], None if wake is None else max(0, wake - now))
        now = time.monotonic()
        for source in ready:
            if source is not sys.stdin:
                lines[source].take(now, is_up)
                continue
            word, _, rest = sys.stdin.readline().strip().partition(" ")
            answer = {}
            if word == "":
                return
            if word == "shape":
                shape = json.loads(rest)
                up.shape(shape["up"], shape)
                down.shape(shape["down"], shape)
            elif word in ("up", "down"):
                is_up = word == "up"
            elif word == "stats":
                answer = {"up": up.stats(now), "down": down.stats(now)}
            print(json.dumps(answer), flush=True)


main()
