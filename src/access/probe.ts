// The gateway's own programs ask its broker whether it works (ops/broker-probe.ts), as a client that may do this and nothing else: an update is judged
// by it, and STATUS.txt. It proves itself by a secret of this run, which status.json tells to root alone.
import { Buffer } from 'node:buffer'
import type { Rights } from '../session/rights.ts'
import type { Identity } from './identity.ts'

export const PROBE_USER = '$probe'
export const PROBE_TOPICS = '$sandpiper/probe/'
const SECRET_BYTES = 16

export const PROBE: Identity = { username: PROBE_USER, tenant: '', home: '', roles: [], claims: null, grants: null, endsAtMs: Infinity, by: 'probe', proof: null }

export const PROBE_RIGHTS: Rights = {
  mayPublish: ({ name }, _qos, retain) => name.startsWith(PROBE_TOPICS) && !retain,
  mayPublishFreely: () => false,
  mayReceive: ({ name }) => name.startsWith(PROBE_TOPICS),
  grantedQos: (filter, qos) => (filter.startsWith(PROBE_TOPICS) ? qos : null),
}

export class ProbeLogin {
  readonly secret: string
  readonly #bytes: Buffer

  constructor() {
    this.secret = process.getBuiltinModule('node:crypto').randomBytes(SECRET_BYTES).toString('hex')
    this.#bytes = Buffer.from(this.secret, 'latin1')
  }

  /** Takes as long for every wrong secret. */
  accepts(password: Buffer | null): boolean {
    return password?.length === this.#bytes.length && process.getBuiltinModule('node:crypto').timingSafeEqual(password, this.#bytes)
  }
}
