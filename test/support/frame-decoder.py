#!/usr/bin/python3
"""A second decoder of batch frames, from src/uplink/FRAME.md alone, whose names these are. Frames on stdin, each behind its length (4 bytes, big endian), become lines
of JSON: one for each message, or one that says what a frame needs. It trusts its input. Dictionaries in parts are read by frame_dictionary.py."""
import base64, collections, copy, datetime, importlib, io, json, re, struct, sys, types, zlib, zstandard
Thing, ONE, ALL, MOST, TRACKERS = types.SimpleNamespace, 65536, 0xFFFFFFFF, 1 << 42, [(1, 0), (4, 64), (2, 2), (32, 8192), (256, 0), (16, 0), (1, 0)]
KNOTS = (half := [22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768]) + [65536 - k for k in half[-2::-1]]
SQUASH = [(KNOTS[i >> 7] * (128 - (i & 127)) + KNOTS[(i >> 7) + 1] * (i & 127) + 64) >> 7 for i in range(1, 4096)]
STRETCH = [next((x for x in range(-2047, 2048) if SQUASH[x + 2047] >> 4 >= p), 2047) for p in range(4096)]
clip, squash = lambda value, most: max(-most, min(most, value)), lambda logit: SQUASH[clip(logit, 2047) + 2047]
counters, sets = lambda: collections.defaultdict(lambda: [32768, 0]), lambda: collections.defaultdict(lambda: [16384, 8000, 8000, 8000, 8000])
new_texts, best_of = lambda: Thing(recent=[], own=counters()), lambda column: min(range(5), key=lambda k: column.errors[k])
def new_column(off=16): return Thing(own=counters(), samples=0, last=0, missed=0, together=0, alone=256, levels=[0] * 7, trends=[0] * 7, errors=[off * ONE] * 7)
def new_series(topic, shape, number=-1):
    marks = re.findall(b'(?s)\xfb.|.', shape)  # a byte each, but for those behind FB
    numbers = [Thing(format=[0, 0, 0, 0, 1, 0, 0, 0], column=new_column(), texts=new_texts()) for _ in range(marks.count(b'\xf8'))]
    return Thing(topic=topic, marks=marks, number=number, own=counters(), flags=0, next=-1, before=0, time=new_column(1000), expiry=new_column(),
                 numbers=numbers, texts=[new_texts() for _ in range(marks.count(b'\xf9'))])
