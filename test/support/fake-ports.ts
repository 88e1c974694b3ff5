// Serial ports that obey a test: what is written to them is kept, and what a device says is given by the test.
import type { PortEvents, SerialPorts, SerialSettings } from '../../src/serial-port.ts'
import { settle } from './fake-clock.ts'

export class FakePorts implements SerialPorts {
  node: string | null = 'a'
  refuse: Error | null = null
  opened = 0
  open_ = 0
  names: string[] = []
  others: string[] = []
  sameName: string[] = []
  events: PortEvents | null = null
  settings: SerialSettings | null = null
  /** What was written since the test looked last. */
  written: Buffer[] = []
  /** Called with each write; false keeps the driver from taking it. */
  onWrite: (bytes: Buffer) => boolean | void = () => true

  async open(settings: SerialSettings, events: PortEvents) {
    this.opened++
    this.settings = settings
    await settle()
    if (this.refuse !== null) throw this.refuse
    this.events = events
    this.open_++
    return {
      write: (bytes: Uint8Array, taken?: () => void) => {
        const copy = Buffer.from(bytes)
        this.written.push(copy)
        if (this.onWrite(copy) !== false) taken?.()
      },
      close: async () => {
        await settle()
        this.open_--
      },
    }
  }

  /** The device says something. */
  say(bytes: Buffer | string): void {
    this.events!.data(Buffer.from(bytes as string))
  }

  /** What was written since the last call, as text. */
  heard(): string[] {
    return this.written.splice(0).map((bytes) => bytes.toString('latin1'))
  }

  async nodeAt() {
    return this.node
  }

  async byId() {
    return this.names
  }

  async holders() {
    return this.others
  }

  async twins() {
    return this.sameName
  }
}
