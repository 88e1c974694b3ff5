// gateway.yaml, `discovery:`: how others in the network find the gateway without being told its address.
import type { Config } from './config.ts'
import { interfaceName } from './dial-schema.ts'
import type { Place } from './place.ts'
import { choice, text } from './scalar.ts'
import { defaulted, list, object, type Schema } from './schema.ts'

const INTERFACES_MAX = 16
/** Of a label of DNS. */
const NAME_BYTES_MAX = 63

export interface DiscoveryConfig {
  readonly mdns: 'auto' | 'on' | 'off'
  readonly name: string
  /** Only these; empty for all but modems and metered links. */
  readonly interfaces: readonly string[]
}

// The site's name may be a byte longer than a label: it is clipped where it is said.
const name = text({ expected: 'a name', placeholders: true, pattern: /^[^\p{Cc}]{1,64}$/u, hint: 'write a name of up to 63 bytes' }).into((written, place) => {
  if (Buffer.byteLength(written) <= NAME_BYTES_MAX + 1) return written
  return place.problem(`${place.name} has ${Buffer.byteLength(written)} bytes`, `${NAME_BYTES_MAX} at most: choose a shorter one`)
})

// Avahi's list of interfaces has commas between them.
const networkInterface = interfaceName().into((written, place) => (written.includes(',') ? place.problem(`${place.name} is no name of one interface`, 'write a list: [eth0, wlan0]') : written))

export const discovery: Schema<DiscoveryConfig> = object({
  mdns: defaulted('Multicast DNS (Bonjour, Avahi): `HOSTNAME.local` leads here, and listeners are found as _mqtt, _secure-mqtt, _http and _https. auto: in networks where a listener is reached; on: the name everywhere, even where none is; off: nothing is said. What only this machine reaches is never announced, nor are WebSockets, for which there is no type.', 'auto', choice(['auto', 'on', 'off'])),
  name: defaulted('What people see in a list of gateways. When another has it, ` (2)` is added.', '{site}', name),
  interfaces: defaulted('Only on these network interfaces. Left out: on all but modems, dial-up lines, tunnels, and those that links of `metered` uplinks name.', [], list(networkInterface).into((all, place) => {
    return all.length <= INTERFACES_MAX ? all : place.problem(`${place.name} has ${all.length} entries`, `${INTERFACES_MAX} at most`)
  })),
})

/** What will not be found although somebody wants it to be. `place` is that of the whole file. */
export function checkDiscovery({ discovery: { mdns, interfaces } }: Config, place: Place): void {
  if (mdns === 'off' && interfaces.length > 0) place.key('discovery').key('interfaces').warning('nothing is announced on them: `mdns` is off', 'remove `interfaces`, or write `mdns: auto`')
}
