// Home Assistant finds sensors and outputs by itself: one retained message for each value, under PREFIX/COMPONENT/sandpiper-SITE/OBJECT/config, says where
// its readings are and how they are read (Home Assistant's MQTT discovery).
// Rules: a value is announced with its first reading, for only then is it known whether it is a number, a state or a text; it is announced anew only when that
// changes. What was announced by an earlier configuration and is not there any more is taken back at the start.
import { createHash } from 'node:crypto'
import type { HomeAssistantConfig, OutputConfig, PayloadConfig, ReadingConfig, SensorConfig } from '../config/config.ts'
import { makeMessage } from '../message.ts'
import type { Reading } from '../sensors/reading/reading.ts'
import { senmlName } from '../sensors/reading/payload.ts'
import { topicOfValue } from '../sensors/reading/readings.ts'
import type { Raw } from '../sensors/sensor.ts'
import type { Value } from '../sensors/reading/shape.ts'
import type { Announcer, AnnouncerDeps } from './announcer.ts'

/** Units that say what is measured: the classes of Home Assistant's sensors. Percentages and counts may be many things. */
const CLASS_OF: Readonly<Record<string, string>> = {
  '°C': 'temperature', '°F': 'temperature', K: 'temperature', hPa: 'pressure', kPa: 'pressure', bar: 'pressure', Pa: 'pressure', V: 'voltage', mV: 'voltage', A: 'current', mA: 'current',
  W: 'power', kW: 'power', Wh: 'energy', kWh: 'energy', VA: 'apparent_power', var: 'reactive_power', Hz: 'frequency', lx: 'illuminance', 'm/s': 'speed', 'km/h': 'speed',
  'm³': 'volume_storage', L: 'volume_storage', 'L/min': 'volume_flow_rate', 'm³/h': 'volume_flow_rate', m: 'distance', cm: 'distance', mm: 'distance', kg: 'weight', g: 'weight',
}

/** What an output is called in its identifier. */
const OUTPUT = 'output'

interface Announced {
  /** Name of the sensor or output. */
  readonly owner: string
  readonly name: string
}

/** What a counter of pulses calls its sum. */
const TOTAL = 'total'

export class HomeAssistant implements Announcer {
  readonly #config: HomeAssistantConfig
  readonly #deps: AnnouncerDeps
  /** What was announced of a value, by sensor and name: as long as that is the same, nothing is to be said. */
  readonly #announced = new Map<string, { readonly kind: string; readonly topic: string }>()

  constructor(config: HomeAssistantConfig, deps: AnnouncerDeps) {
    this.#config = config
    this.#deps = deps
  }

