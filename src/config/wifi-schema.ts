// gateway.yaml, `network.wifi` and `network.hotspot`: networks to join, and one of the gateway's own.
import { addressFields, addressingOf, interfaceAddress } from './address-schema.ts'
import { interfaceName } from './dial-schema.ts'
import type { HotspotConfig, WifiConfig } from './machine-config.ts'
import type { Place } from './place.ts'
import { boolean, choice, integer, text } from './scalar.ts'
import { defaulted, list, object, optional, required, type Schema } from './schema.ts'
import { secret, type Secret } from './secret.ts'

/** IEEE 802.11: 32 bytes of any kind. */
const SSID_BYTES_MAX = 32
/** WPA: a passphrase of 8 to 63 characters of ASCII, or the key itself. */
const PASSPHRASE = /^[\x20-\x7e]{8,63}$/
const RAW_KEY = /^[0-9a-fA-F]{64}$/
const CHANNELS = { '2.4GHz': [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], '5GHz': [36, 40, 44, 48, 149, 153, 157, 161, 165] } as const

const ssid = text({ expected: 'the name of a Wi-Fi network' }).into((name, place) => {
  const bytes = Buffer.byteLength(name)
  return bytes <= SSID_BYTES_MAX ? name : place.problem(`${place.name} has ${bytes} bytes`, `a Wi-Fi network’s name has ${SSID_BYTES_MAX} at most, and an ü counts as two`)
})

/** null where it could not be read and need not be there. */
function passwordOf({ bytes }: Secret, place: Place): string | null | undefined {
  if (bytes === null) return null
  const password = bytes.toString('latin1')
  if (PASSPHRASE.test(password) || RAW_KEY.test(password)) return password
  const length = bytes.toString('utf8').length
  if (/[^\x20-\x7e]/.test(password)) return place.problem('the password of a Wi-Fi network has letters, digits and signs of ASCII only', 'write it as it stands on the router; an ü or a line break in it would not be taken')
  return place.problem(`the password of a Wi-Fi network has 8 to 63 characters, this one has ${length}`, 'write it as it stands on the router; for a network without one leave `password` out')
}

const wifi = object({
  ssid: required('Name of the network, as phones show it.', ssid),
  password: optional('Its password: text, `{ file: … }` or `{ env: NAME }`. Left out: an open network.', secret()),
  security: defaulted('wpa2 joins networks with WPA2, and those with WPA2 and WPA3; wpa3 those with WPA3 only.', 'wpa2', choice(['wpa2', 'wpa3'])),
  hidden: defaulted('The network does not tell its name.', false, boolean()),
  interface: optional('Interface that joins it. Left out: any.', interfaceName()),
  ...addressFields,
}).into((w, place): WifiConfig | undefined => {
  const addressing = addressingOf(w, place)
  const password = w.password === null ? null : passwordOf(w.password, place.key('password'))
  if (password === undefined || addressing === undefined) return undefined
  if (w.security === 'wpa3' && w.password === null) return place.key('security').problem('wpa3 needs a password', 'add `password: …`')
  return { ssid: w.ssid, password, isOpen: w.password === null, security: w.security, hidden: w.hidden, interface: w.interface, ...addressing }
})

export const wifis: Schema<readonly WifiConfig[]> = list(wifi, {
  unique: [{ key: 'ssid', of: (w) => `${w.ssid} ${w.interface ?? ''}`, message: () => 'this network is there twice', hint: 'remove one of them' }],
})

export const hotspot: Schema<HotspotConfig> = object({
  ssid: required('Name of the network that devices see.', ssid),
  password: required('Its password, 8 characters at least.', secret()),
  interface: optional('Interface that makes it. Left out: any.', interfaceName()),
  band: defaulted('Small devices know 2.4GHz only.', '2.4GHz', choice(['2.4GHz', '5GHz'])),
  channel: optional('Left out: the system chooses.', integer(1, 165)),
  address: defaulted('The gateway’s own address there; devices get theirs by DHCP from the same network.', '10.42.0.1/24', interfaceAddress),
}).into((h, place): HotspotConfig | undefined => {
  const password = passwordOf(h.password, place.key('password'))
  if (password === undefined) return undefined
  const channels: readonly number[] = CHANNELS[h.band]
  if (h.channel !== null && !channels.includes(h.channel)) return place.key('channel').problem(`${h.band} has no channel ${h.channel} for a network of one's own`, `write one of ${channels.join(', ')}, or leave it out`)
  if (h.address.family !== 'ipv4' || h.address.prefix > 30) return place.key('address').problem('devices get their addresses from this network, and it has no room', 'write an IPv4 address such as 10.42.0.1/24')
  return { ssid: h.ssid, password, interface: h.interface, band: h.band, channel: h.channel, address: h.address }
})
