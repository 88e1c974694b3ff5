#!/usr/bin/python3
"""A second decoder of batch frames, written from src/uplink/FRAME.md alone (names are those of the page), to check that the page is enough to write one.
Reads frames from stdin, each with its length before it (4 bytes, big endian), and writes a line of JSON for each: its messages, or the dictionary that it
needs. It trusts its input (the page's bounds are left out) and has seen every stream from its first frame on (parts of dictionaries are passed over)."""
import base64, copy, json, struct, sys, zlib
from collections import defaultdict
from datetime import datetime, timedelta
from types import SimpleNamespace as Thing
import zstandard

KNOTS = [22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768]
KNOTS += [65536 - knot for knot in KNOTS[-2::-1]]
SQUASH = [(KNOTS[i >> 7] * (128 - (i & 127)) + KNOTS[(i >> 7) + 1] * (i & 127) + 64) >> 7 for i in range(1, 4096)]
STRETCH = [next((x for x in range(-2047, 2048) if SQUASH[x + 2047] >> 4 >= p), 2047) for p in range(4096)]
TRACKERS = [(1, 0), (4, 64), (2, 2), (32, 8192), (256, 0), (16, 0), (1, 0)]
ONE, MOST = 65536, 1 << 42

def clip(value, most): return max(-most, min(most, value))
def squash(logit): return SQUASH[clip(logit, 2047) + 2047]
def within(p): return max(22, min(65514, p))
def counters(): return defaultdict(lambda: [32768, 0])  # p and n, by name
def sets(): return defaultdict(lambda: [16384, 8000, 8000, 8000, 8000])
def new_texts(): return Thing(recent=[], own=counters())
def new_column(error=16): return Thing(own=counters(), samples=0, last=0, missed=0, together=0, alone=256, levels=[0] * 7, trends=[0] * 7, errors=[error * ONE] * 7)
def new_state(): return Thing(topics=[], shapes=[], series=[], shared=counters(), sets=sets(), time=0, last=-1, history=b'')
def new_series(topic, shape):
    holes, pieces, source = [], [b''], iter(shape)
    for byte in source:
        if 0xF8 <= byte <= 0xFA: holes.append(byte); pieces.append(b'')
        else: pieces[-1] += bytes([next(source) if byte == 0xFB else byte])
    numbers = [Thing(format=[0, 0, 0, 0, 1, 0, 0, 0], column=new_column(), texts=new_texts()) for hole in holes if hole == 0xF8]
    return Thing(topic=topic, shape=shape, holes=holes, pieces=pieces, own=counters(), flags=0, next=-1, before=0, number=-1, time=new_column(1000),
                 expiry=new_column(), numbers=numbers, texts=[new_texts() for hole in holes if hole == 0xF9])
def period(column): return column.trends[3] if column.samples > 1 else 0
def best_of(column): return min(range(5), key=lambda k: column.errors[k])
def due(series, time):
    best, every = best_of(series.time), period(series.time) >> 16
    at = series.time.last + (series.time.levels[best] + series.time.trends[best] + 32768 >> 16)
    return at + (2 * (time - at) + every) // (2 * every) * every if 2 * (time - at) >= every else at

def text_of(n, kind, style, decimals, width, factor, halvings, offset, clock):
    whole, rest = divmod(abs(n * factor), 1 << halvings)
    up = 2 * rest > 1 << halvings or 2 * rest == 1 << halvings and (not style & 4 or whole & 1)
    v = (whole + up) * (-1 if n < 0 else 1) + offset
    if kind == 2: return (v % (1 << 8 * width)).to_bytes(width, 'little' if style & 1 else 'big')
    if kind == 3: return struct.pack('><'[style & 1] + ('f' if width == 4 else 'd'), v / 10 ** decimals)
    if kind == 4:
        text = repr(struct.unpack('f', struct.pack('f', v / 10 ** decimals))[0] if width == 4 else v * float('1e-%d' % decimals))
        return (text[:-2] if style & 1 and text.endswith('.0') else text).encode()
    whole, part = divmod(v if kind == 1 else abs(v), 10 ** decimals)
    behind = '.%0*d' % (decimals, part) if decimals else ''
    if kind == 1: return (str(datetime(1970, 1, 1) + timedelta(seconds=whole))[11 if style & 2 else 0:].replace(' ', ' T'[style & 1]) + behind).encode()
    return (('-' if v < 0 else '+' if style & 2 else '') + '%0*d' % (width, whole) + (behind.rstrip('0').rstrip('.') if style & 1 else behind)).encode()

