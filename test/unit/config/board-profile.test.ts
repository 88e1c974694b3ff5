// Profiles of boards: those that come with the gateway, and those of users, with everything that can be wrong in one.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { allProfiles, boardIds, loadProfile } from '../../../src/config/board-profile.ts'
import type { BoardProfile } from '../../../src/config/config.ts'

const root = mkdtempSync(join(tmpdir(), 'sandpiper-board-'))
afterAll(() => rmSync(root, { recursive: true }))

let next = 0

/** A folder of profiles: `id: text`. */
function folder(profiles: Readonly<Record<string, string>>): string {
  const path = join(root, String(next++))
  for (const [id, text] of Object.entries(profiles)) {
    mkdirSync(join(path, id), { recursive: true })
    writeFileSync(join(path, id, 'board.yaml'), text)
  }
  return path
}

function load(profiles: Readonly<Record<string, string>>, id: string): BoardProfile {
  const loaded = loadProfile(id, root, folder(profiles))
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems))
  return loaded.profile
}

function problems(profiles: Readonly<Record<string, string>>, id: string): string[] {
  const path = folder(profiles)
  const loaded = loadProfile(id, root, path)
  if (!('problems' in loaded)) throw new Error('accepted')
  for (const problem of loaded.problems) expect(problem.hint.length).toBeGreaterThan(5)
  return loaded.problems.map((p) => `${loaded.file.slice(path.length + 1).replace('/board.yaml', '')} ${p.line}:${p.column} ${p.path}: ${p.message}`)
}

const BASE = `id: base
title: A board
systems: [debian]
bootFiles: { debian: /boot/config.txt }
chips:
  gpio-a: { lines: 32, pulls: true }
  gpio-b: { lines: 8, pulls: false }
header:
  chip: gpio-a
  pins:
    1: 3V3
    2: { name: A1, line: 1, also: [ONE] }
    3: { name: B1, line: 1, chip: gpio-b }
uarts:
  uart-0: { devices: [/dev/ttyS0], pins: [2, 3], boot: { debian: [uart=on] } }
leds: [ACT]
`

describe('those that come with the gateway', () => {
  it('are the boards of the guide', () => {
    expect(boardIds()).toEqual([
      'generic-arm64', 'generic-x86-64', 'jetson-agx-orin', 'jetson-nano', 'jetson-orin-nano',
      'rpi-3b', 'rpi-3b-plus', 'rpi-4', 'rpi-5', 'rpi-cm4', 'rpi-cm5', 'rpi-zero-2w',
    ])
  })

  it('a folder without a profile is none of them', () => {
    const path = folder({ a: 'id: a\n' })
    mkdirSync(join(path, 'left-over'))
    expect(boardIds(path)).toEqual(['a'])
  })

  it.each(boardIds())('%s loads', (id) => {
    const loaded = loadProfile(id, root)
    expect('problems' in loaded ? loaded.problems : loaded.profile.id).toEqual('problems' in loaded ? [] : id)
  })

  it('each UART and bus says how it is switched on where it is off, for one system at least', () => {
    for (const { id, systems, uarts, buses } of allProfiles()) {
      for (const one of [...uarts, ...buses]) {
        const isOn = systems.every((system) => one.on.includes(system))
        expect([id, one.id, isOn || one.boot.length > 0]).toEqual([id, one.id, true])
        for (const { system, file, lines, note } of one.boot) {
          expect(systems).toContain(system)
          expect(lines.length > 0 ? file !== null : note !== null).toBe(true)
        }
      }
    }
  })

  it('the mini UART is the one without parity', () => {
    const without = allProfiles().flatMap(({ id, uarts }) => uarts.filter((uart) => !uart.parity).map((uart) => `${id} ${uart.id}`))
    expect(without).toEqual(['rpi-3b uart-1', 'rpi-3b-plus uart-1', 'rpi-4 uart-1', 'rpi-cm4 uart-1', 'rpi-zero-2w uart-1'])
  })
})

