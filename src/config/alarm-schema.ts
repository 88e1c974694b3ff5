// gateway.yaml, `alarms:`: from when on something is worth an alarm. The descriptions are the reference documentation.
import { choice, duration, percentage, topicName } from './scalar.ts'
import { defaulted, object, optional, Schema } from './schema.ts'

const SECOND_MS = 1000
const YEAR_MS = 365 * 86_400_000
/** Boards throttle from 80 °C on, and none is made for more than this. */
const CELSIUS_MIN = 20
const CELSIUS_MAX = 150

/** null: that alarm is off. */
export interface AlarmsConfig {
  /** First levels of an ordinary topic that alarms are published to as well; null for none. */
  readonly topic: string | null
  readonly uplinkDownMs: number | null
  /** Shares are from 0 to 1. */
  readonly queueShare: number | null
  readonly storeRefused: boolean
  readonly storeSetAside: boolean
  readonly storeShare: number | null
  readonly diskShare: number | null
  readonly sensorGoneMs: number | null
  readonly sensorDegradedMs: number | null
  readonly outputGoneMs: number | null
  readonly temperatureC: number | null
  readonly underVoltage: boolean
  readonly clockUnsetMs: number | null
  readonly budget: boolean
  readonly update: boolean
}

const OFF = { off: Infinity }
const nullOf = (value: number): number | null => (value === Infinity ? null : value)

const forSoLong = duration(SECOND_MS, YEAR_MS, OFF).into(nullOf)

const share = percentage(OFF).into((part, place) => (part > 0 ? nullOf(part) : place.problem(`${place.name} is 0%: that is always reached`, 'write for example 80%, or off')))

const CELSIUS = `degrees Celsius from ${CELSIUS_MIN} to ${CELSIUS_MAX}, or off`

const celsius = new Schema<number | null>(CELSIUS, { anyOf: [{ type: 'number', minimum: CELSIUS_MIN, maximum: CELSIUS_MAX }, { enum: ['off'] }] }, (place) => {
  const value = place.tree.kind === 'scalar' ? place.tree.value : null
  if (value === 'off') return null
  if (typeof value === 'number' && value >= CELSIUS_MIN && value <= CELSIUS_MAX) return value
  return place.wrong(CELSIUS, 'write a number without a unit, for example 80')
})

const onOff = choice(['on', 'off']).into((word) => word === 'on')

export const alarms: Schema<AlarmsConfig> = object({
  topic: optional('Alarms are published, retained and at QoS 1, below this topic too: TOPIC/KIND or TOPIC/KIND/NAME. $SYS topics do not leave the gateway, this one a route may carry (with `retain: true`, that the cloud keeps it). {site} is replaced. Left out: they stand below $SYS/broker/alarm/ only.', topicName()),
  uplinkDown: defaulted('An uplink has been wanted and not connected for so long, in all since it was last well. While its schedule, its budget or an order wants no connection, no time counts. This and the others: off for none.', '1h', forSoLong),
  queue: defaulted('What waits for an uplink, or for a client, takes so much of its queue (bytes or messages). Queues that keep only the latest are meant to be full: they do not count.', '80%', share),
  storeRefused: defaulted('Messages were refused because the store had no room.', 'on', onOff),
  storeSetAside: defaulted('A store that could not be opened was set aside, and a new one begun. This alarm lasts until it is cleared.', 'on', onOff),
  store: defaulted('The store takes so much of store.maxSize.', '90%', share),
  disk: defaulted('The disk of the store is so full.', '90%', share),
  sensorGone: defaulted('A sensor has given nothing for so long: it is gone.', '1m', forSoLong),
  sensorDegraded: defaulted('A sensor has been giving some readings only, or bad ones, for so long.', '10m', forSoLong),
  outputGone: defaulted('A line that commands drive could not be driven for so long.', '1m', forSoLong),
  temperature: defaulted('The processor is so hot, in degrees Celsius.', 80, celsius),
  underVoltage: defaulted('The supply of the board is too weak, where the board tells (Raspberry Pi).', 'on', onOff),
  clockUnset: defaulted('Nobody has told the time for so long since the start: time stamps may be wrong.', '1h', forSoLong),
  budget: defaulted('80 % of a link’s budget are spent, and all of it.', 'on', onOff),
  update: defaulted('The last update was undone, or could not be installed.', 'on', onOff),
}).into((a) => ({
  topic: a.topic,
  uplinkDownMs: a.uplinkDown,
  queueShare: a.queue,
  storeRefused: a.storeRefused,
  storeSetAside: a.storeSetAside,
  storeShare: a.store,
  diskShare: a.disk,
  sensorGoneMs: a.sensorGone,
  sensorDegradedMs: a.sensorDegraded,
  outputGoneMs: a.outputGone,
  temperatureC: a.temperature,
  underVoltage: a.underVoltage,
  clockUnsetMs: a.clockUnset,
  budget: a.budget,
  update: a.update,
}))