def moved_on(at, period, time): return at + max(0, 2 * (time - at) + period) // (2 * period) * period
def due_of(times): return times.last + (times.levels[best_of(times)] + times.trends[best_of(times)] + 32768 >> 16)
def written(n, kind, style, decimals, width, factor, halvings, offset, clock):
    whole, rest = divmod(abs(n * factor), 1 << halvings)
    v = (whole + (2 * rest > 1 << halvings or 2 * rest == 1 << halvings and (not style & 4 or whole & 1))) * (-1 if n < 0 else 1) + offset
    if kind == 2: return (v % 256 ** width).to_bytes(width, 'little' if style & 1 else 'big')
    if kind == 3: return struct.pack('><'[style & 1] + ' fd'[width // 4], v / 10 ** decimals)
    real = v * float('1e-%d' % decimals) if width == 8 else struct.unpack('f', struct.pack('f', v / 10 ** decimals))[0]
    if kind == 4: return repr(int(real) if style & 1 and real.is_integer() else real).encode()
    whole, part = divmod(v if kind == 1 else abs(v), 10 ** decimals); behind = '.%0*d' % (decimals, part) if decimals else ''
    if kind == 1: return (str(datetime.datetime(1970, 1, 1) + datetime.timedelta(0, whole))[11 if style & 2 else 0:].replace(' ', ' T'[style & 1]) + behind).encode()
    return (('-' if v < 0 else '+' if style & 2 else '') + '%0*d' % (width, whole) + (behind.rstrip('0').rstrip('.') if style & 1 else behind)).encode()
class Frame:
    def __init__(self, bits, state, sequence, texts):
        self.bits, self.state, self.sequence, self.texts, self.history, self.made, self.due = bits, state, sequence, io.BytesIO(texts), state.history, None, {}
        self.low, self.high, self.value, self.slots, self.told_sets = 0, ALL, int.from_bytes(bits.read(4).ljust(4, b'\0'), 'big'), counters(), sets()
        self.after = {self.history[i - 3:i]: i for i in range(3, len(self.history) + 1)}
    def read(self, p=32768):
        self.low, self.high, bit = (self.low, mid, 1) if self.value <= (mid := self.low + (self.high - self.low) * p // ONE) else (mid + 1, self.high, 0)
        while (self.low ^ self.high) >> 24 == 0:
            self.low, self.high, self.value = self.low << 8 & ALL, (self.high << 8 | 255) & ALL, (self.value << 8 | (self.bits.read(1) or b'\0')[0]) & ALL
        return bit
    def mix(self, weights, *seen, expected=32768):
        inputs = [x0 := STRETCH[expected >> 4]] + [(STRETCH[p >> 4] - x0) * (256 * n // (n + 1)) >> 8 for p, n in seen]
        bit = self.read(p := squash(sum(w * x for w, x in zip(weights, inputs)) >> 14))
        weights[:len(inputs)] = [clip(w + (x * (ONE * bit - p) + 32768 >> 16), 131071) for w, x in zip(weights, inputs)]
        for it in seen: it[:] = it[0] + ((65535 * bit - it[0]) * (32768 // (2 * it[1] + 3)) + 8192 >> 14), min(it[1] + 1, 255)
        return bit
    def flag(self, name): return self.mix(self.state.sets['flags'], self.state.shared[name])
    def even(self, count): return sum(self.read() << i for i in range(count - 1, -1, -1))
    def one_of(self, items): return items[self.even((len(items) - 1).bit_length())]
    def integer(self, kind, e=0):
        return self.integer(kind, e + 1) if self.mix(self.state.sets['integers'], self.state.shared[kind, min(e, 31)]) else (1 << e) + self.even(e) - 1
    def told(self):
        size, before, match, matched = self.integer('length'), 0, 0, 0
        for i in range(size):
            part, contexts = 1, [0] + [(before % (1 << 8 * order) + (order << 24)) * 0x2C1B3C6D & ALL for order in (1, 2)]
            for bit in range(7, -1, -1):
                agrees = match > 0 and (self.history[match] | 256) >> bit + 1 == part
                slots = [(c, part) for c in contexts] + ([(1, 2 * min(matched, 16) + (self.history[match] >> bit & 1))] if agrees else [])
                part = 2 * part + self.mix(self.told_sets[agrees], *(self.slots[((c + x * 0x10001) * 0x9E3779B1 & ALL) >> 16] for c, x in slots))
            match, matched = (match + 1, matched + 1) if match and self.history[match] == part & 255 else (0, 0)
            self.history, before = self.history + bytes([part & 255]), (before << 8 | part & 255) & 0xFFFFFF
            if i > 1: match, self.after[self.history[-3:]] = match or self.after.get(self.history[-3:], 0), len(self.history)
        return self.history[len(self.history) - size:]
    def next(self, it, kind, moved, now=None):
        best, base, lead, guesses, errors, m, every = 0, 0, 0, [0] * 7, it.errors, min(it.samples + 1, 255), it.trends[3]
        if it.samples:
            best, guesses, late = best_of(it), list(map(sum, zip(it.levels, it.trends))), now - it.last if now is not None and every > 0 else 0
            late = max(0, (2 * (late * ONE - guesses[best]) + every) // (2 * every)) * every if 0 < late <= 1 << 26 else 0
            guesses[:6] = [guess + late for guess in guesses[:5]] + [it.levels[5] + moved]
            base, lead = 5 if errors[5] < errors[best] else best, self.surprise
            guesses[6] = guesses[base] + (clip(lead * it.together // it.alone, 1023) * errors[base] >> 8)
            guesses, best = [clip(guess, MOST) for guess in guesses], 6 if errors[6] < errors[base] else base
        off = self.distance(it, kind, (guesses[best] + 32768) % ONE - 32768, 16 + (44 * errors[best] >> 14))
        step, most, line = (guesses[best] + 32768 >> 16) + off, 16 * errors[best] + 2 * ONE, m * (m + 1)
        it.last, it.samples, it.missed, self.surprise = it.last + step, m, (off > 0) + 2 * (off < 0), 0
        if m == 1 or abs(step) > 1 << 26: it.levels = [0] * 7; return it.last
        self.surprise = clip(256 * (step * ONE - guesses[base]) // (errors[base] + 1), 1023)
        if lead: it.together += lead * self.surprise - it.together >> 5; it.alone += (lead * lead - it.alone >> 5) + 1
        for k, (level, trend) in enumerate(TRACKERS):
            size = min(abs(e := step * ONE - guesses[k]), MOST)
            errors[k] = size + 16384 if m < 4 else errors[k] + 2 * (min(size, most) - errors[k]) // (2 * m + 1 if m < 128 else 256)
            it.levels[k] = (e // level if (4 * m - 2) * level <= line else e * (4 * m - 2) // line if trend else e // m) - e
            if trend: it.trends[k] = clip(it.trends[k] + (6 * e // line if 6 * trend > line else e // trend), MOST)
        it.trends[0] = it.trends[4] = it.trends[3]; return it.last
    def distance(self, it, kind, f, s):
        def node(i, group, p): return self.mix(self.state.sets[kind, group], it.own[i], self.state.shared[kind, i, it.missed], expected=max(22, min(65514, p)))
        above, bits, passed = squash((f - 32768) // s), (s >> 9).bit_length(), 0
        if node(0, 0, hit := max(22, min(65514, squash((f + 32768) // s) - above))): return 0
        up, fall = node(1, 1, above * ONE // (ONE - hit)), (ONE << bits) // s; x = ((f if up else -f) - 32768) // s
        for i in range(61):
            if not node((2 if up else 9) + min(i, 6), 3 - up, max(4096, squash((x := max(x, -1024)) - fall) * ONE // squash(x))): break
            passed, x, bits, fall = passed + (1 << bits), x - fall, bits + (i >= 8), fall << (i >= 8)
        return (1 + passed + self.even(bits)) * (1 if up else -1)
    def series(self, state):
        last, sets, shared = state.series[state.last] if state.last >= 0 else Thing(next=-1), state.sets['offers'], state.shared
        alive = [it for it in state.series if it.time.trends[3] >= ONE and state.time - it.time.last <= 3 * (it.time.trends[3] >> 16)]
        for it in alive: self.due[it.number] = moved_on(self.due.get(it.number, due_of(it.time)), it.time.trends[3] >> 16, state.time)
        offered, follower = sorted(alive, key=lambda it: self.due[it.number])[:2], state.series[last.next] if last.next >= 0 else None
        if follower and self.mix(sets, last.own['follows due' if offered and follower is offered[0] else 'follows'], shared['follows']): return follower
        found = next((it for it in offered if it is not follower and self.mix(sets, it.own['offered'], shared['offered'])), None)
        return found or self.one_of(state.series + [None]) or self.new(state)
    def new(self, state):
        topic = self.one_of(state.topics) if (topic_known := state.topics and self.flag('topic known')) else self.told()
        shape = self.one_of(state.shapes) if (shape_known := state.shapes and self.flag('shape known')) else self.told()
        kept = self.flag('kept'); it = new_series(topic, shape, len(state.series) if kept else -1); it.time.last = state.time
        for number in it.numbers: self.reformat(number)
        if kept: state.series += [it]; state.topics += [] if topic_known else [topic]; state.shapes += [] if shape_known else [shape]
        return it
    def reformat(self, it):
        before, it.format = it.format, [self.integer(('format', i)) for i in range(8)]
        it.column = it.column if all(before[i] == it.format[i] for i in (0, 2, 4, 5, 6)) else new_column(); return True
    def number(self, it, regular, elapsed):
        if not (regular or self.flag('fits') or self.flag('reformatted') and self.reformat(it)): return self.text(it.texts)
        return written(self.next(it.column, 1, elapsed * ONE * 10 ** it.format[7] // 10 ** 4 if it.format[7] else 0), *it.format)
    def text(self, it):
        rank = next((i for i in range(len(it.recent)) if self.mix(self.state.sets['texts'], it.own[min(i, 7)], self.state.shared['texts', min(i, 7)])), None)
        text = it.recent.pop(rank) if rank is not None else self.texts.read(self.integer('length')) if self.flag('apart') else self.told()
        it.recent = ([text] * (len(text) <= 64) + it.recent)[:16]; return text
    def message(self, state):
        it, properties, expiry = self.series(state), None, None
        self.sequence += 1 if self.flag('in sequence') else 2 + self.integer('gap')
        it.flags, last, numbers, texts = it.flags if self.flag('ordinary') else self.even(6), it.time.last, iter(it.numbers), iter(it.texts)
        self.surprise = 0; time = self.next(it.time, 0, (state.time - it.before) * ONE, state.time); elapsed = time - last if it.time.samples > 1 else 0
        if it.flags & 8 and self.made is None: made = self.integer('made'); self.made = state.time + (-(made + 1 >> 1) if made & 1 else made >> 1)
        if it.flags & 8: self.surprise = 0; expiry = self.next(it.expiry, 1, 0) - (self.made - time) // 1000
        regular, text, self.surprise = not it.numbers or self.flag('regular'), b'', 0
        for mark in it.marks:
            if mark == b'\xfa': properties, text = base64.b64encode(text).decode(), b''; continue
            text += self.number(next(numbers), regular, elapsed) if mark == b'\xf8' else self.text(next(texts)) if mark == b'\xf9' else mark[-1:]
        if state.last >= 0: state.series[state.last].next = it.number
        it.before, state.time, state.last = state.time, time, it.number; self.due.pop(it.number, 0)
        return dict(topic=it.topic.decode(), payload=base64.b64encode(text).decode(), qos=it.flags & 3, retain=it.flags & 4 > 0, properties=properties,
                    timeMs=time, timeQuality=it.flags >> 4, sequence=self.sequence, expiresAfterSec=expiry)
def number(file): byte = file.read(1)[0]; return byte if byte < 128 else byte - 128 + 128 * number(file)
def string(file): return file.read(number(file))
def unpacked(size, texts, history=b''):
    known = zstandard.ZstdCompressionDict(b'\0' + history, dict_type=zstandard.DICT_TYPE_RAWCONTENT) if history else None
    return zstandard.ZstdDecompressor(dict_data=known).decompress(b'\x28\xb5\x2f\xfd' + texts, size >> 1) if size & 1 else texts
def decode(frame, states):
    file, flags = io.BytesIO(frame), frame[0] & 15; file.read(7)
    name, first, count, _ = file.read(4).hex() if flags & 1 else '', number(file), number(file) + 1, number(file)
    if flags & 8: importlib.import_module('frame_dictionary').take_part(file, states, sys.modules[__name__])
    size, texts = (number(file), string(file)) if flags & 4 else (0, b'')
    if name not in states: return [dict(needs=name)]
    state, check = copy.deepcopy(states[name]), zlib.crc32(frame[:file.tell()])
    it = Frame(file, state, first - 1, unpacked(size, texts, state.history)); messages = [it.message(state) for _ in range(count)]
    assert it.even(16) == check & 0xFFFF, 'the frame is damaged, or was made with another dictionary'
    if flags & 2: state.history = (it.history + it.texts.getvalue())[-8192:]; states['%08x' % zlib.crc32(frame)] = state
    return messages
states = {'': Thing(topics=[], shapes=[], series=[], shared=counters(), sets=sets(), time=0, last=-1, history=b'')}
while size := sys.stdin.buffer.read(4): print(*map(json.dumps, decode(sys.stdin.buffer.read(int.from_bytes(size, 'big')), states)), sep='\n', flush=True)
