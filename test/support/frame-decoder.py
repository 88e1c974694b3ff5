#!/usr/bin/python3
"""A second decoder of batch frames, written from src/uplink/FRAME.md alone (names are those of the page), to check that the page is enough to write one.
Reads frames from stdin, each with its length before it (4 bytes, big endian), and writes a line of JSON for each: its messages, or the dictionary that it
needs. It trusts its input: the page's bounds are left out."""
import base64, json, struct, sys, zlib
from datetime import datetime, timedelta
from types import SimpleNamespace as Thing
import zstandard

ONE, KNOTS = 65536, [22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768]
KNOTS += [65536 - knot for knot in KNOTS[-2::-1]]
SQUASH = [(KNOTS[i >> 7] * (128 - (i & 127)) + KNOTS[(i >> 7) + 1] * (i & 127) + 64) >> 7 for i in range(1, 4096)]
STRETCH = [next((x for x in range(-2047, 2048) if SQUASH[x + 2047] >> 4 >= p), 2047) for p in range(4096)]
SEEN = [*range(17), 18, 20, 23, 26, 30, 35, 41, 48, 57, 68, 85, 110, 150, 200, 255]
TRACKERS = [(2, 8, 7, 7), (2, 64, 7, 20), (2, 2, 7, 3), (32, 1024, 127, 78), (32, 8192, 127, 222), (128, 0, 128, 0), (8, 0, 8, 0)]
clip = lambda value, most: max(-most, min(most, value))
squash = lambda logit: SQUASH[clip(logit, 2047) + 2047]
within = lambda p: max(22, min(65514, p))
counters = lambda count: [[32768, 0] for _ in range(count)]  # p and n
weights = lambda sets: [[16384] + [6000] * 5 for _ in range(sets)]
place = lambda item, items: next(i for i, it in enumerate(items) if it is item)
new_state = lambda: Thing(topics=[], shapes=[], series=[], shared=counters(1248), sets=weights(13), time=0, last=-1, history=b'')
new_texts = lambda: Thing(recent=[], rank=0, counters=counters(16))
new_column = lambda error: Thing(counters=counters(16), samples=0, last=0, missed=0, before=0, together=0, alone=256,
                                 levels=[0] * 9, trends=[0] * 9, errors=[error * ONE] * 9)

def new_series(topic, shape):
    holes, pieces, source = [], [b''], iter(shape)
    for byte in source:
        if 0xF8 <= byte <= 0xFA: holes.append(byte); pieces.append(b'')
        else: pieces[-1] += bytes([next(source) if byte == 0xFB else byte])
    numbers = [Thing(format=[0, 0, 0, 0, 1, 0, 0, 0], column=new_column(16), texts=new_texts()) for hole in holes if hole == 0xF8]
    return Thing(topic=topic, shape=shape, holes=holes, pieces=pieces, counters=counters(8), flags=0, trust=0, next=-1, before=0, number=-1,
                 time=new_column(1000), expiry=new_column(16), numbers=numbers, texts=[new_texts() for hole in holes if hole == 0xF9])

def keep(state, series): series.number = len(state.series); state.series.append(series); return series

class Bytes:  # reads when there are bytes, otherwise writes the values it gets; each answers with the value
    def __init__(self, given=None): self.given, self.at, self.out = given, 0, bytearray()
    def raw(self, size): self.at += size; return bytes(self.given[self.at - size:self.at])
    def number(self, value=0):
        if self.given is None: self.out += bytes(value >> 7 * i & 127 | (128 if value >> 7 * i + 7 else 0) for i in range(max(1, -(-value.bit_length() // 7))))
        else:
            end = next(i for i in range(self.at, self.at + 8) if self.given[i] < 128) + 1
            value, self.at = sum((byte & 127) << 7 * i for i, byte in enumerate(self.given[self.at:end])), end
        return value
    def signed(self, value=0): value = self.number(2 * value if value >= 0 else -2 * value - 1); return value >> 1 if value % 2 == 0 else -(value + 1 >> 1)
    def string(self, value=b''): size = self.number(len(value)); self.out += value; return value if self.given is None else self.raw(size)
    def items(self, items, new): return (items or [new() for _ in range(size)]) if (size := self.number(len(items))) else []
    def state(self, it):
        self.number(1); it.time, it.last = self.number(it.time), self.number(it.last + 1) - 1
        it.topics, it.shapes = ([self.string(text) for text in self.items(texts, bytes)] for texts in (it.topics, it.shapes))
        for one in self.items(it.series, lambda: None):
            topic, shape = self.number(place(one.topic, it.topics) if one else 0), self.number(place(one.shape, it.shapes) if one else 0)
            one = one or keep(it, new_series(it.topics[topic], it.shapes[shape]))
            one.flags, one.trust, one.next, one.before = self.number(one.flags), self.number(one.trust), self.number(one.next + 1) - 1, self.number(one.before)
            self.counters(one.counters); self.column(one.time); self.column(one.expiry)
            for number in one.numbers: number.format = [self.number(field) for field in number.format]; self.column(number.column); self.texts(number.texts)
            for texts in one.texts: self.texts(texts)
        self.counters(it.shared)
        it.sets = [[first + self.signed(weight - first) for first, weight in zip(weights(1)[0], ones)] for ones in it.sets]
        it.history = self.string(it.history[-8192:])
        return it
    def column(self, it):
        it.samples = self.number(it.samples)
        if it.samples == 0: it.__dict__ = new_column(it.errors[0] // ONE if 0 else 16).__dict__; return
        it.last, (it.missed, it.before) = self.signed(it.last), divmod(self.number(3 * it.missed + it.before), 3)
        it.together, it.alone = self.signed(it.together), self.number(it.alone)
        it.levels[1:8] = [self.signed(level >> 8) << 8 for level in it.levels[1:8]]
        it.trends[1:6] = [self.signed(trend >> 4) << 4 for trend in it.trends[1:6]]
        it.errors = [self.number(error >> 8) << 8 for error in it.errors]
        self.counters(it.counters)
    def texts(self, it):
        it.recent = [self.string(text) for text in self.items(it.recent, bytes)]
        if it.recent: it.rank = self.number(it.rank); self.counters(it.counters)
    def counters(self, all):
        at = 0
        while at < len(all):
            unused = next((i for i in range(at, len(all)) if all[i][1]), len(all)) - at
            value = self.number(0 if unused else (STRETCH[all[at][0] >> 4] + 2048 >> 3) * 32 + max(i for i in range(32) if SEEN[i] <= all[at][1]))
            if value: all[at] = [squash(8 * (value >> 5) - 2044), SEEN[value & 31]]
            at += 1 if value else self.number(unused)