  start(): void {
    this.#takeBack()
    for (const output of this.#deps.outputs) this.#announceOutput(output)
  }

  onReading(sensor: SensorConfig, { values, quality }: Reading): void {
    if (quality === 'gone') return
    for (const value of values) if (value.value !== null) this.#announceValue(sensor, value)
  }

  onStatus(): void {}

  stop(): void {}

  #announceValue(sensor: SensorConfig, { name, value, unit }: Value): void {
    const kind = `${typeof value} ${unit ?? ''}`
    const key = `${sensor.name} ${name}`
    const before = this.#announced.get(key)
    if (before?.kind === kind) return
    const isBinary = typeof value === 'boolean'
    const component = isBinary ? 'binary_sensor' : 'sensor'
    const topic = this.#topicOf(component, sensor.name, name)
    if (before !== undefined && before.topic !== topic) this.#deps.publish(sensor.tenant, makeMessage(before.topic, '', { qos: 1, retain: true }))
    this.#announced.set(key, { kind, topic })
    const { reading } = sensor
    const read = templateOf(sensor, name, value)
    const expireMs = reading === null ? Infinity : expireMsOf(reading)
    const from = reading?.values?.find((config) => config.name === name)?.from ?? name
    const known = unit === null ? undefined : CLASS_OF[unit]
    // What only ever goes up has differences for its statistics, and volumes that do another name.
    const isRising = from === TOTAL || known === 'energy'
    const deviceClass = isRising && known === 'volume_storage' ? 'volume' : known
    this.#announce(sensor.tenant, topic, sensor.name, name, {
      name: sensor.topic.includes('{value}') || name !== 'value' ? `${sensor.name} ${name}` : sensor.name,
      state_topic: topicOfValue(sensor.topic, name),
      ...(isBinary ? { value_template: binaryTemplate(read) } : read === null ? {} : { value_template: `{{ ${read} }}` }),
      ...(unit === null || isBinary ? {} : { unit_of_measurement: unit }),
      ...(deviceClass === undefined || isBinary ? {} : { device_class: deviceClass }),
      ...(typeof value === 'number' ? { state_class: isRising ? 'total_increasing' : 'measurement' } : {}),
      ...(expireMs === Infinity ? {} : { expire_after: Math.ceil(expireMs / 1000) }),
    })
  }

  #announceOutput({ name, tenant, command, state }: OutputConfig): void {
    this.#announce(tenant, this.#topicOf('switch', name, OUTPUT), name, OUTPUT, {
      name,
      command_topic: command,
      state_topic: state,
      payload_on: 'on',
      payload_off: 'off',
      state_on: 'on',
      state_off: 'off',
      availability: [{ topic: state, value_template: "{{ 'offline' if value == 'gone' else 'online' }}" }],
    })
  }

  #topicOf(component: string, owner: string, name: string): string {
    return `${this.#prefix}/${component}/sandpiper-${nodeOf(this.#deps.site)}/${objectOf(`${owner}-${name}`)}/config`
  }

  #announce(tenant: string, topic: string, owner: string, name: string, what: object): void {
    const { site, version, publish } = this.#deps
    const payload = JSON.stringify({
      ...what,
      unique_id: `${this.#idPrefix}${owner}:${name}`,
      device: { identifiers: [`sandpiper:${site}`], name: site, manufacturer: 'Sandpiper', model: 'Edge gateway', sw_version: version },
      origin: { name: 'Sandpiper', sw_version: version },
    })
    publish(tenant, makeMessage(topic, payload, { qos: 1, retain: true }))
  }

  /** Of sensors, values and outputs that are not there any more. */
  #takeBack(): void {
    const { sensors, outputs, site, retained, publish } = this.#deps
    for (const tenant of new Set([...sensors, ...outputs].map((owner) => owner.tenant).concat(''))) {
      const gone = [...retained(tenant, `${this.#prefix}/+/sandpiper-${nodeOf(site)}/+/config`)].filter(({ payload }) => {
        const announced = this.#announcedIn(payload)
        return announced !== null && !this.#isConfigured(tenant, announced)
      })
      for (const { topic } of gone) publish(tenant, makeMessage(topic.name, '', { qos: 1, retain: true }))
    }
  }

  #isConfigured(tenant: string, { owner, name }: Announced): boolean {
    const isOf = (one: SensorConfig | OutputConfig): boolean => one.tenant === tenant && one.name === owner
    if (name === OUTPUT && this.#deps.outputs.some(isOf)) return true
    const reading = this.#deps.sensors.find(isOf)?.reading ?? null
    return reading !== null && (reading.values === null || reading.values.some((value) => value.name === name))
  }

  /** Whose announcement this is; null when it is not ours. */
  #announcedIn(payload: Buffer): Announced | null {
    try {
      const { unique_id: id } = JSON.parse(payload.toString('utf8')) as { readonly unique_id?: unknown }
      if (typeof id !== 'string' || !id.startsWith(this.#idPrefix)) return null
      const [owner, ...name] = id.slice(this.#idPrefix.length).split(':')
      return { owner: owner!, name: name.join(':') }
    } catch {
      return null
    }
  }

  get #prefix(): string {
    return this.#config.prefix
  }

  get #idPrefix(): string {
    return `sandpiper:${this.#deps.site}:`
  }
}

/** Topic levels of discovery have letters, digits, - and _ only. */
function nodeOf(site: string): string {
  return site.replaceAll(/[^A-Za-z0-9_-]/g, '_')
}

/** The same for objects. What had to be changed for it could be another's name then: its hash keeps them apart. */
function objectOf(name: string): string {
  const allowed = nodeOf(name)
  return allowed === name ? name : `${allowed}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
}

/** How long a good sensor may be silent; Infinity for any time: what is not news is not published. */
function expireMsOf({ staleMs, everyMs, silenceMsMax, onChange, deadband, values }: ReadingConfig): number {
  const isHeldBack = onChange || deadband !== null || (values ?? []).some((value) => value.deadband !== null)
  return staleMs + (everyMs ?? 0) + (isHeldBack ? silenceMsMax : 0)
}

/** A message may be without the value (it changes nothing then), or tell that there is none. */
function binaryTemplate(read: string | null): string {
  return read === null ? "{{ 'ON' if value == 'true' else 'OFF' }}" : `{{ 'ON' if ${read} is true else 'OFF' if ${read} is false else 'None' if ${read} is none else '' }}`
}

/** A Jinja expression for the value in the payload; null where the payload is the value. */
function templateOf({ reading, topic }: SensorConfig, name: string, value: Raw): string | null {
  const payload: PayloadConfig = reading?.payload ?? { kind: 'json', keys: null }
  switch (payload.kind) {
    case 'plain':
      return null
    case 'senml':
      return `(value_json | selectattr('n', 'eq', ${quoted(senmlName(name))}) | map(attribute='${typeof value === 'number' ? 'v' : typeof value === 'boolean' ? 'vb' : 'vs'}') | first)`
    case 'json': {
      const isSingle = topic.includes('{value}')
      if (payload.keys === null) return member(isSingle ? 'value' : name)
      const key = payload.keys.find(({ word }) => word === name || (word === 'value' && (isSingle || (reading?.values ?? []).length === 1)))?.key
      return key === undefined ? null : member(key)
    }
  }
}

function member(key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? `value_json.${key}` : `value_json[${quoted(key)}]`
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