describe('extends', () => {
  it('takes over everything that is not said', () => {
    const board = load({ base: BASE, mine: 'id: mine\nextends: base\ntitle: Mine\n' }, 'mine')
    expect(board).toEqual({ ...load({ base: BASE }, 'base'), id: 'mine', title: 'Mine' })
  })

  it('what a board is told by is its own', () => {
    const board = load({ base: `${BASE}compatible: [acme]\nmodels: [Acme]\n`, mine: 'id: mine\nextends: base\n' }, 'mine')
    expect([board.compatible, board.models]).toEqual([[], []])
  })

  it('over several levels, the nearest holds', () => {
    const board = load(
      {
        base: BASE,
        middle: 'id: middle\nextends: base\nleds: [PWR]\nchips: { gpio-a: { lines: 64, pulls: true } }\nheader: { pins: { 2: { name: A2, line: 40 } } }\n',
        mine: 'id: mine\nextends: middle\nuarts: { uart-1: { devices: [/dev/ttyS1] } }\n',
      },
      'mine',
    )
    expect(board.leds).toEqual(['PWR'])
    expect(board.chips.map((chip) => chip.lines)).toEqual([64, 8])
    expect(board.pins.map((pin) => pin.name)).toEqual(['3V3', 'A2', 'B1'])
    expect(board.uarts.map((uart) => uart.id)).toEqual(['uart-0', 'uart-1'])
  })

  it('another chip under the same header', () => {
    const board = load({ base: BASE, mine: 'id: mine\nextends: base\nchips: { gpio-a: none, gpio-c: { lines: 32, pulls: false } }\nheader: { chip: gpio-c }\n' }, 'mine')
    expect(board.chips.map((chip) => chip.label)).toEqual(['gpio-b', 'gpio-c'])
    expect(board.pins.map((pin) => pin.line)).toEqual([null, { chip: 'gpio-c', offset: 1 }, { chip: 'gpio-b', offset: 1 }])
  })

  it('a path starts from the file that names it', () => {
    const path = folder({ base: BASE, mine: 'id: mine\nextends: ../base/board.yaml\n' })
    const loaded = loadProfile('./mine/board.yaml', path)
    expect('problems' in loaded ? loaded.problems : [loaded.profile.title, loaded.files]).toEqual(['A board', [join(path, 'mine/board.yaml'), join(path, 'base/board.yaml')]])
  })
})

