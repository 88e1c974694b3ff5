// The way of somebody who has just found the project: the five steps of README.md, exactly as they are written there, from the packed image on.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkText } from '../../src/config/load.ts'
import { until } from '../support/until.ts'
import { BOOT_MS_MAX, Machine } from './machine.ts'
import { BUILD_MS_MAX, isLongRun, prepareImage, skipNote } from './prepare.ts'

const run = promisify(execFile)
const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const SECTION = /^## From a card to the first message\n([^]*?)^## /m.exec(README)![1]!
const SHIPPED = readFileSync(new URL('../../image/boot/gateway.yaml', import.meta.url), 'utf8')

/** The lines to change, by their key. */
const LINES = new Map(/```yaml\n([^]*?)```/.exec(SECTION)![1]!.split('\n').map((line) => line.trim()).filter((line) => line !== '').map((line) => [/^(\w+):/.exec(line)![1]!, line]))

/** As with an editor: each of the lines in the place of the one that it stands for. */
function edited(): string {
  let changed = 0
  const text = SHIPPED.split('\n').map((line) => {
    const key = /^#?(\w+):/.exec(line)?.[1]
    const ours = key === undefined ? undefined : LINES.get(key)
    if (ours === undefined) return line
    changed++
    return ours
  })
  expect(changed).toBe(LINES.size)
  return text.join('\n')
}

/** A command of the section, as a shell takes it, for the machine instead of its name in the network. */
function command(program: string, machine: Machine): string {
  const written = new RegExp(`\`(${program} [^\`]+)\``).exec(SECTION)![1]!
  expect(written).toContain('-h well-07.local ')
  return written.replace('-h well-07.local ', `-h 127.0.0.1 -p ${machine.mqttPort} `)
}

test('at most five steps, and three lines to change', () => {
  expect(SECTION.match(/^\d\. /gm)!.length).toBeLessThanOrEqual(5)
  expect(LINES.size).toBeLessThanOrEqual(3)
})

test('the lines make a file that is right, and so is the one as it comes', () => {
  for (const text of [SHIPPED, edited()]) expect(checkText(text, '/boot/gateway/gateway.yaml')).not.toHaveProperty('problems')
})

describe.skipIf(!isLongRun)(`on a machine${skipNote}`, { timeout: 3 * BOOT_MS_MAX }, () => {
  const packed = join(tmpdir(), `sandpiper-newcomer-${process.pid}.img.xz`)
  const card = packed.slice(0, -'.xz'.length)
  let machine: Machine

  beforeAll(async () => {
    await run('sh', ['-c', 'xz -T2 -0 -c "$1" > "$2"', 'sh', await prepareImage('pc'), packed])
    const write = /`xz -dc [^`]+`/.exec(SECTION)![0].slice(1, -1)
    // The card is a file here; all else is as it is written.
    await run('sh', ['-c', write.replace(/sandpiper-\*-arm64\.img\.xz/, packed).replace('sudo ', '').replace('/dev/sdX', card)])
    machine = await Machine.flash(card, { model: 'pc' })
  }, BUILD_MS_MAX + BOOT_MS_MAX)

  afterAll(async () => {
    await machine[Symbol.asyncDispose]()
    for (const file of [packed, card]) if (existsSync(file)) await rm(file)
  })

  test('what is said at one end is heard at the other', async () => {
    expect(machine.card.read('gateway.yaml')).toBe(SHIPPED)
    machine.card.write('gateway.yaml', edited())
    await machine.start()
    // Listening begins when the broker is there.
    const heard = await until(async () => {
      const listening = run('sh', ['-c', `exec ${command('mosquitto_sub', machine)} -C 1 -W 30`])
      let said = false
      const talking = until(async () => (said ||= (await run('sh', ['-c', command('mosquitto_pub', machine)]).then(() => true, () => false))), 'a publish', 25_000).catch(() => {})
      const { stdout } = await listening
      await talking
      return stdout
    }, 'the first message', BOOT_MS_MAX)
    expect(heard).toBe('sensors/hello 1\n')
  })

  test('a stranger is not let in', async () => {
    await expect(run('mosquitto_pub', ['-h', '127.0.0.1', '-p', `${machine.mqttPort}`, '-t', 'a', '-m', 'b'])).rejects.toThrow(/not authori[sz]ed/i)
  })
})
