// gateway.yaml, `outputs:`. A line that commands drive, and what becomes of it when nobody does.
import type { Config, FailSafeConfig, OutputConfig } from './config.ts'
import { lineKeys, lineOf } from './gpio-schema.ts'
import { clip, type Place } from './place.ts'
import { choice, duration, identifier, tenantName, topicName } from './scalar.ts'
import { defaulted, list, object, optional, required, type Schema } from './schema.ts'
import { nearest } from './spelling.ts'

const DAY_MS = 86_400_000

const onOff = choice(['on', 'off'])

const gpio = object({
  ...lineKeys,
  drive: defaulted('push-pull drives both levels; open-drain only low, open-source only high: a resistor makes the other.', 'push-pull', choice(['push-pull', 'open-drain', 'open-source'])),
}).into((g, place) => {
  const line = lineOf(g, place)
  return line === undefined ? undefined : { ...line, drive: g.drive }
})

const uplinkGone = object({
  name: required('An uplink of `uplinks`.', identifier('the name of an uplink')),
  after: required('For how long it has been down.', duration(1000, 365 * DAY_MS)),
}).into((u) => ({ name: u.name, afterMs: u.after }))

const failSafe: Schema<FailSafeConfig> = object({
  state: required('What the output is made: on or off.', onOff),
  clientGone: optional('For how long the client that gave the last command has been away.', duration(1000, 365 * DAY_MS)),
  uplinkGone: optional('{ name: an uplink, after: for how long it has been down }.', uplinkGone),
}).into((f, place) => {
  if (f.clientGone === null && f.uplinkGone === null) return place.problem(`${place.name} has no \`clientGone\` and no \`uplinkGone\``, 'say when it is safe no more: `clientGone: 30s`')
  return { on: f.state === 'on', clientGoneMs: f.clientGone ?? Infinity, uplinkGone: f.uplinkGone }
})

const output: Schema<OutputConfig> = object({
  name: required('Name of the output in logs and $SYS topics. Unique.', identifier('an output name')),
  tenant: defaulted('Whose topics they are: only clients of this tenant can command it.', '', tenantName()),
  gpio: required('The line that it drives.', gpio),
  command: required('Topic of commands: on, off, toggle, true, false, 1, 0, or JSON such as {"value":true,"for":"10s"}. {site} is replaced.', topicName()),
  state: required('Topic that tells, retained, what the line is.', topicName()),
  qos: defaulted('QoS of the state.', 1, choice([0, 1, 2])),
  start: defaulted('What it is made after the machine has started: off, on, or what it was last. A restart of Sandpiper alone changes nothing.', 'off', choice(['off', 'on', 'last'])),
  failSafe: optional('What it is made when nobody is there to command it.', failSafe),
  minOn: defaulted('Once on it stays on for so long; a command that comes sooner waits.', 0, duration(0, DAY_MS)),
  minOff: defaulted('Once off it stays off for so long; a command that comes sooner waits.', 0, duration(0, DAY_MS)),
  atStop: defaulted('When Sandpiper is stopped: keep leaves the line as it is, failSafe makes it safe.', 'keep', choice(['keep', 'failSafe'])),
}).into((o, place) => {
  if (o.command === o.state) return place.key('state').problem('`state` and `command` are the same topic', 'what is told would be taken for a command: give two topics')
  if (o.atStop === 'failSafe' && o.failSafe === null) return place.key('atStop').problem('`atStop: failSafe` needs a `failSafe`', 'add `failSafe: { state: off, clientGone: 30s }`')
  const { minOn, minOff, ...rest } = o
  return { ...rest, onMsMin: minOn, offMsMin: minOff }
})

const topicOf = ({ tenant }: OutputConfig, topic: string): string => (tenant === '' ? topic : `${tenant}: ${topic}`)

export const outputs: Schema<readonly OutputConfig[]> = list(output, {
  unique: [
    { key: 'name', of: (o) => o.name, message: (name) => `the output name \`${name}\` is used twice`, hint: 'give each output a name of its own' },
    { key: 'command', of: (o) => topicOf(o, o.command), message: (topic) => `the command topic \`${topic}\` is used twice`, hint: 'give each output a topic of its own' },
    { key: 'state', of: (o) => topicOf(o, o.state), message: (topic) => `the state topic \`${topic}\` is used twice`, hint: 'give each output a topic of its own' },
  ],
})

/** That fail-safe states watch uplinks that there are. Reports what is wrong; false when anything is. */
export function checkUplinksOfOutputs({ outputs: all, uplinks }: Pick<Config, 'outputs' | 'uplinks'>, place: Place): boolean {
  const names = uplinks.map(({ name }) => name)
  let valid = true
  all.forEach(({ failSafe: safe }, i) => {
    const name = safe?.uplinkGone?.name
    if (name === undefined || names.includes(name)) return
    const near = nearest(name, names)
    const hint = near !== null ? `did you mean ${near}?` : names.length === 0 ? 'there are no `uplinks`: remove `uplinkGone`' : `write one of ${names.join(', ')}`
    place.key('outputs').item(i).key('failSafe').key('uplinkGone').key('name').problem(`there is no uplink "${clip(name)}"`, hint)
    valid = false
  })
  return valid
}
