// gateway.yaml, `network:`: how the machine reaches others. Whether an interface is there cannot be known on the laptop where the file is
// written, so a name that does not exist is no mistake: the image says so in STATUS.txt.
import { addressFields, addressingOf } from './address-schema.ts'
import { interfaceName } from './dial-schema.ts'
import type { EthernetConfig, MachineNetworkConfig, ModemConfig } from './machine-config.ts'
import type { UplinkConfig } from './config.ts'
import { dialups, modems } from './modem-schema.ts'
import type { Place } from './place.ts'
import { text } from './scalar.ts'
import { defaulted, list, object, optional, type Schema } from './schema.ts'
import { hotspot, wifis } from './wifi-schema.ts'

const LISTED_MAX = 50

const ethernet = object({
  interface: optional('Interface: eth0, end0, enp1s0. Left out: every one that no other entry names.', interfaceName()),
  ...addressFields,
}).into((e, place): EthernetConfig | undefined => {
  const addressing = addressingOf(e, place)
  return addressing === undefined ? undefined : { interface: e.interface, ...addressing }
})

const ethernets = list(ethernet, {
  unique: [{ key: 'interface', of: (e) => e.interface ?? '', message: (name) => (name === '' ? 'two entries have no `interface`' : `the interface ${name} is there twice`), hint: 'one entry for each interface; one without a name stands for all the others' }],
})

export type AskedNetwork = Omit<MachineNetworkConfig, 'modems'> & { readonly modems: readonly Omit<ModemConfig, 'isDialled'>[] }

export const network: Schema<AskedNetwork> = object({
  country: optional('Where the gateway stands, in two letters: DE, CA. It says which Wi-Fi channels may be used, and how strong.', text({ expected: 'a country in two capital letters', pattern: /^[A-Z]{2}$/, hint: 'write for example DE, US or CA' })),
  ethernet: defaulted('Cables. Left out: each gets its address by DHCP.', [{}], ethernets),
  wifi: defaulted('Wi-Fi networks to join; the first that can be reached.', [], wifis),
  hotspot: optional('A Wi-Fi network of the gateway’s own, for the devices around. They reach the gateway over it, and nothing behind it.', hotspot),
  modems: defaulted('Cellular modems. One that a link dials is connected when the link wants it; any other is connected all the time.', [], modems),
  dialup: defaulted('Modems at serial ports that pppd dials when a link wants it.', [], dialups),
}).into((n, place) => {
  for (const key of ['ethernet', 'wifi', 'modems', 'dialup'] as const) {
    if (n[key].length > LISTED_MAX) return place.key(key).problem(`\`${key}\` has ${n[key].length} entries`, `${LISTED_MAX} at most`)
  }
  if (n.hotspot !== null && n.wifi.length > 0 && n.hotspot.interface === null) {
    place.key('hotspot').warning('one radio can hardly join a network and make one', 'name the `interface` of the hotspot where there are two radios, or remove `wifi` or `hotspot`')
  }
  if (n.country === null && (n.wifi.length > 0 || n.hotspot !== null)) {
    place.warning('Wi-Fi without `country` uses what is allowed everywhere', 'add the country the gateway stands in: `country: DE`')
  }
  return n
})

/**
 * Which modems links dial. `place` is that of the whole file. A link may also dial a connection that somebody has made on the machine itself: a
 * name that stands nowhere here is a warning, and only where the file names modems or lines at all.
 */
export function networkOf(asked: AskedNetwork, uplinks: readonly UplinkConfig[], place: Place): MachineNetworkConfig {
  const dialled = new Set<string>()
  uplinks.forEach((uplink, i) => {
    uplink.links.forEach(({ dial }, n) => {
      if (dial?.kind !== 'modem' && dial?.kind !== 'pppd') return
      const [kind, key, name] = dial.kind === 'modem' ? (['modem', 'modems', dial.connection] as const) : (['pppd', 'dialup', dial.peer] as const)
      dialled.add(`${kind} ${name}`)
      if (!place.has('network') || asked[key].some((entry) => entry.name === name)) return
      const of = place.key('uplinks').item(i)
      const link = of.has('links') ? of.key('links').item(n) : of
      const near = asked[key].map((entry) => `\`${entry.name}\``).join(', ')
      link.key('dial').key(kind).warning(`\`network.${key}\` has no \`${name}\``, near === '' ? `add it there, unless somebody sets it up on the machine itself` : `it has ${near}; a connection that somebody set up on the machine itself may be named too`)
    })
  })
  return { ...asked, modems: asked.modems.map((m) => ({ ...m, isDialled: dialled.has(`modem ${m.name}`) })) }
}
