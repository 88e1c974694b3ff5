// The enhanced authentication of one connection (section 4.12): in CONNECT, and again whenever the client asks for it.
//
//   CONNECT ─► AUTH 0x18 ◄─► AUTH 0x18 ─► CONNACK        open: AUTH 0x19 ─► AUTH 0x18 ◄─► AUTH 0x18 ─► AUTH 0x00
//
// What is always true: the method is the one of CONNECT [MQTT-4.12.0-5] [MQTT-4.12.1-1], and so is the user.
import type { Access } from '../access/access.ts'
import type { Exchange, Step } from '../access/exchange.ts'
import type { AuthPacket } from '../mqtt/packet.ts'
import { ProtocolError, protocolError, Reason } from '../mqtt/reason.ts'

export class Authentication {
  readonly method: string
  readonly #access: Access
  #exchange: Exchange | null
  #username: string | null = null

  /** Throws ProtocolError when the method is not known. */
  constructor(access: Access, method: string) {
    this.#access = access
    this.method = method
    this.#exchange = access.begin(method)
  }

  /** The first message, from CONNECT. */
  async begin(data: Buffer | null): Promise<Step> {
    return this.#next(this.#exchange!, data)
  }

  /** An AUTH of the client; `again` once the connection is open. Rejects with ProtocolError. */
  async onAuth(packet: AuthPacket, again: boolean): Promise<Step> {
    if (packet.authenticationMethod !== this.method) throw protocolError('AUTH has another method than CONNECT') // [MQTT-4.12.1-1] [MQTT-4.12.0-5]
    if (packet.reason === Reason.reAuthenticate && again) this.#exchange = this.#access.begin(this.method)
    else if (packet.reason !== Reason.continueAuthentication || this.#exchange === null) {
      throw protocolError(`AUTH with reason 0x${packet.reason.toString(16)} where none is expected`) // [MQTT-4.12.0-3]
    }
    return this.#next(this.#exchange!, packet.authenticationData)
  }

  async #next(exchange: Exchange, data: Buffer | null): Promise<Step> {
    const step = await exchange.next(data)
    if (step.username === null) return step
    this.#exchange = null
    if (this.#username !== null && this.#username !== step.username) throw new ProtocolError(Reason.notAuthorized, 'the client has authenticated again as somebody else')
    this.#username = step.username
    return step
  }
}
