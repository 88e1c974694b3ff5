// Who has given a command, and whether that one may.
//
//   by an uplink           one of `from`: what the configuration allows, for the cloud's broker says who may publish there (and `key` proves it)
//   a client of ours       a user with the command's role; users whose roles only a certificate or a token tells are not known by them here
//   the gateway's own API  an operator, for that is who may publish by it
import type { Access } from '../access/access.ts'
import type { RemoteCommand } from '../config/config.ts'
import { API_ROLES, type ApiRole } from '../config/http-config.ts'
import type { Message } from '../message.ts'
import { Session } from '../session/session.ts'
import { Uplink } from '../uplink/uplink.ts'

/** As the API has it for the same. */
export const ROLES: Readonly<Record<RemoteCommand, ApiRole>> = { status: 'viewer', queue: 'viewer', pause: 'operator', config: 'admin', update: 'admin', support: 'admin' }

export interface Asker {
  /** For the log. */
  readonly name: string
  /** That the command came by; null for somebody here. */
  readonly uplink: Uplink | null
  /** Whether that one might publish the answer itself: it would be a way round the rules else. */
  mayPublish(answer: Message): boolean
}

export class Askers {
  readonly #access: Pick<Access, 'rolesOf'>
  readonly #from: readonly string[] | null

  /** `from`: names of uplinks; null for each. */
  constructor(access: Pick<Access, 'rolesOf'>, from: readonly string[] | null) {
    this.#access = access
    this.#from = from
  }

  /** null for somebody who may not. */
  of({ origin }: Pick<Message, 'origin'>, command: RemoteCommand): Asker | null {
    if (origin instanceof Uplink) return this.#from?.includes(origin.name) === false ? null : { name: `the uplink ${origin.name}`, uplink: origin, mayPublish: () => true }
    if (origin instanceof Session) {
      const has = origin.owner === null ? [] : this.#access.rolesOf(origin.owner)
      return allows(API_ROLES.filter((role) => has.includes(role)), command) ? { name: `the client ${origin.clientId}`, uplink: null, mayPublish: (answer) => origin.mayPublish(answer) } : null
    }
    return origin === null && allows(['operator'], command) ? { name: 'the API', uplink: null, mayPublish: () => false } : null
  }
}

function allows(roles: readonly ApiRole[], command: RemoteCommand): boolean {
  return roles.some((role) => API_ROLES.indexOf(role) >= API_ROLES.indexOf(ROLES[command]))
}
