// One suite for both back ends of src/gpio: what is done with the wire from outside, and what the port tells of it. Printed as scenes.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { systemClock } from '../../../src/clock.ts'
import { CdevLines } from '../../../src/gpio/cdev.ts'
import type { Edge, GpioLines, InputLine, InputSpec } from '../../../src/gpio/lines.ts'
import { loadReadiness } from '../../../src/gpio/readiness.ts'
import { SysfsLines } from '../../../src/gpio/sysfs.ts'
import { scene } from '../scenes.ts'
import { SimChip } from './sim.ts'
import { after, until } from './wait.ts'

const PLAIN: InputSpec = { activeLow: false, edges: 'both', pull: null, debounceMs: 0 }
const OUTPUT = { activeLow: false, drive: 'push-pull', initially: false, force: false } as const

const FLOOD = 3000

class Watched {
  readonly edges: Edge[] = []
  missed = 0
  lost: string | null = null
  readonly #line: InputLine

  private constructor(line: InputLine) {
    this.#line = line
  }

  static async open(lines: GpioLines, chip: SimChip, offset: number, spec: Partial<InputSpec>): Promise<Watched> {
    let watched: Watched | null = null
    const line = await lines.openInput({ chip: chip.label, offset }, { ...PLAIN, ...spec }, {
      edges: (edges, missed) => {
        watched!.edges.push(...edges)
        watched!.missed += missed
      },
      lost: (error) => (watched!.lost = error.name),
    })
    return (watched = new Watched(line))
  }

  get line(): InputLine {
    return this.#line
  }

  /** What was told, up as 1. */
  get told(): string {
    return this.edges.map(({ rising }) => (rising ? '1' : '0')).join('')
  }
}

async function suite(name: string, lines: GpioLines): Promise<void> {
  const chip = new SimChip(`rig-${name}`, 12, { hogs: { 11: 'driver' } })
  const place = (offset: number): { chip: string; offset: number } => ({ chip: chip.label, offset })

  const levels = await Watched.open(lines, chip, 0, {})
  const before = levels.line.read()
  for (const up of [true, false, true]) {
    chip.pull(0, up)
    await after(50)
  }
  const inOrder = levels.edges.every((edge, i, all) => i === 0 || edge.atMs > all[i - 1]!.atMs + 40)
  scene(`${name}: level`, { before, told: levels.told, after: levels.line.read(), inOrder, shortcomings: levels.line.shortcomings })
  levels.line.close()

  const low = await Watched.open(lines, chip, 1, { activeLow: true, edges: 'rising' })
  const activeAtRest = low.line.read()
  for (const up of [true, false, true]) {
    chip.pull(1, up)
    await after(50)
  }
  scene(`${name}: active low`, { activeAtRest, told: low.told, after: low.line.read() })
  low.line.close()

  const bouncing = await Watched.open(lines, chip, 2, { debounceMs: 50 })
  for (let i = 0; i < 5; i++) {
    chip.pull(2, true)
    await after(5)
    chip.pull(2, false)
    await after(5)
  }
  chip.pull(2, true)
  await after(200)
  scene(`${name}: debounce`, { told: bouncing.told })
  bouncing.line.close()

  // gpio-sim takes the bias for the wire.
  const pulled = await Watched.open(lines, chip, 3, { pull: 'up' })
  scene(`${name}: pull`, { level: pulled.line.read(), shortcomings: pulled.line.shortcomings })
  pulled.line.close()

  const counter = await lines.openInput(place(4), { ...PLAIN, edges: 'rising' }, { edges: null, lost: () => {} })
  const { stdout } = await promisify(execFile)(process.execPath, [`${import.meta.dirname}/pulses.ts`, chip.pullFile(4), '2000', '1000'])
  scene(`${name}: counter`, { count: counter.count(), ms: Math.round((JSON.parse(stdout) as { ms: number }).ms), shortcomings: counter.shortcomings })
  counter.close()

  const refused = async (offset: number, label = chip.label): Promise<string> => {
    try {
      await lines.openInput({ chip: label, offset }, PLAIN, { edges: () => {}, lost: () => {} })
      return 'opened'
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message}`
    }
  }
  scene(`${name}: refusals`, { held: await refused(11), noLine: await refused(99), noChip: await refused(0, 'nothing') })

  const output = await lines.openOutput(place(5), { ...OUTPUT, initially: true })
  const opened = chip.value(5)
  output.write(false)
  const written = chip.value(5)
  output.write(true)
  scene(`${name}: output`, { opened, written, again: chip.value(5), read: output.read() })
  output.close()

  const inverted = await lines.openOutput(place(6), { ...OUTPUT, activeLow: true, initially: false })
  const off = chip.value(6)
  inverted.write(true)
  scene(`${name}: output, active low`, { off, on: chip.value(6), read: inverted.read() })
  inverted.close()

  const kept = await lines.openOutput(place(5), { ...OUTPUT, initially: false })
  const asItWas = chip.value(5)
  kept.close()
  const forced = await lines.openOutput(place(5), { ...OUTPUT, initially: false, force: true })
  scene(`${name}: output, opened again`, { asItWas, forced: chip.value(5) })
  forced.close()

  // More than the kernel keeps, while nobody reads.
  const flooded = await Watched.open(lines, chip, 10, {})
  for (let i = 0; i < FLOOD; i++) chip.pull(10, i % 2 === 0)
  await until(() => flooded.edges.length + flooded.missed === FLOOD, 2000)
  scene(`${name}: flood`, { told: flooded.edges.length, missed: flooded.missed, count: flooded.line.count(), level: flooded.line.read() })
  flooded.line.close()

  const gone = await Watched.open(lines, chip, 7, {})
  const counted = await lines.openInput(place(8), { ...PLAIN, edges: 'rising' }, { edges: null, lost: () => {} })
  const driven = await lines.openOutput(place(9), OUTPUT)
  const failing = (act: () => void): boolean => {
    try {
      act()
      return false
    } catch {
      return true
    }
  }
  chip.unplug()
  await after(100)
  scene(`${name}: unplugged`, { lost: gone.lost, read: failing(() => gone.line.read()), count: failing(() => counted.count()), write: failing(() => driven.write(true)) })
  gone.line.close()
  counted.close()
  driven.close()
  chip.plug()
  const back = await Watched.open(lines, chip, 7, {})
  chip.pull(7, true)
  await after(50)
  scene(`${name}: plugged in again`, { told: back.told })
  back.line.close()
}

await suite('cdev', new CdevLines(systemClock, await loadReadiness(), null))
await suite('sysfs', new SysfsLines(systemClock))
scene('end', {})
