// Alarms of a gateway that is not there: the test says what it is like, moves time, and sees what is told.
import { Alarms } from '../../src/alarms/alarms.ts'
import { type Health, UNKNOWN } from '../../src/alarms/health.ts'
import type { Sight } from '../../src/alarms/observe.ts'
import type { AlarmsConfig } from '../../src/config/config.ts'
import { checkText } from '../../src/config/load.ts'
import type { BudgetFigures } from '../../src/uplink/budget/figures.ts'
import { FakeClock, settle } from './fake-clock.ts'
import { QUEUE } from './uplink-config.ts'

type Gateway = Omit<Sight, 'health'>

/** What is on flash and outlives a restart. */
export class KeptNumbers {
  readonly all = new Map<string, number>()

  set(key: string, value: number): void {
    this.all.set(key, value)
  }

  delete(key: string): void {
    this.all.delete(key)
  }
}

export class AlarmBed {
  readonly clock = new FakeClock()
  readonly counters = { alarmsRaised: 0 }
  readonly log: string[] = []
  /** Everything that was published to ordinary topics, in order. */
  readonly published: { readonly topic: string; readonly text: string }[] = []
  /** What is retained below $SYS. */
  readonly sys = new Map<string, string>()
  readonly alarms: Alarms
  /** What it is like now. */
  gateway: Gateway = { uplinks: [], session: { clientId: '', share: 0 }, sensors: [], outputs: [], store: { bytes: 0, bytesMax: 1e9 }, refused: 0, setAside: null, isTimeSynced: true }
  health: Health = UNKNOWN
  isTimed = true
  /** Whether the machine says how it is; otherwise it never does. */
  answers = true
  asked = 0

  /** `yaml`: what stands in the section. */
  constructor(yaml = '{}', numbers = new KeptNumbers(), gateway: Partial<Gateway> = {}) {
    this.gateway = { ...this.gateway, ...gateway }
    const write = (level: string) => (fields: object, text: string) => void this.log.push(`${level} ${(fields as { alarm: string }).alarm}: ${text}`)
    this.alarms = new Alarms(alarmsOf(yaml), {
      clock: this.clock,
      log: { info: write('info'), warn: write('warn') },
      counters: this.counters,
      numbers,
      time: { storedNow: () => this.clock.wall(), ofStored: (wallMs) => ({ wallMs, isSynced: this.isTimed, sinceBoot: null }) },
      sight: () => this.gateway,
      health: {
        read: () => {
          this.asked++
          return this.answers ? Promise.resolve(this.health) : new Promise(() => {})
        },
      },
      tellSys: (name, text) => void (text === '' ? this.sys.delete(name) : this.sys.set(name, text)),
      publish: (topic, text) => void this.published.push({ topic, text }),
    })
    this.alarms.start()
  }

  get names(): string[] {
    return this.alarms.list().map(({ name }) => name)
  }

  /** From now on it is so, for so long. */
  async be(change: Partial<Gateway & { readonly health: Partial<Health> }>, sec: number): Promise<void> {
    const { health, ...gateway } = change
    this.gateway = { ...this.gateway, ...gateway }
    this.health = { ...this.health, ...health }
    await this.pass(sec)
  }

  async pass(sec: number): Promise<void> {
    await settle()
    await this.clock.advanceAsync(sec * 1000)
  }
}

export function alarmsOf(yaml: string): AlarmsConfig {
  const result = checkText(`site: test\nalarms: ${yaml}`, 'gateway.yaml')
  if ('problems' in result) throw new Error(result.problems.map(({ message }) => message).join('\n'))
  return result.config.alarms
}

/** An uplink as it is seen; `queue`: messages that wait in its one queue of a hundred. */
export function uplinkSight(more: Partial<Gateway['uplinks'][number]['state']> = {}, queue = 0, whenFull: 'drop-oldest' | 'keep-latest' = 'drop-oldest'): Gateway['uplinks'][number] {
  const state = { name: 'cloud', phase: 'up', order: null, lastError: null, budgets: [], ...more } as const
  return { state, queues: [{ class: 'live', count: queue, bytes: 0, limits: { ...QUEUE, countMax: 100, whenFull } }] }
}

export function budgetSight(bytes: number, more: Partial<BudgetFigures> = {}): BudgetFigures {
  const none = { bytes: 0, limitBytes: null, lastBytes: 0, forecastBytes: null, endsAtMs: null, warned: false }
  return { link: 'lte', countedBy: 'estimate', day: none, month: { ...none, bytes, limitBytes: 1000 }, reservedFor: null, connectBytes: 0, exhausted: false, exhaustedUntilMs: null, ...more }
}
