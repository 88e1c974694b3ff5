// How one client becomes known: by its CONNECT, with AUTH where it asks for that (section 4.12), and by AUTH again on an open connection.
//
//   CONNECT ─► identity                       CONNECT ─► AUTH 0x18 ◄─► AUTH 0x18 ─► CONNACK
//                                   open:  AUTH 0x19 ─► AUTH 0x18 ◄─► AUTH 0x18 ─► AUTH 0x00
//
// What is always true
//   1. The method is the one of CONNECT [MQTT-4.12.0-5] [MQTT-4.12.1-1], and so is the user.
//   2. What was proved under one configuration counts only if it does under that of now.
import type { Access, Door } from '../access/access.ts'
import type { Exchange, Step } from '../access/exchange.ts'
import type { Identity } from '../access/identity.ts'
import type { AuthPacket, ConnectPacket } from '../mqtt/packet.ts'
import { type LoginRefused, protocolError, Reason } from '../mqtt/reason.ts'
import type { Peer } from './peer.ts'

export class Login {
  readonly connect: ConnectPacket
  /** null when CONNECT asked for no enhanced authentication. */
  readonly method: string | null
  readonly #access: Access
  /** As it is at the moment. */
  readonly #doorOf: () => Omit<Door, 'address' | 'isIn'>
  readonly #peer: Peer
  readonly #isGone: () => boolean
  #exchange: Exchange | null = null
  #identity: Identity | null = null
  /** Of the configuration that the proof under way began with. */
  #generation = 0

  constructor(access: Access, door: () => Omit<Door, 'address' | 'isIn'>, peer: Peer, connect: ConnectPacket, isGone: () => boolean) {
    this.#access = access
    this.#doorOf = door
    this.#peer = peer
    this.connect = connect
    this.#isGone = isGone
    this.method = connect.authenticationMethod
  }

  /** The first step. Throws or rejects with ProtocolError. */
  begin(): Step | Promise<Step> {
    const { username, password, authenticationData } = this.connect
    if (this.method !== null) return this.#next(this.#start(this.method), authenticationData)
    this.#generation = this.#access.generation
    const identity = this.#access.identify({ username, password, certificate: this.#peer.certificate, isGone: this.#isGone }, this.#door())
    return identity instanceof Promise ? identity.then((known) => this.#done({ data: null, identity: known })) : this.#done({ data: null, identity })
  }

  /** AUTH of the client; `again` once the connection is open. Throws or rejects with ProtocolError. */
  onAuth(packet: AuthPacket, again: boolean): Promise<Step> {
    if (this.method === null) throw protocolError('AUTH without an authentication method in CONNECT') // [MQTT-4.12.0-7]
    if (packet.authenticationMethod !== this.method) throw protocolError('AUTH has another method than CONNECT') // [MQTT-4.12.1-1] [MQTT-4.12.0-5]
    if (packet.reason === Reason.reAuthenticate && again) this.#start(this.method)
    else if (packet.reason !== Reason.continueAuthentication || this.#exchange === null) {
      throw protocolError(`AUTH with reason 0x${packet.reason.toString(16)} where none is expected`) // [MQTT-4.12.0-3]
    }
    return this.#next(this.#exchange!, packet.authenticationData)
  }

  /** Who the client has proved to be; null until it has. */
  get identity(): Identity | null {
    return this.#identity
  }

  /** Who the client is under the configuration of now; null when that does not let it in any more. */
  renew(): Identity | null {
    const renewed = this.#identity === null ? null : this.#access.renew(this.#identity, this.#door(), this.#peer.certificate)
    if (renewed !== null) this.#identity = renewed
    return renewed
  }

  #door(): Door {
    return { ...this.#doorOf(), address: this.#peer.address, isIn: this.#identity !== null }
  }

  #start(method: string): Exchange {
    this.#generation = this.#access.generation
    return (this.#exchange = this.#access.begin(method, this.#door()))
  }

  async #next(exchange: Exchange, data: Buffer | null): Promise<Step> {
    return this.#done(await exchange.next(data))
  }

  #done({ data, identity }: Step): Step {
    if (identity === null) return { data, identity }
    this.#exchange = null
    const before = this.#identity
    const known = this.#generation === this.#access.generation ? identity : this.#access.renew(identity, this.#door(), this.#peer.certificate)
    if (known === null) throw this.#refused('the configuration has changed meanwhile')
    if (before !== null && (before.username !== known.username || before.tenant !== known.tenant)) throw this.#refused('the client has authenticated again as somebody else')
    this.#identity = known
    return { data, identity: known }
  }

  #refused(why: string): LoginRefused {
    return this.#access.refused(Reason.notAuthorized, why, this.#door())
  }
}
