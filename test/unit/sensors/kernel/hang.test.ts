// Reads that really hang, each with a thread of the pool: a pipe that nobody writes to stands in the place of a chip's file.
import { execFileSync } from 'node:child_process'
import { constants, readFileSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { KernelSensorConfig } from '../../../../src/config/config.ts'
import { ReadGate, STUCK_MS } from '../../../../src/sensors/kernel/gate.ts'
import { makeKernelSource } from '../../../../src/sensors/kernel/kernel.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { SourceBed } from '../../../support/source-bed.ts'
import { FileTree } from '../../../support/tree.ts'
import { until } from '../../../support/until.ts'

test('chips that hang keep neither the others nor the gateway from reading files', async () => {
  using tree = new FileTree()
  const clock = new FakeClock()
  const gate = new ReadGate(clock)
  const make = (zone: string) => {
    const bed = new SourceBed(clock, zone)
    const config: KernelSensorConfig = { kind: 'kernel', name: zone, tenant: '', topic: zone, qos: 0, retain: false, reading: null, device: { kind: 'thermal', zone }, pollMs: 60_000 }
    return { bed, source: makeKernelSource(config, bed.deps, tree.root, gate) }
  }
  const zones = ['hang-a', 'hang-b', 'well-c', 'well-d']
  zones.forEach((zone, i) => tree.add(`/sys/class/thermal/thermal_zone${i}/type: ${zone}\n/sys/class/thermal/thermal_zone${i}/temp: ${i}000`))
  const pipes = [0, 1].map((i) => join(tree.root, `sys/class/thermal/thermal_zone${i}/temp`))
  pipes.forEach((pipe) => {
    tree.remove(pipe.slice(tree.root.length))
    execFileSync('mkfifo', [pipe])
  })
  const sensors = zones.map(make)
  for (const { source } of sensors) {
    source.start()
    clock.advance(0)
  }
  await until(() => {
    clock.advance(STUCK_MS / 4)
    return sensors[2]!.bed.taken.length > 0 && sensors[3]!.bed.taken.length > 0
  }, 'the others to be read')
  expect(sensors.map(({ bed }) => bed.record.status)).toEqual(['gone', 'gone', 'ok', 'ok'])
  expect(await readFile(join(import.meta.dirname, 'hang.test.ts'), 'utf8')).toBe(readFileSync(join(import.meta.dirname, 'hang.test.ts'), 'utf8'))
  // They answer after all.
  for (const pipe of pipes) {
    const end = await open(pipe, constants.O_RDWR | constants.O_NONBLOCK)
    await end.write('55000\n')
    await until(() => sensors[pipes.indexOf(pipe)]!.bed.taken.length > 0, 'the late answer').finally(() => end.close())
  }
  expect(sensors[0]!.bed.last).toEqual({ temperature: 55 })
  await Promise.all(sensors.map(({ source }) => source.stop()))
})
