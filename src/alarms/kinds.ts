// What there are alarms for: data. Of each kind when it is raised and over, how bad it is, and what a person is told.
//
// A message is made when the alarm is raised, and stays true while it lasts: it names the mark that was passed, not the figure of the moment.
import type { AlarmsConfig } from '../config/config.ts'
import { formatDuration } from '../config/units.ts'
import type { Rule } from './condition.ts'

/** The worst first. */
export const SEVERITIES = ['critical', 'warning'] as const

export type Severity = (typeof SEVERITIES)[number]

export interface Told {
  /** Which one; null where there is one only. */
  readonly of: string | null
  readonly rule: Rule
  /** What more is known, in words; null for nothing. */
  readonly detail: string | null
}

export interface Kind {
  readonly severity: Severity
  /** Of the figure; null for one that is yes (1) or no (0). */
  readonly unit: string | null
  /** null: it is switched off. */
  readonly rule: (config: AlarmsConfig) => Rule | null
  readonly message: (told: Told) => string
  /** What to do. */
  readonly hint: string
  /** It has happened, and nothing makes it well: cleared, it is over at the next start. */
  readonly isEvent?: true
}

const SECOND_MS = 1000
const MINUTE_MS = 60_000
/** Well for so long is well. */
const CALM_MS = 30 * SECOND_MS
/** What happens now and then is one alarm. */
const NOW_AND_THEN_MS = 10 * MINUTE_MS

/** Yes for so long. It is over after CALM_MS, or sooner where already less is an alarm. */
function lasting(ms: number | null): Rule | null {
  return ms === null ? null : { raiseAt: 1, clearAt: 0, raiseAfterMs: ms, overAfterMs: Math.min(CALM_MS, ms) }
}

/** Yes once; over when it has been no for `overAfterMs`. */
function once(isOn: boolean, overAfterMs: number): Rule | null {
  return isOn ? { raiseAt: 1, clearAt: 0, raiseAfterMs: 0, overAfterMs } : null
}

/** A level for a minute; over when it is `below` less for a minute. Nothing clears below nothing. */
function level(raiseAt: number | null, below: number): Rule | null {
  return raiseAt === null ? null : { raiseAt, clearAt: Math.max(raiseAt - below, raiseAt / 2), raiseAfterMs: MINUTE_MS, overAfterMs: MINUTE_MS }
}

function percent(share: number | null): number | null {
  return share === null ? null : Math.round(share * 1000) / 10
}

const because = (detail: string | null): string => (detail === null ? '' : `: ${detail}`)

