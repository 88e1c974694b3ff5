"""Dictionaries that come in parts, for frame-decoder.py (`page`): section 8 of src/uplink/FRAME.md."""
import copy, io, zlib
INTEGERS = ['gap', 'length', 'made', *(('format', i) for i in range(8))]
FLAGS = ['ordinary', 'in sequence', 'regular', 'fits', 'reformatted', 'kept', 'topic known', 'shape known', 'apart']
SHARED = [*((kind, i, missed) for kind in (0, 1) for i in range(16) for missed in range(3)), *((kind, e) for kind in INTEGERS for e in range(32)),
          'offered', 'follows', *(('texts', i) for i in range(8)), *FLAGS]
SETS = [*((kind, group) for kind in (0, 1) for group in range(4)), 'offers', 'flags', 'integers', 'texts']
pieces = {}  # by name, what has come of a dictionary

def take_part(file, states, page):
    """Reads a part; when it is the last one of its dictionary, that joins the states."""
    name, size, begins, piece = file.read(4).hex(), page.number(file), page.number(file), page.string(file)
    before = pieces.pop(name, b'') if begins > 0 else b''
    if begins == len(before): pieces[name] = before + piece
    if len(pieces.get(name, b'')) < size: return
    packed = io.BytesIO(pieces.pop(name))
    whole = page.unpacked(page.number(packed), page.string(packed))
    states[name] = Reader(whole, page).state(copy.deepcopy(states['']))
    assert name == whole[:4].hex()

class Reader:
    def __init__(self, whole, page):
        self.file, self.page = io.BytesIO(whole), page
        self.file.read(4)
        assert self.number() == zlib.crc32(whole[self.file.tell():]) and self.number() == 1
    def number(self): return self.page.number(self.file)
    def string(self): return self.page.string(self.file)
    def signed(self): return -(n + 1 >> 1) if (n := self.number()) & 1 else n >> 1
    def state(self, it):
        it.time, it.last = self.number(), self.number() - 1
        it.topics = [self.string() for _ in range(self.number())]
        it.shapes = [self.string() for _ in range(self.number())]
        it.series = [self.series(it, number) for number in range(self.number())]
        self.counters(it.shared, SHARED)
        for name in SETS: it.sets[name] = [weight + self.signed() for weight in it.sets[name]]
        it.history = self.string()
        return it
    def series(self, state, number):
        it = self.page.new_series(state.topics[self.number()], state.shapes[self.number()], number)
        it.flags, it.next, it.before = self.number(), self.number() - 1, self.number()
        self.counters(it.own, ['offered', 'follows due', 'follows'])
        self.column(it.time)
        self.column(it.expiry)
        for hole in it.numbers:
            hole.format = [self.number() for _ in range(8)]
            self.column(hole.column)
            self.texts(hole.texts)
        for texts in it.texts: self.texts(texts)
        return it
    def column(self, it):
        it.samples = self.number()
        if it.samples == 0: return
        it.last, it.missed, it.together, it.alone = self.signed(), self.number(), self.signed(), self.number()
        it.levels, it.trends = [self.signed() for _ in range(7)], [self.signed() for _ in range(7)]
        it.errors = [self.number() for _ in range(7)]
        self.counters(it.own, range(16))
    def texts(self, it):
        it.recent = [self.string() for _ in range(self.number())]
        self.counters(it.own, range(8))
    def counters(self, counters, names):
        unused = 0
        for name in names:
            n = 0 if unused > 0 else self.file.read(1)[0]
            if n > 0: counters[name] = [int.from_bytes(self.file.read(2), 'big'), n]
            else: unused = (unused or self.number()) - 1
