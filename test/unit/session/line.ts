// The other end of an Outgoing or Incoming: writes down what is sent, in words.
import type { Delivery } from '../../../src/journal/delivery.ts'
import type { Transport } from '../../../src/session/outgoing.ts'

const NAMES = { 4: 'puback', 5: 'pubrec', 6: 'pubrel', 7: 'pubcomp' } as const

export class Line implements Transport {
  writable = true
  said: string[] = []
  /** Identifiers of the PUBLISH packets sent. */
  identifiers: number[] = []
  /** False as for a receiver that cannot take it. */
  takes = true

  sendPublish(delivery: Delivery, dup: boolean): boolean {
    if (!this.takes) return false
    this.identifiers.push(delivery.packetIdentifier)
    this.said.push(`${dup ? 'dup ' : ''}publish ${delivery.packetIdentifier} ${delivery.message.payload.toString()}`)
    return true
  }

  sendAck(type: 4 | 5 | 6 | 7, packetIdentifier: number, reason: number): void {
    this.said.push(`${NAMES[type]} ${packetIdentifier}${reason === 0 ? '' : ` 0x${reason.toString(16)}`}`)
  }

  /** What was said since the last time. */
  get heard(): string[] {
    return this.said.splice(0)
  }
}