describe('what is wrong', () => {
  it.each<[string, Record<string, string>, string, string[]]>([
    ['unknown', { base: BASE }, 'bass', ['bass 1:1 : there is no board "bass"']],
    ['unknown key', { a: `id: a\ntitle: A\nledz: []\n` }, 'a', ['a 3:1 ledz: unknown key `ledz`']],
    ['empty', { a: '# nothing\n' }, 'a', ['a 1:1 : the profile is empty']],
    ['no YAML', { a: 'id: "a\n' }, 'a', ['a 1:5 : this quote is never closed']],
    ['another id than its folder', { a: 'id: b\ntitle: B\n' }, 'a', ['a 1:5 id: `id` is "b", and the folder is a']],
    ['no title', { a: 'id: a\n' }, 'a', ['a 1:1 : `title` is missing']],
    ['extends what is not there', { a: 'id: a\nextends: b\n' }, 'a', ['a 2:10 extends: the profile "b" cannot be read']],
    ['itself', { a: 'id: a\nextends: a\n' }, 'a', ['a 2:10 extends: the profiles extend each other in a circle: a → a']],
    ['a circle', { a: 'id: a\nextends: b\n', b: 'id: b\nextends: c\n', c: 'id: c\nextends: b\n' }, 'a', ['c 2:10 extends: the profiles extend each other in a circle: b → c → b']],
    ['a mistake further up', { a: 'id: a\nextends: base\n', base: `${BASE}watchdog: { device: watchdog }\n` }, 'a', ['base 17:21 watchdog.device: `device` must be a device file, found the text "watchdog"']],
    ['a pin of another name', { a: 'id: a\ntitle: A\nheader: { pins: { one: GND } }\n' }, 'a', ['a 3:19 header.pins.one: the key `one` is not the number of a pin']],
    ['a supply that is none', { a: 'id: a\ntitle: A\nheader: { pins: { 1: 12V } }\n' }, 'a', ['a 3:22 header.pins.1: `1` must be GND, 3V3, 5V or a group with `name`, found the text "12V"']],
    ['a line of no chip', { a: 'id: a\ntitle: A\nheader: { pins: { 1: { name: X, line: 1 } } }\n' }, 'a', ['a 3:22 header.pins.1: pin 1 has a line of no chip']],
    ['an unknown chip', { a: 'id: a\nextends: base\nheader: { pins: { 4: { name: X, line: 1, chip: gpio-z } } }\n', base: BASE }, 'a', ['a 3:22 header.pins.4: there is no GPIO chip "gpio-z" in this profile']],
    ['a line that the chip has not', { a: 'id: a\nextends: base\nheader: { pins: { 4: { name: X, line: 32 } } }\n', base: BASE }, 'a', ['a 3:22 header.pins.4: gpio-a has 32 lines, and line 32 is none of them']],
    ['a line twice', { a: 'id: a\nextends: base\nheader: { pins: { 4: { name: X, line: 1 } } }\n', base: BASE }, 'a', ['a 3:22 header.pins.4: line gpio-a:1 is pin 2 already']],
    ['a name twice', { a: 'id: a\nextends: base\nheader: { pins: { 4: { name: ONE, line: 5 } } }\n', base: BASE }, 'a', ['a 3:22 header.pins.4: pin 2 is called ONE, too']],
    ['the pin that is left behind', { a: 'id: a\nextends: base\nchips: { gpio-b: none }\n', base: BASE }, 'a', ['base 13:8 header.pins.3: there is no GPIO chip "gpio-b" in this profile']],
    ['a pin that the header has not', { a: 'id: a\nextends: base\nuarts: { uart-1: { pins: [9] } }\n', base: BASE }, 'a', ['a 3:26 uarts.uart-1.pins: there is no pin "9" in this profile']],
    ['a UART in place of none', { a: 'id: a\nextends: base\nuarts: { uart-1: { replaces: uart-9 } }\n', base: BASE }, 'a', ['a 3:30 uarts.uart-1.replaces: there is no UART "uart-9" in this profile']],
    ['an alias of none', { a: 'id: a\nextends: base\naliases: { /dev/serial0: [uart-9] }\n', base: BASE }, 'a', ['a 3:26 aliases./dev/serial0: there is no UART "uart-9" in this profile']],
    ['a bus of no kind', { a: 'id: a\nextends: base\nbuses: { can-0: { pins: [2] } }\n', base: BASE }, 'a', ['a 3:17 buses.can-0: the bus can-0 has no `kind`']],
    ['a bus under a UART’s name', { a: 'id: a\nextends: base\nbuses: { uart-0: { kind: spi } }\n', base: BASE }, 'a', ['a 3:18 buses.uart-0: uart-0 is a UART already']],
    ['boot lines of an unknown system', { a: 'id: a\nextends: base\nuarts: { uart-1: { boot: { windows: [x] } } }\n', base: BASE }, 'a', ['a 3:28 uarts.uart-1.boot.windows: the key `windows` is not a system: raspberry-pi-os, debian, jetpack']],
  ])('%s', (_, profiles, id, expected) => expect(problems(profiles, id)).toEqual(expected))

  it('a chain without end', () => {
    const profiles = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`b${i}`, `id: b${i}\nextends: b${i + 1}\n`]))
    expect(problems(profiles, 'b0')).toEqual(['b8 2:10 extends: more than 8 profiles extend one another'])
  })

  it('a damaged profile is refused or is one, and never throws', () => {
    const path = join(root, 'damaged.yaml')
    const text = readFileSync(new URL('../../../board/rpi-3b/board.yaml', import.meta.url), 'utf8')
    let state = 20_261_121
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const noise = ['', ' ', '\n', '"', '{', '}', '[', ']', ':', ', ', '#', '- ', 'none', '99', '*a', '0x', 'ü']
    let refused = 0
    for (let round = 0; round < 150; round++) {
      let damaged = text
      for (let n = random(3) + 1; n > 0; n--) {
        const at = random(damaged.length)
        damaged = damaged.slice(0, at) + noise[random(noise.length)]! + damaged.slice(at + random(4))
      }
      writeFileSync(path, damaged)
      const loaded = loadProfile('./damaged.yaml', root)
      if ('problems' in loaded && ++refused > 0) expect(loaded.problems.length).toBeGreaterThan(0)
    }
    expect(refused).toBeGreaterThan(30)
  })

  it('a file that is no profile at all', () => {
    expect(problems({ a: `id: ${'a'.repeat(300_000)}` }, 'a')).toEqual(['a 1:1 : the profile is larger than 200 kB'])
  })
})
