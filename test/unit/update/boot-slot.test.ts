// The program that edits GRUB's environment block, and the one that reads it: each order, from each state, and from blocks that are damaged.
// Where GRUB's own tool is there, it has to read the same.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { parseBootBlock, slotInUse } from '../../../src/update/boot-block.ts'

const PROGRAM = join(import.meta.dirname, '../../../image/rootfs/usr/lib/sandpiper/boot-slot')
const folder = mkdtempSync(join(tmpdir(), 'boot-slot-'))
const block = join(folder, 'grubenv')
const cmdline = join(folder, 'cmdline')
const hasGrub = spawnSync('grub-editenv', ['--version']).error === undefined
const HEADER = '# GRUB Environment Block\n'

const blockOf = (text: string, length = 1024): Buffer => Buffer.from((HEADER + text).padEnd(length, '#'), 'latin1')
const state = (good: string, onTrial: string, tries: number): string => `good=${good}\ntry=${onTrial}\ntries=${tries}\n`
const order = (...words: string[]) => spawnSync('sh', [PROGRAM, ...words], { encoding: 'utf8', env: { PATH: process.env.PATH, SANDPIPER_BOOT_BLOCK: block, SANDPIPER_CMDLINE: cmdline, SANDPIPER_CARD_LOCK: join(folder, 'lock') } })
function answer(...words: string[]): string {
  const { status, stdout, stderr } = order(...words)
  expect(`${status} ${stderr}`).toBe('0 ')
  return stdout.trim()
}

