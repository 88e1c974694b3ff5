// gateway.yaml, `access:`: who may connect. The descriptions are the reference documentation.
import type { AccessConfig, ListenerConfig, UserConfig } from './config.ts'
import type { Place } from './place.ts'
import { text } from './scalar.ts'
import { defaulted, list, object, required, type Schema } from './schema.ts'
import { secret } from './secret.ts'

const user = object({
  name: required('User name, as the client sends it.', text({ expected: 'a user name' })),
  password: required('Password: text, `{ file: … }` or `{ env: NAME }`. It serves CONNECT with user and password, and SCRAM-SHA-256, which never sends it.', secret()),
}).into((u): UserConfig => {
  const { bytes } = u.password
  return { name: u.name, password: bytes === null ? null : { kind: 'plain', password: bytes }, tenant: '', roles: [] }
})

export const access: Schema<AccessConfig> = object({
  users: defaulted('Users that may connect. Who gives a user name is checked on every listener, once there are users.', [], list(user, {
    unique: [{ key: 'name', of: (u) => u.name, message: () => 'this user is there twice', hint: 'a user has one password: remove one of them' }],
  })),
}).into((a): AccessConfig => ({ users: a.users, rules: [] }))

/** A listener that asks for a user needs one that could answer. `place` is that of the whole file. */
export function checkListeners(listeners: readonly ListenerConfig[], { users }: AccessConfig, place: Place): void {
  if (users.length > 0) return
  listeners.forEach((listener, i) => {
    if (listener.anonymous) return
    const at = place.key('broker').key('listeners').item(i).key('anonymous')
    at.problem('`anonymous: false` needs users, and there are none: nobody could connect', 'add `access: { users: [{ name: …, password: … }] }`, or remove the listener')
  })
}
