// What a caller may publish and read. The API's roles say what may be done with the gateway; the rules of `access` hold for messages, as they do for the same user as an
// MQTT client. Tokens, and who may change the rules anyway, are not bound by them.
import type { Gateway } from '../gateway.ts'
import type { Rights } from '../session/rights.ts'
import type { Caller } from './caller.ts'

/** As rules see it where they ask for a client identifier. */
export const API_CLIENT_ID = '$api'

/** null for everything. */
export function rightsOf({ access }: Gateway, { identity, role }: Caller, tenant: string): Rights | null {
  return identity === null || role === 'admin' ? null : access.rightsOf({ ...identity, tenant }, API_CLIENT_ID)
}
