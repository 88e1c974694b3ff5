// Looks after what is on trial until trial.ts has a verdict, and carries it out. Run by sandpiper-mark-good.service after a start of the machine
// and after an application was installed.
//
// A verdict is written down before it is carried out, and the trial is forgotten last: cut off anywhere, the next start comes to the same end.
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import type { Applications } from './application.ts'
import { parseBootBlock, slotInUse } from './boot-block.ts'
import { brokerTrouble, type Door } from '../ops/broker-probe.ts'
import type { Disk } from './disk.ts'
import type { Machine } from './machine.ts'
import type { Places } from './places.ts'
import type { Outcome, Records, Trial } from './record.ts'
import { judge, type Sight, type Verdict } from './trial.ts'

const LOOK_MS = 2000
/** A power cut forgets as much of the time that was waited. */
const REMEMBER_MS = 60_000

export interface MarkGoodDeps {
  readonly clock: Clock
  readonly places: Places
  readonly disk: Disk
  readonly records: Records
  readonly applications: Applications
  readonly machine: Machine
  readonly withinMs: number
  readonly say: (line: string) => void
}

/** Until there is nothing on trial. */
export async function markGood(deps: MarkGoodDeps): Promise<void> {
  const { clock, records, machine, say } = deps
  const startMs = clock.now()
  let rememberedMs = 0
  let isArmed = false
  for (;;) {
    const { trial } = records
    if (trial === null) return
    const sinceMs = clock.now() - startMs - rememberedMs
    const verdict = judge(trial, { ...(await lookAround(deps, trial)), sinceMs }, deps.withinMs)
    if (verdict.verdict !== 'wait') return carryOut(trial, verdict, deps)
    if (verdict.for === 'uplink') {
      if (!isArmed && trial.kind === 'root') await machine.bootSlot('rearm')
      if (!isArmed) say(`the broker works; waiting for an uplink (${trial.uplinks.join(', ')})`)
      isArmed = true
      if (sinceMs >= REMEMBER_MS) {
        records.trial = { ...trial, waitedMs: trial.waitedMs + sinceMs }
        rememberedMs += sinceMs
      }
    }
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve))
  }
}

async function lookAround({ places, disk, applications, clock }: MarkGoodDeps, trial: Trial): Promise<Omit<Sight, 'sinceMs'>> {
  const slot = slotInUse(disk.read(places.cmdline)?.toString('latin1') ?? '')
  const block = disk.read(places.bootBlock)
  const status = gatewayStatus(places, disk)
  const application = applications.running()?.application ?? null
  const runs = (trial.kind === 'root' ? slot : application) === trial.slot
  return {
    slot,
    block: block === null ? null : parseBootBlock(block),
    application,
    brokerTrouble: runs ? await troubleOf(status, trial, clock) : null,
    uplinks: status?.uplinks ?? [],
  }
}

async function troubleOf(status: GatewayStatus | null, trial: Trial, clock: Clock): Promise<string | null> {
  if (status === null) return 'the gateway has not come up'
  if (status.isDefault && !trial.wasDefault) return 'it does not accept the configuration that ran before'
  return brokerTrouble(status.doors, status.probe, clock)
}

async function carryOut(trial: Trial, verdict: Exclude<Verdict, { verdict: 'wait' }>, { clock, records, applications, machine, say }: MarkGoodDeps): Promise<void> {
  const { kind, version, slot } = trial
  const told: Omit<Outcome, 'outcome' | 'reason'> = { kind, version, atMs: clock.wall(), job: trial.job, source: null, asker: trial.asker }
  switch (verdict.verdict) {
    case 'forget':
      break
    case 'keep':
      if (kind === 'root') await machine.bootSlot('set-state', slot, 'good')
      else applications.keep()
      records.last = { ...told, outcome: 'installed', reason: '' }
      say(`${version} works: it stays`)
      break
    case 'undone': {
      const { last } = records
      if (kind === 'root') await machine.bootSlot('set-state', slot, 'bad')
      // Undone by ourselves in an earlier run, and told already why.
      const isTold = last?.outcome === 'rolled-back' && last.version === version && (last.job === trial.job || last.job === null)
      if (!isTold) records.last = { ...told, outcome: 'rolled-back', reason: verdict.reason }
      say(`${version} was undone: ${isTold ? last.reason : verdict.reason}`)
      break
    }
    case 'undo':
      records.last = { ...told, outcome: 'rolled-back', reason: verdict.reason }
      say(`going back to ${trial.from}: ${verdict.reason}`)
      if (kind === 'root') await machine.bootSlot('set-state', slot, 'bad')
      else applications.drop()
  }
  records.trial = null
  if (verdict.verdict !== 'undo') return
  if (kind === 'root') await machine.reboot()
  else await machine.restartGateway()
}

interface GatewayStatus {
  readonly doors: readonly Door[]
  /** null of a version that has none. */
  readonly probe: string | null
  readonly uplinks: readonly string[]
  /** It runs on the safe default, for neither the file nor the last good configuration could be used. */
  readonly isDefault: boolean
}

/** What the gateway says of itself; null while it does not. `uplinks`: those that were connected since it was started. */
export function gatewayStatus({ gateway }: Pick<Places, 'gateway'>, disk: Disk): GatewayStatus | null {
  try {
    const status = JSON.parse(disk.read(join(gateway, 'status.json'))?.toString('utf8') ?? 'null') as {
      config: { source: string }
      broker: { listeners: Door[]; probe?: string }
      uplinks: { name: string; everConnected: boolean }[]
    } | null
    if (status === null) return null
    const uplinks = status.uplinks.filter((uplink) => uplink.everConnected).map(({ name }) => name)
    return { doors: status.broker.listeners, probe: status.broker.probe ?? null, uplinks, isDefault: status.config.source === 'default' }
  } catch {
    return null // half of it is not there, or another version's
  }
}
