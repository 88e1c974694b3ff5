// Going back because somebody asks for it: from what is on trial to what ran before, from an application to the one before or the root's own
// program, from a root to the one in the other slot. What ran before was seen to work; the other slot is on trial all the same, for it is a
// while since it did.
import type { Clock } from '../clock.ts'
import type { Applications } from './application.ts'
import { otherSlot, slotInUse } from './boot-block.ts'
import type { Disk } from './disk.ts'
import type { Machine } from './machine.ts'
import type { Places } from './places.ts'
import { ASKED, type Asker, type Outcome, type Records } from './record.ts'

export interface RollbackDeps {
  readonly clock: Clock
  readonly places: Places
  readonly disk: Disk
  readonly records: Records
  readonly applications: Applications
  readonly machine: Machine
  readonly job: string
  readonly asker: Asker | null
}

/** Carries it out as far as a restart, which it asks for; what became of it stands in the records. */
export async function rollBack({ clock, places, disk, records, applications, machine, job, asker }: RollbackDeps): Promise<void> {
  const told: Omit<Outcome, 'outcome' | 'kind' | 'version' | 'reason'> = { atMs: clock.wall(), job, source: null, asker }
  const slot = slotInUse(disk.read(places.cmdline)?.toString('latin1') ?? '')
  const running = applications.running()
  const { trial } = records
  records.job = null // what waits to be installed is not wanted either
  if (trial?.kind === 'root' && slot !== null) {
    records.last = { ...told, outcome: 'rolled-back', kind: 'root', version: trial.version, reason: ASKED }
    await machine.bootSlot('set-state', trial.slot, 'bad')
    records.trial = null
    if (slot === trial.slot) await machine.reboot()
    return
  }
  if (running !== null && running.application !== null) {
    records.last = { ...told, outcome: 'rolled-back', kind: 'application', version: running.version, reason: ASKED }
    applications.drop()
    records.trial = null
    await machine.restartGateway()
    return
  }
  const other = slot === null ? null : otherSlot(slot)
  if (other === null || !(await machine.hasSystem(other))) {
    records.last = { ...told, outcome: 'refused', kind: null, version: null, reason: 'there is nothing to go back to' }
    return
  }
  records.trial = { kind: 'root', version: records.slots[other] ?? 'the root of before', from: running?.version ?? 'this one', slot: other, isInstalled: true, uplinks: [], wasDefault: true, waitedMs: 0, job, asker }
  await machine.bootSlot('set-primary', other)
  await machine.reboot()
}
