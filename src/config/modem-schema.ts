// gateway.yaml, `network.modems` and `network.dialup`: what a link's `dial` may name.
import type { DialupConfig, ModemConfig } from './machine-config.ts'
import type { Place } from './place.ts'
import { choice, duration, identifier, text } from './scalar.ts'
import { defaulted, list, object, optional, required, type Schema } from './schema.ts'
import { secret, type Secret } from './secret.ts'

const AT_COMMANDS_MAX = 20
const PRINTABLE = /^[\x20-\x7e]*$/

/** An access point name is a host name (3GPP TS 23.003 section 9.1). */
const apn = text({ expected: 'an access point name', pattern: /^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/, hint: 'write it as the contract of the SIM says: internet, m2m.example.com' })
const user = text({ expected: 'a user name', pattern: /^[^\p{C}]{1,64}$/u, hint: 'write it as the contract of the SIM says' })

/** null where there is none, or it could not be read and need not be there. */
function wordOf(secretGiven: Secret | null, what: string, pattern: RegExp, hint: string, place: Place): string | null | undefined {
  const written = secretGiven?.bytes?.toString('utf8') ?? null
  return written === null || pattern.test(written) ? written : place.problem(`this is not ${what}`, hint)
}

const modem = object({
  name: required('Name, for `dial: { modem: NAME }` of a link.', identifier('the name of a modem')),
  apn: optional('Access point of the network. Left out: what the network gives.', apn),
  pin: optional('PIN of the SIM, in quotes: "0123".', secret()),
  user: optional('User name, where the network wants one.', user),
  password: optional('Its password.', secret()),
}).into((m, place): Omit<ModemConfig, 'isDialled'> | undefined => {
  const pin = wordOf(m.pin, 'the PIN of a SIM', /^\d{4,8}$/, '4 to 8 digits, in quotes: pin: "0123"', place.key('pin'))
  const password = wordOf(m.password, 'a password of a mobile network', /^[^\p{C}]{1,64}$/u, 'write it as the contract of the SIM says', place.key('password'))
  return pin === undefined || password === undefined ? undefined : { name: m.name, apn: m.apn, pin, user: m.user, password }
})

export const modems: Schema<readonly Omit<ModemConfig, 'isDialled'>[]> = list(modem, {
  unique: [{ key: 'name', of: (m) => m.name, message: (name) => `the modem \`${name}\` is there twice`, hint: 'give each modem a name of its own' }],
})

const command = text({ expected: 'an AT command', pattern: /^[Aa][Tt][\x20-\x7e]{0,198}$/, hint: 'write for example AT+CSQ; the modem must answer OK' })

const dialup = object({
  // A file of pppd's that is the peer's: what it would take for an option is no name.
  name: required('Name, for `dial: { pppd: NAME }` of a link.', identifier('the name of a dial-up line')),
  device: required('Device file of the modem’s serial port. /dev/serial/by-id/… stays the same when adapters are plugged in another order.', text({ expected: 'a device file such as /dev/ttyUSB0', pattern: /^\/dev\/[A-Za-z0-9._:/+=,@-]+$/, hint: 'write the whole path, for example /dev/ttyUSB0' })),
  baud: defaulted('Bits per second.', 115_200, choice([1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600])),
  flowControl: defaulted('rts-cts where all wires of the port are connected, else none.', 'rts-cts', choice(['none', 'rts-cts'])),
  number: required('Number that is dialled: *99# for a cellular modem, 008816000025 for Iridium.', text({ expected: 'a number to dial', pattern: /^[0-9*#+,ABCDabcdPpTtWw-]{1,40}$/, hint: 'write it in quotes as it is dialled: "*99#"' })),
  user: optional('User name, where the other end wants one.', user),
  password: optional('Its password.', secret()),
  init: defaulted('AT commands before the number, each answered with OK.', ['ATZ'], list(command)),
  timeout: defaulted('For the other end to answer.', '60s', duration(1000, 300_000)),
}).into((d, place): DialupConfig | undefined => {
  if (d.init.length > AT_COMMANDS_MAX) return place.key('init').problem(`\`init\` has ${d.init.length} commands`, `${AT_COMMANDS_MAX} at most: several can stand in one, AT&F&C1&D2`)
  const password = wordOf(d.password, 'a password that pppd can send', PRINTABLE, 'letters, digits and signs of ASCII', place.key('password'))
  if (password === undefined) return undefined
  const { name, device, baud, number, user: owner, init, timeout } = d
  return { name, device, baud, hardwareFlow: d.flowControl === 'rts-cts', number, user: owner, password, init, answerTimeoutMs: timeout }
})

export const dialups: Schema<readonly DialupConfig[]> = list(dialup, {
  unique: [{ key: 'name', of: (d) => d.name, message: (name) => `the dial-up line \`${name}\` is there twice`, hint: 'give each a name of its own' }],
})