const CATALOGUE = {
  'store-refused': {
    severity: 'critical',
    unit: 'messages',
    rule: ({ storeRefused }) => once(storeRefused, NOW_AND_THEN_MS),
    message: () => 'the store had no room: messages were refused',
    hint: 'raise store.maxSize, or take away what waits for nobody (`sandpiper queue`)',
  },
  'store-set-aside': {
    severity: 'critical',
    unit: null,
    rule: ({ storeSetAside }) => once(storeSetAside, 0),
    message: ({ detail }) => `the store could not be opened: it was set aside, and a new one begun${because(detail)}`,
    hint: 'what waited in it is not delivered: keep its files for somebody who can read them, and try another card when it comes again; then clear this alarm',
    isEvent: true,
  },
  'disk-full': {
    severity: 'critical',
    unit: '%',
    rule: ({ diskShare }) => level(percent(diskShare), 5),
    message: ({ rule }) => `the disk of the store is full to ${rule.raiseAt} % or more`,
    hint: 'see what takes the room (df -h, du), or lower store.maxSize: on a full disk new messages are refused',
  },
  'under-voltage': {
    severity: 'critical',
    unit: null,
    rule: ({ underVoltage }) => once(underVoltage, NOW_AND_THEN_MS),
    message: () => 'the supply of the board is too weak',
    hint: 'use the supply that is made for the board and a short, thick cable; take away what draws much from its USB ports',
  },
  temperature: {
    severity: 'critical',
    unit: '°C',
    rule: ({ temperatureC }) => level(temperatureC, 5),
    message: ({ rule }) => `the processor has ${rule.raiseAt} °C or more`,
    hint: 'give the board air or shade, and look at its fan: it slows down to protect itself',
  },
  'uplink-down': {
    severity: 'critical',
    unit: null,
    rule: ({ uplinkDownMs }) => lasting(uplinkDownMs),
    message: ({ of, rule, detail }) => `uplink ${of} was to be connected, and has not been for ${formatDuration(rule.raiseAfterMs)}${because(detail)}`,
    hint: 'see `sandpiper uplink`; then antenna, SIM, cables, and whether the remote broker runs',
  },
  'output-gone': {
    severity: 'critical',
    unit: null,
    rule: ({ outputGoneMs }) => lasting(outputGoneMs),
    message: ({ of, detail }) => `output ${of} cannot be driven as it should${because(detail)}`,
    hint: 'see its wires, and `sandpiper board` for who holds the line',
  },
  'budget-100': {
    severity: 'critical',
    unit: '%',
    rule: ({ budget }) => (budget ? { raiseAt: 100, clearAt: 99, raiseAfterMs: 0, overAfterMs: 0 } : null),
    message: ({ of, detail }) => `the budget of link ${of} is spent${because(detail)}`,
    hint: 'see `sandpiper uplink` for what waits; a larger `budget`, a rarer `batch` or an `only` of routes makes it last',
  },
  'update-failed': {
    severity: 'critical',
    unit: null,
    rule: ({ update }) => once(update, 0),
    message: ({ detail }) => `the last update is not in use${because(detail)}`,
    hint: 'see `sandpiper update status`; what ran before runs',
  },
  'store-full': {
    severity: 'warning',
    unit: '%',
    rule: ({ storeShare }) => level(percent(storeShare), 5),
    message: ({ rule }) => `the store takes ${rule.raiseAt} % of store.maxSize or more`,
    hint: 'raise store.maxSize, or lower the limits of queues; when it is full new messages are refused',
  },
  'queue-long': {
    severity: 'warning',
    unit: '%',
    rule: ({ queueShare }) => level(percent(queueShare), 10),
    message: ({ of, rule, detail }) => `what waits for uplink ${of} takes ${rule.raiseAt} % of its queue or more${because(detail)}`,
    hint: 'see why the uplink does not keep up (`sandpiper uplink`); when the queue is full, its `whenFull` says what is lost',
  },
  'session-queue-long': {
    severity: 'warning',
    unit: '%',
    rule: ({ queueShare }) => level(percent(queueShare), 10),
    message: ({ rule, detail }) => `what waits for a client takes ${rule.raiseAt} % of its queue or more${because(detail)}`,
    hint: 'see where the client is; `sandpiper queue client CLIENT-ID --drop N` takes away what waits for it',
  },
  'sensor-gone': {
    severity: 'warning',
    unit: null,
    rule: ({ sensorGoneMs }) => lasting(sensorGoneMs),
    message: ({ of, detail }) => `sensor ${of} is gone${because(detail)}`,
    hint: 'see its wires and its supply; it is tried again by itself',
  },
  'sensor-degraded': {
    severity: 'warning',
    unit: null,
    rule: ({ sensorDegradedMs }) => lasting(sensorDegradedMs),
    message: ({ of, detail }) => `sensor ${of} gives some readings only, or bad ones${because(detail)}`,
    hint: 'see its wires, and how its frames are decoded (`sandpiper sensors watch`)',
  },
  'clock-unset': {
    severity: 'warning',
    unit: null,
    rule: ({ clockUnsetMs }) => lasting(clockUnsetMs),
    message: ({ rule }) => `nobody has told the time for ${formatDuration(rule.raiseAfterMs)}: time stamps may be wrong`,
    hint: 'see `time.servers`; without a network a clock with a battery or a GPS receiver (`time.gps`) tells it',
  },
  'budget-80': {
    severity: 'warning',
    unit: '%',
    rule: ({ budget }) => (budget ? { raiseAt: 80, clearAt: 79, raiseAfterMs: 0, overAfterMs: 0 } : null),
    message: ({ of, detail }) => `80 % of the budget of link ${of} are spent${because(detail)}`,
    hint: 'see the forecast in `sandpiper uplink --json`; at its end the link is hung up',
  },
} satisfies Readonly<Record<string, Kind>>

export type KindName = keyof typeof CATALOGUE

export const KINDS: Readonly<Record<KindName, Kind>> = CATALOGUE

export function isKind(name: string): name is KindName {
  return Object.hasOwn(KINDS, name)
}

/** Of those that are not switched off. */
export function rulesOf(config: AlarmsConfig): ReadonlyMap<KindName, Rule> {
  const rules = new Map<KindName, Rule>()
  for (const name of Object.keys(KINDS) as KindName[]) {
    const rule = KINDS[name].rule(config)
    if (rule !== null) rules.set(name, rule)
  }
  return rules
}
