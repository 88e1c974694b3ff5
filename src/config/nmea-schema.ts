// gateway.yaml, `nmea:` of a sensor: a receiver or instrument that speaks NMEA 0183, at a serial port or behind TCP.
import { hostAndPort } from './bus-schema.ts'
import type { NmeaSensorConfig } from './config.ts'
import { boolean } from './scalar.ts'
import { byKey, defaulted, object, required, type Schema } from './schema.ts'
import { serialPort } from './serial-schema.ts'

type Nmea = NmeaSensorConfig['nmea']

/** Registered for it with IANA. */
const NMEA_PORT = 10_110

const setsClock = defaulted('Whether its time is the gateway’s where nobody else tells the time. Only while it has a fix.', false, boolean())

const overSerial = object({
  serial: required('The serial port it is read from: 4800 baud by the standard, 9600 or more with many receivers.', serialPort),
  setsClock,
}).into((n): Nmea => ({ line: { kind: 'serial', serial: n.serial }, setsClock: n.setsClock }))

const overTcp = object({
  tcp: required('A server that sends its sentences; port 10110 unless it says another.', hostAndPort(NMEA_PORT)),
  setsClock,
}).into((n): Nmea => ({ line: { kind: 'tcp', ...n.tcp }, setsClock: n.setsClock }))

export const nmea: Schema<Nmea> = byKey('a group', { serial: overSerial, tcp: overTcp })