beforeEach(() => {
  writeFileSync(block, blockOf(state('A', '', 0)))
  writeFileSync(cmdline, 'BOOT_IMAGE=/boot/vmlinuz root=PARTUUID=1234-02 sandpiper.slot=A rauc.slot=A ro quiet\n')
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('orders', () => {
  test.each([
    ['an update begins: what is written to is bad', 'A', '', 0, ['set-state', 'B', 'bad'], 'good=A try= tries=0'],
    ['an update is installed: it is on trial', 'A', '', 0, ['set-primary', 'B'], 'good=A try=B tries=3'],
    ['it works', 'A', 'B', 2, ['set-state', 'B', 'good'], 'good=B try= tries=0'],
    ['it does not', 'A', 'B', 2, ['set-state', 'B', 'bad'], 'good=A try= tries=0'],
    ['back to the good one', 'A', 'B', 2, ['set-primary', 'A'], 'good=A try= tries=0'],
    ['back to the one before', 'B', '', 0, ['set-primary', 'A'], 'good=B try=A tries=3'],
    ['the good one could not be loaded, and is written to', 'B', '', 0, ['set-state', 'B', 'bad'], 'good=A try= tries=0'],
    ['another trial has begun', 'A', 'B', 0, ['set-primary', 'B'], 'good=A try=B tries=3'],
  ] as [string, string, string, number, string[], string][])('%s', (_, good, onTrial, tries, words, after) => {
    writeFileSync(block, blockOf(state(good, onTrial, tries)))
    answer(...words)
    expect(answer('show')).toBe(after)
    expect(readFileSync(block)).toEqual(blockOf(after.replaceAll(' ', '\n') + '\n'))
    if (hasGrub) expect(execFileSync('grub-editenv', [block, 'list'], { encoding: 'utf8' }).trim().replaceAll('\n', ' ')).toBe(after)
  })

  test('the slot on trial gets its tries back while it runs, another does not', () => {
    writeFileSync(block, blockOf(state('B', 'A', 1)))
    answer('rearm')
    expect(answer('show')).toBe('good=B try=A tries=3')
    writeFileSync(block, blockOf(state('A', 'B', 1)))
    answer('rearm')
    expect(answer('show')).toBe('good=A try=B tries=1')
  })

  test('RAUC’s questions', () => {
    writeFileSync(block, blockOf(state('A', 'B', 1)))
    expect([answer('get-current'), answer('get-primary'), answer('get-state', 'A'), answer('get-state', 'B')]).toEqual(['A', 'B', 'good', 'good'])
    writeFileSync(block, blockOf(state('A', 'B', 0)))
    expect([answer('get-primary'), answer('get-state', 'A'), answer('get-state', 'B')]).toEqual(['A', 'good', 'bad'])
  })

  test('what changes nothing writes nothing', () => {
    const before = statSync(block, { bigint: true }).mtimeNs
    answer('set-primary', 'A')
    answer('set-state', 'A', 'good')
    answer('set-state', 'B', 'bad')
    expect(statSync(block, { bigint: true }).mtimeNs).toBe(before)
  })

  test('a block of GRUB’s own tool is taken', () => {
    if (!hasGrub) return
    execFileSync('grub-editenv', [block, 'create'])
    execFileSync('grub-editenv', [block, 'set', 'good=B', 'try=A', 'tries=2'])
    expect(answer('show')).toBe('good=B try=A tries=2')
    expect(parseBootBlock(readFileSync(block))).toEqual({ good: 'B', onTrial: 'A', tries: 2 })
  })

  test.each([[[]], [['set-primary']], [['set-primary', 'C']], [['set-state', 'A']], [['set-state', 'A', 'great']], [['get-state', '']], [['boot']]])('%j is none', (words) => {
    const before = readFileSync(block)
    expect(order(...words).status).toBe(1)
    expect(readFileSync(block)).toEqual(before)
  })
})

describe('a block that says nothing', () => {
  const damaged: [string, Buffer | null][] = [
    ['none', null],
    ['empty', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(1024)],
    ['noise', Buffer.from(Array.from({ length: 1024 }, (_, i) => (i * 167 + 13) % 256))],
    ['torn: the first half is gone', Buffer.concat([Buffer.alloc(512), blockOf(state('B', '', 0)).subarray(512)])],
    ['without good', blockOf('try=B\ntries=3\n')],
    ['with another slot', blockOf(state('C', 'B', 3))],
    ['too short', blockOf(state('B', '', 0), 1000)],
    ['too long', blockOf(state('B', '', 0), 2048)],
    ['of another header', Buffer.from(`# a block\n${state('B', '', 0)}`.padEnd(1024, '#'))],
  ]
  test.each(damaged)('%s: the slot that runs counts as good, and the next order writes the block anew', (_, bytes) => {
    if (bytes === null) rmSync(block)
    else writeFileSync(block, bytes)
    writeFileSync(cmdline, 'rauc.slot=B sandpiper.slot=B\n')
    if (bytes !== null) expect(parseBootBlock(bytes)).toBeNull()
    expect(answer('show')).toBe('good=B try= tries=0')
    expect(answer('get-primary')).toBe('B')
    answer('set-state', 'B', 'good')
    expect(readFileSync(block)).toEqual(blockOf(state('B', '', 0)))
    expect(existsSync(`${block}.new`)).toBe(false)
  })

  test('a torn second half does not matter: all that counts is in the first sector', () => {
    const torn = Buffer.concat([blockOf(state('B', 'A', 2)).subarray(0, 512), Buffer.alloc(512)])
    writeFileSync(block, torn)
    expect(answer('show')).toBe('good=B try=A tries=2')
    expect(parseBootBlock(torn)).toEqual({ good: 'B', onTrial: 'A', tries: 2 })
  })

  test.each([
    ['a trial of no slot', state('A', 'X', 3), 'good=A try= tries=0'],
    ['tries that are no number', 'good=A\ntry=B\ntries=many\n', 'good=A try=B tries=0'],
    ['tries below none', 'good=A\ntry=B\ntries=-1\n', 'good=A try=B tries=0'],
  ])('%s', (_, text, shown) => {
    writeFileSync(block, blockOf(text))
    const read = parseBootBlock(readFileSync(block))!
    expect(`good=${read.good} try=${read.onTrial ?? ''} tries=${read.onTrial === null ? 0 : read.tries}`).toBe(shown)
    expect(answer('show').replace(/tries=3$/, 'tries=0')).toBe(shown)
    expect(answer('get-primary')).toBe('A')
  })
})

test('the slot in use', () => {
  expect(slotInUse('root=x sandpiper.slot=B rauc.slot=B')).toBe('B')
  expect(slotInUse('sandpiper.slot=A\n')).toBe('A')
  expect(slotInUse('root=x quiet')).toBeNull()
  expect(slotInUse('xsandpiper.slot=A sandpiper.slot=AB')).toBeNull()
})