class Frame:
    def __init__(self, bits, state, first, texts):
        self.bits, self.at, self.state, self.sequence, self.texts, self.surprise, self.made = bits + bytes(8), 4, state, first - 1, texts, 0, None
        self.low, self.high, self.value, self.slots, self.text_sets = 0, 0xFFFFFFFF, int.from_bytes(self.bits[:4], 'big'), counters(), sets()
        self.history = bytearray(state.history)
        self.after = {bytes(self.history[i - 3:i]): i for i in range(3, len(self.history) + 1)}
    def read(self, p=32768):
        middle = self.low + (self.high - self.low) * p // 65536
        bit = int(self.value <= middle)
        self.low, self.high = (self.low, middle) if bit else (middle + 1, self.high)
        while (self.low ^ self.high) >> 24 == 0:
            self.low, self.high, self.value = ((x << 8 | y) & 0xFFFFFFFF for x, y in ((self.low, 0), (self.high, 255), (self.value, self.bits[self.at])))
            self.at += 1
        return bit
    def mix(self, weights, *seen, expected=32768):
        inputs = [STRETCH[expected >> 4]]
        inputs += [(STRETCH[p >> 4] - inputs[0]) * (256 * n // (n + 1)) >> 8 for p, n in seen]
        p = squash(sum(w * x for w, x in zip(weights, inputs)) >> 14)
        bit = self.read(p)
        weights[:len(inputs)] = [clip(w + (x * (ONE * bit - p) + 32768 >> 16), 131071) for w, x in zip(weights, inputs)]
        for it in seen: it[:] = it[0] + ((65535 * bit - it[0]) * (32768 // (2 * it[1] + 3)) + 8192 >> 14), min(it[1] + 1, 255)
        return bit
    def flag(self, name, *own): return self.mix(self.state.sets['flags'], self.state.shared[name], *own)
    def even(self, count): return sum(self.read() << i for i in range(count - 1, -1, -1))
    def place(self, items): return items[self.even((len(items) - 1).bit_length())]
    def integer(self, kind):
        exponent = 0
        while self.mix(self.state.sets['integers'], self.state.shared[kind, min(exponent, 31)]): exponent += 1
        return (1 << exponent) + self.even(exponent) - 1
    def told(self):
        size, before, match, matched, history = self.integer('length'), 0, 0, 0, self.history
        slot = lambda context, part: self.slots[(context + part * 0x10001) * 0x9E3779B1 % (1 << 32) >> 16]
        for i in range(size):
            part, contexts = 1, [0] + [(before % (1 << 8 * order) + (order << 24)) * 0x2C1B3C6D % (1 << 32) for order in (1, 2)]
            for bit in range(7, -1, -1):
                agrees = match and (history[match] | 256) >> bit + 1 == part
                seen = [slot(context, part) for context in contexts] + ([slot(1, 2 * min(matched, 16) + (history[match] >> bit & 1))] if agrees else [])
                part = 2 * part + self.mix(self.text_sets[bool(agrees)], *seen)
            match, matched = (match + 1, matched + 1) if match and history[match] == part & 255 else (0, 0)
            history.append(part & 255)
            before = (before << 8 | part & 255) & 0xFFFFFF
            if i < 2: continue
            match = match or self.after.get(before.to_bytes(3, 'big'), 0)
            self.after[before.to_bytes(3, 'big')] = len(history)
        return bytes(history[len(history) - size:])

    def next(self, it, kind, moved, now=None):
        best = base = lead = 0
        guesses, every = [0] * 7, period(it)
        if it.samples:
            best, guesses = best_of(it), [level + trend for level, trend in zip(it.levels, it.trends)]
            guesses[5] = it.levels[5] + moved
            late = now - it.last if now is not None and every > 0 else 0
            periods = max(0, (2 * (late * ONE - guesses[best]) + every) // (2 * every)) if 0 < late <= 1 << 26 else 0
            guesses[:5] = [guess + periods * every for guess in guesses[:5]]
            base, lead = 5 if it.errors[5] < it.errors[best] else best, self.surprise
            guesses[6] = guesses[base] + (clip(lead * it.together // it.alone, 1023) * it.errors[base] >> 8)
            guesses, best = [clip(guess, MOST) for guess in guesses], 6 if it.errors[6] < it.errors[base] else base
        rounded = guesses[best] + 32768 >> 16
        off = self.distance(it, kind, guesses[best] - rounded * ONE, 16 + (44 * it.errors[best] >> 14))
        step, m, self.surprise = rounded + off, min(it.samples + 1, 255), 0
        it.last, it.samples, it.missed, line, most = it.last + step, m, (off > 0) + 2 * (off < 0), m * (m + 1), 16 * it.errors[best] + 2 * ONE
        if m == 1 or abs(step) > 1 << 26: it.levels = [0] * 7; return it.last
        self.surprise = clip(256 * (step * ONE - guesses[base]) // (it.errors[base] + 1), 1023)
        if lead: it.together += lead * self.surprise - it.together >> 5; it.alone += (lead * lead - it.alone >> 5) + 1
        for k, (level, trend) in enumerate(TRACKERS):
            error = step * ONE - guesses[k]
            size = min(abs(error), MOST)
            it.errors[k] = size + 16384 if m < 4 else it.errors[k] + 2 * (min(size, most) - it.errors[k]) // (2 * m + 1 if m < 128 else 256)
            it.levels[k] = (error // level if (4 * m - 2) * level <= line else error * (4 * m - 2) // line if trend else error // m) - error
            if trend: it.trends[k] = clip(it.trends[k] + (6 * error // line if 6 * trend > line else error // trend), MOST)
        it.trends[0] = it.trends[4] = it.trends[3]
        return it.last
    def distance(self, it, kind, part, spread):
        node = lambda name, group, expected: self.mix(self.state.sets[kind, group], it.own[name], self.state.shared[kind, name, it.missed], expected=expected)
        above = squash((part - 32768) // spread)
        hit = within(squash((part + 32768) // spread) - above)
        if node(0, 0, hit): return 0
        up, bits, passed = node(1, 1, within(above * ONE // (ONE - hit))), (spread // 512).bit_length(), 0
        fall, logit = (ONE << bits) // spread, ((part if up else -part) - 32768) // spread
        for i in range(61):
            logit = max(logit, -1024)
            if not node((2 if up else 9) + min(i, 6), 3 - up, within(max(4096, squash(logit - fall) * ONE // squash(logit)))): break
            passed, logit = passed + (1 << bits), logit - fall
            if i >= 8: bits, fall = bits + 1, 2 * fall
        return (1 + passed + self.even(bits)) * (1 if up else -1)
