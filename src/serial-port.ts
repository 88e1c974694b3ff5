// The edge to the operating system's serial ports, and the only importer of the serialport package. Sensors read from them, modems are
// talked to.
// Rules:
// - serialport is imported by the first open: a gateway without serial ports never loads its native part.
// - An OpenPort reports its end once, by lost(): error, close, end of data. It never opens again by itself.
// - One owner per device in this process, whatever paths lead to it: the driver's lock would say only that somebody has it.
// - close() always lets go of the descriptor and never rejects; nothing is reported after it was called.
// - The driver retries a read of zero bytes without end (a hung-up USB port), and takes EIO for a fault of the read, so
//   the path is looked at from outside (nodeAt), and the owner closes the port when the node is gone.
import { stat } from 'node:fs/promises'
import type { SerialPort } from 'serialport'
import { holdersOf, pluggedIn, twinsOf } from './serial-nodes.ts'

export interface SerialSettings {
  readonly path: string
  /** Bits per second. */
  readonly baud: number
  readonly dataBits: 5 | 6 | 7 | 8
  readonly parity: 'none' | 'even' | 'odd'
  readonly stopBits: 1 | 2
  /** Flow control by RTS and CTS; left out: none. */
  readonly rtscts?: boolean
  /** Flow control by XON and XOFF; left out: none. */
  readonly xonxoff?: boolean
}

export interface PortEvents {
  /** The chunk is valid during the call only. */
  data(chunk: Buffer): void
  lost(why: string): void
}

export interface OpenPort {
  /**
   * Hands bytes to the driver, in the order of the calls. Who writes waits for an answer before it writes more: nothing here bounds what
   * a device does not take. A write that fails is told by lost(); `taken` is called when the driver has passed the bytes on. Not before
   * `open` has answered.
   */
  write(bytes: Uint8Array, taken?: () => void): void
  close(): Promise<void>
}

/** What the owners of ports need of the operating system; the tests of their timing give another one. */
export interface SerialPorts {
  /** Opens and locks the port. Rejects with the driver's Error; data arrives in a later turn than the answer. */
  open(serial: SerialSettings, events: PortEvents): Promise<OpenPort>
  /** A word for the very device node at `path`, links followed; null when there is none. Never rejects. */
  nodeAt(path: string): Promise<string | null>
  /** Paths of the devices that are plugged in, by names that last. Never rejects. */
  byId(): Promise<string[]>
  /** Who else has the port open, in words. Never rejects. */
  holders(path: string): Promise<string[]>
  /** By-path names of the devices that share a by-id name, when `path` is one and they do. Never rejects. */
  twins(path: string): Promise<string[]>
}

export const serialPorts: SerialPorts = { open: openPort, nodeAt, byId: () => pluggedIn(), holders: (path) => holdersOf(path), twins: (path) => twinsOf(path) }

/** The path under which each device is open here, by its device number. */
const OWNED = new Map<number, string>()

async function openPort(serial: SerialSettings, events: PortEvents): Promise<OpenPort> {
  const rdev = await stat(serial.path).then((node) => (node.isCharacterDevice() ? node.rdev : null), () => null)
  if (rdev === null) return openDriver(serial, events, () => {})
  const owner = OWNED.get(rdev)
  if (owner !== undefined) throw new Error(`Owned as ${owner}`)
  OWNED.set(rdev, serial.path)
  const release = (): void => void OWNED.delete(rdev)
  return openDriver(serial, events, release).catch((error: unknown) => {
    release()
    throw error
  })
}

async function openDriver(serial: SerialSettings, events: PortEvents, release: () => void): Promise<OpenPort> {
  const driver = await import('serialport')
  const port = new driver.SerialPort({
    path: serial.path,
    baudRate: serial.baud,
    dataBits: serial.dataBits,
    parity: serial.parity,
    stopBits: serial.stopBits,
    rtscts: serial.rtscts ?? false,
    xon: serial.xonxoff ?? false,
    xoff: serial.xonxoff ?? false,
    lock: true,
    autoOpen: false,
  })
  // An error event without a listener ends the process; this one outlives all others.
  port.on('error', () => {})
  await new Promise<void>((resolve, reject) => port.open((error) => (error === null ? resolve() : reject(error))))
  return watch(port, events, release)
}

function watch(port: SerialPort, events: PortEvents, release: () => void): OpenPort {
  let reported = false
  const lost = (why: string): void => {
    if (reported) return
    reported = true
    events.lost(why)
  }
  port.on('data', (chunk: Buffer) => {
    if (!reported) events.data(chunk)
  })
  port.on('close', (error: Error | null) => lost(error?.message ?? 'the port was closed'))
  port.on('error', (error: Error) => lost(error.message))
  port.on('end', () => lost('the port ended'))
  return {
    write(bytes, taken) {
      // Not drain(): a thread of the pool would wait in the kernel for as long as the device refuses, and others need it.
      port.write(Buffer.from(bytes), (error) => {
        if (error) lost(error.message)
        else taken?.()
      })
    },
    close() {
      reported = true
      return closePort(port).then(release)
    },
  }
}

/** destroy() alone would keep the descriptor, and with it the lock: the driver closes in close() only. */
function closePort(port: SerialPort): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      port.destroy()
      resolve()
    }
    // `closing` means that the driver closes by itself after a read error: its close event is still to come.
    if (port.closing) port.once('close', done).once('error', done)
    else if (port.isOpen) port.close(done)
    else done()
  })
}

async function nodeAt(path: string): Promise<string | null> {
  try {
    const { dev, ino, rdev } = await stat(path)
    return `${dev}:${ino}:${rdev}`
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    // Anything else (EACCES on the folder) says nothing about the node: opening will tell.
    return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' ? null : 'unknown'
  }
}
