// gateway.yaml, `remote:`: a compact report of how the gateway is, and commands by message. Both cost bytes, so both have a bound.
import type { Config } from './config.ts'
import type { Place } from './place.ts'
import { REMOTE_COMMANDS, type RemoteCommandsConfig, type RemoteConfig, type ReportConfig } from './remote-config.ts'
import { compileRemap } from './routes.ts'
import { choice, duration, identifier, size, topicName } from './scalar.ts'
import { defaulted, list, object, optional, required, type Schema } from './schema.ts'
import { secret } from './secret.ts'
import { nearest } from './spelling.ts'
import { formatDuration, formatSize } from './units.ts'

const SECOND_MS = 1000
const DAY_MS = 86_400_000
/** A PUBLISH of a report of a site with an uplink or two. */
const REPORT_BYTES_TYPICAL = 250
/** As much as nobody guesses. */
const KEY_BYTES_MIN = 16
/** Of an answer beside its topic: enough for the shortest that says something. */
const ANSWER_REST_BYTES = 150
/** A day's bytes are so many answers at least, or most commands would find none left. */
const ANSWERS_MIN = 8

const report: Schema<ReportConfig> = object({
  topic: required('Local topic of the report: let a route of an uplink carry it, with `retain: true` so that the cloud keeps the last one. {site} is replaced.', topicName()),
  every: defaulted('How often. It also comes when something has become better or worse for ten seconds, a minute after the one before at the earliest.', '15m', duration(60 * SECOND_MS, DAY_MS)),
  maxBytesPerDay: defaulted('Bytes in any 24 hours: the PUBLISH packets of reports as they go over the uplinks, without TLS and TCP. When they are spent, the next report waits.', '40kB', size(2000, 1_000_000_000)),
}).into(({ topic, every, maxBytesPerDay }, place) => {
  const bytes = Math.ceil(DAY_MS / every) * REPORT_BYTES_TYPICAL
  if (bytes > maxBytesPerDay) place.key(place.has('every') ? 'every' : 'maxBytesPerDay').warning(`a report each ${formatDuration(every)} costs about ${formatSize(bytes)} a day, \`maxBytesPerDay\` is ${formatSize(maxBytesPerDay)}`, 'reports will come less often: raise the one or the other')
  return { topic, everyMs: every, dayBytesMax: maxBytesPerDay }
})

const commands: Schema<RemoteCommandsConfig> = object({
  topic: required('Local topic below which commands come (TOPIC/status …): let a route of an uplink bring them. Answers go to their Response Topic, or to TOPIC/status/reply and the like: let a route carry TOPIC/+/reply. {site} is replaced.', topicName()),
  allow: defaulted('What may be asked: status, queue, pause (also hold and connect), config, update, support.', ['status', 'queue'], list(choice(REMOTE_COMMANDS), { min: 1 })),
  from: optional('Names of the uplinks that may bring commands. Left out: each. Clients of this broker may give them when their user has the role: viewer for status and queue, operator for pause, admin for the rest.', list(identifier('an uplink'), { min: 1 })),
  key: optional('Secret that signs each command (HMAC-SHA256): for a cloud broker that others publish to as well. Left out: whoever may publish to the topic there may command.', secret()),
  maxAge: defaulted('A command that says when it was given is not carried out when it is older.', '10m', duration(10 * SECOND_MS, 30 * DAY_MS)),
  maxAnswer: defaulted('Bytes of an answer: its whole PUBLISH packet as it goes over the uplink.', '500B', size(200, 60_000)),
  maxBytesPerDay: defaulted('Bytes of all answers in any 24 hours. When they are spent, nothing is answered or carried out.', '100kB', size(2000, 1_000_000_000)),
}).into(({ topic, allow, from, key, maxAge, maxAnswer, maxBytesPerDay }, place): RemoteCommandsConfig | undefined => {
  if (key?.bytes !== undefined && key.bytes !== null && key.bytes.length < KEY_BYTES_MIN) {
    return place.key('key').problem(`a key has ${KEY_BYTES_MIN} characters at least`, 'make one that nobody guesses: openssl rand -hex 32')
  }
  if (Buffer.byteLength(topic) + ANSWER_REST_BYTES > maxAnswer) {
    return place.key(place.has('maxAnswer') ? 'maxAnswer' : 'topic').problem(`an answer of ${formatSize(maxAnswer)} has no room for so long a topic and what it says`, `give \`maxAnswer\` ${Buffer.byteLength(topic) + ANSWER_REST_BYTES}B or more`)
  }
  if (maxBytesPerDay < ANSWERS_MIN * maxAnswer) {
    return place.key(place.has('maxBytesPerDay') ? 'maxBytesPerDay' : 'maxAnswer').problem(`\`maxBytesPerDay\` ${formatSize(maxBytesPerDay)} is too little for answers of ${formatSize(maxAnswer)}`, `give it ${formatSize(ANSWERS_MIN * maxAnswer)} or more`)
  }
  return { topic, allow: [...new Set(allow)], from, signature: key === null ? null : { key: key.bytes }, ageMsMax: maxAge, answerBytesMax: maxAnswer, dayBytesMax: maxBytesPerDay }
})

export const remote: Schema<RemoteConfig> = object({
  report: optional('A compact report of how the gateway is, as a retained message.', report),
  commands: optional('Commands by message, each answered.', commands),
})

/** What `remote` asks of the rest. Reports what is wrong; false when anything is. */
export function checkRemote({ remote: { report: told, commands: asked }, uplinks, update }: Pick<Config, 'remote' | 'uplinks' | 'update'>, place: Place): boolean {
  const at = place.key('remote')
  if (told !== null && uplinks.length > 0) warnOfRoutes(told.topic, uplinks, at.key('report').key('topic'))
  if (asked === null) return true
  let valid = true
  const names = uplinks.map(({ name }) => name)
  asked.from?.forEach((name, i) => {
    if (names.includes(name)) return
    const near = nearest(name, names)
    const hint = near !== null ? `did you mean ${near}?` : names.length === 0 ? 'there are no `uplinks`: remove `from`' : `write some of ${names.join(', ')}`
    at.key('commands').key('from').item(i).problem(`there is no uplink "${name}"`, hint)
    valid = false
  })
  if (asked.allow.includes('update') && update.commandTopic !== null) {
    at.key('commands').key('allow').problem('updates would be asked for on two topics: `update.commands` names one already', `remove \`update.commands\`: the same commands come on ${asked.topic}/update`)
    valid = false
  }
  if (told !== null && (told.topic === asked.topic || told.topic.startsWith(`${asked.topic}/`))) {
    at.key('report').key('topic').problem('the report would be taken for a command', `give it a topic that is not below ${asked.topic}`)
    valid = false
  }
  return valid
}

function warnOfRoutes(topic: string, uplinks: Config['uplinks'], place: Place): void {
  const carrying = uplinks.flatMap(({ routes }) => routes.find((route) => route.direction === 'out' && route.tenant === '' && compileRemap(route.from, route.to)(topic) !== null) ?? [])
  if (carrying.length === 0) place.warning('no route of an uplink carries the report', `add one: \`- { out: ${topic}, retain: true }\``)
  else if (!carrying.some(({ retain }) => retain)) place.warning('the route that carries the report does not carry RETAIN: the cloud will not keep the last one', `add \`retain: true\` to it, or a route of its own before it: \`- { out: ${topic}, retain: true }\``)
}
