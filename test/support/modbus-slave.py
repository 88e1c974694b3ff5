#!/usr/bin/python3
"""Modbus slaves by pymodbus: frames, functions and exceptions are its own. On a pseudo terminal, whose wire takes its time where a baud rate is given, or over TCP.

  modbus-slave.py rtu LINK BAUD SLAVES      LINK becomes a symbolic link to the terminal; BAUD 0: no time passes on the wire
  modbus-slave.py tcp 0 0 SLAVES            a free port

SLAVES is JSON: {"3": {"holding": {"0": 17}, "input": {}, "coil": {}, "discrete": {}}}; an address that is not there is illegal.
Lines of JSON come out: {"ready": port or link}, and {"slave", "function", "address", "count", "at"} for each request (at: monotonic seconds when it began).
Lines of JSON go in: {"slave": 3, "silent": true, "delay": 0.4, "garble": true, "exception": 6, "set": {"holding": {"0": 18}}}, {"noise": "00ff"}.
"""
import json, logging, os, socket, sys, threading, time, tty
from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.factory import ServerDecoder
from pymodbus.framer.rtu_framer import ModbusRtuFramer
from pymodbus.framer.socket_framer import ModbusSocketFramer
from pymodbus.pdu import ExceptionResponse

TABLES = {'coil': 1, 'discrete': 2, 'holding': 3, 'input': 4}
KEYS = {'coil': 'co', 'discrete': 'di', 'holding': 'hr', 'input': 'ir'}


class Slaves:
    def __init__(self, described):
        blocks = {int(n): {KEYS[t]: ModbusSparseDataBlock({int(a): v for a, v in (tables.get(t) or {'65535': 0}).items()}) for t in TABLES} for n, tables in described.items()}
        self.context = ModbusServerContext(slaves={n: ModbusSlaveContext(zero_mode=True, **b) for n, b in blocks.items()}, single=False)
        self.units, self.moods = list(blocks), {n: {} for n in blocks}

    def tell(self, order):
        mood = self.moods[order['slave']]
        mood.update({k: v for k, v in order.items() if k in ('silent', 'delay', 'garble', 'exception')})
        for table, values in order.get('set', {}).items():
            for address, value in values.items():
                self.context[order['slave']].setValues(TABLES[table] if table != 'coil' else 1, int(address), [value])

    def answer(self, request, began):
        """The response, or None for a slave that says nothing; and how long it thinks."""
        mood = dict(self.moods[request.unit_id])
        say(slave=request.unit_id, function=request.function_code, address=getattr(request, 'address', 0), count=getattr(request, 'count', 1), at=began)
        if mood.get('silent'):
            return None, 0
        code = mood.get('exception')
        response = ExceptionResponse(request.function_code, code) if code else request.execute(self.context[request.unit_id])
        response.transaction_id, response.unit_id, response.protocol_id = request.transaction_id, request.unit_id, getattr(request, 'protocol_id', 0)
        return response, mood.get('delay', 0)


def say(**line):
    sys.stdout.write(json.dumps(line) + '\n')
    sys.stdout.flush()


class Rtu:
    def __init__(self, slaves, link, baud):
        self.slaves, self.character, self.framer, self.begun = slaves, 10 / baud if baud else 0, ModbusRtuFramer(ServerDecoder()), 0
        self.master, terminal = os.openpty()
        tty.setraw(self.master)
        tty.setraw(terminal)
        os.symlink(os.ttyname(terminal), link)
        self.terminal = terminal  # open at our end, so that nothing ends while the gateway's end is closed

    def run(self):
        while True:
            chunk = os.read(self.master, 4096)
            began = time.monotonic()
            if not self.framer._buffer:
                self.begun = began
            self.heard = began + len(chunk) * self.character
            time.sleep(max(0, self.heard - time.monotonic()))
            self.framer.processIncomingPacket(chunk, lambda request: self.handle(request, self.begun), self.slaves.units)

    def handle(self, request, began):
        response, delay = self.slaves.answer(request, began)
        if response is None:
            return
        packet = self.framer.buildPacket(response)
        if self.slaves.moods[request.unit_id].get('garble'):
            packet = packet[:-1] + bytes([packet[-1] ^ 0x55])
        # A slave knows that a request has ended when the wire was silent for 3.5 characters, and has had that time to think.
        started = self.heard + 3.5 * self.character
        if delay:
            threading.Timer(delay, self.send, [packet, started + delay]).start()
        else:
            self.send(packet, started)

    def send(self, packet, started):
        sent = 0
        time.sleep(max(0, started - time.monotonic()))
        while sent < len(packet):
            due = len(packet) if self.character == 0 else min(len(packet), int((time.monotonic() - started) / self.character))
            if due > sent:
                os.write(self.master, packet[sent:due])
                sent = due
            else:
                time.sleep(self.character / 2)

    def noise(self, noise):
        os.write(self.master, noise)


class Tcp:
    def __init__(self, slaves):
        self.slaves, self.server = slaves, socket.create_server(('127.0.0.1', 0))
        self.peers = []

    def run(self):
        while True:
            peer, _ = self.server.accept()
            self.peers.append(peer)
            threading.Thread(target=self.serve, args=[peer], daemon=True).start()

    def serve(self, peer):
        framer = ModbusSocketFramer(ServerDecoder())
        while chunk := peer.recv(4096):
            framer.processIncomingPacket(chunk, lambda request: self.handle(peer, framer, request), self.slaves.units, single=False)
        peer.close()

    def handle(self, peer, framer, request):
        response, delay = self.slaves.answer(request, time.monotonic())
        if response is not None:
            packet = framer.buildPacket(response)
            threading.Timer(delay, peer.sendall, [packet]).start() if delay else peer.sendall(packet)

    def noise(self, noise):
        for peer in self.peers:
            peer.sendall(noise)


logging.disable(logging.CRITICAL)  # refusing is what some tests ask for
kind, where, baud, described = sys.argv[1:5]
slaves = Slaves(json.loads(described))
wire = Rtu(slaves, where, int(baud)) if kind == 'rtu' else Tcp(slaves)
threading.Thread(target=wire.run, daemon=True).start()
say(ready=where if kind == 'rtu' else wire.server.getsockname()[1])
for line in sys.stdin:
    order = json.loads(line)
    if 'noise' in order:
        wire.noise(bytes.fromhex(order['noise']))
    else:
        slaves.tell(order)
    say(told=True)
os._exit(0)
