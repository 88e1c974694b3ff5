// Which slot is started: all that GRUB's block can say, and slots that cannot be started. A machine is ended as soon as the initrd has told which slot
// it has; what runs in it is the other tests' business.
import { openSync, closeSync, readSync, writeSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BOOT_MS_MAX, Machine } from './machine.ts'
import { BUILD_MS_MAX, isLongRun, prepareImage, skipNote } from './prepare.ts'
import { type BootBlock, readBlock, writeBlock } from './scene.ts'

const MIB = 2 ** 20
/** image/build, image/steps/disk */
const SLOTS = { A: { at: 257 * MIB, device: 'vda2' }, B: { at: (257 + 428) * MIB, device: 'vda3' } } as const
const SLOT_BYTES = 428 * MIB
type Slot = keyof typeof SLOTS

const GOOD_A: BootBlock = { good: 'A', try: '', tries: '0' }

describe.skipIf(!isLongRun)(`slots${skipNote}`, { timeout: 3 * BOOT_MS_MAX }, () => {
  let machine: Machine

  beforeAll(async () => {
    machine = await Machine.flash(await prepareImage('pc'), { model: 'pc' })
  }, BUILD_MS_MAX)
  afterAll(async () => await machine[Symbol.asyncDispose]())

  /** Starts once with this block; resolves with the slot, and leaves the machine off. */
  async function started(block?: BootBlock): Promise<Slot> {
    if (block !== undefined) writeBlock(machine.card, block)
    await machine.start()
    await machine.untilSerial(/sandpiper: slot on \/dev\/vda\d/)
    const device = /slot on \/dev\/(vda\d)/.exec(machine.serial)?.[1]
    await machine.cut()
    return device === SLOTS.A.device ? 'A' : 'B'
  }

  test('a start of the good slot writes nothing to the card', async () => {
    const before = firstPartition(machine.disk)
    expect(await started()).toBe('A')
    expect(firstPartition(machine.disk).equals(before)).toBe(true)
    expect(readBlock(machine.card)).toEqual(GOOD_A)
  })

  test('a slot on trial that is empty costs a try, and the good one is started at once', async () => {
    expect(await started({ good: 'A', try: 'B', tries: '3' })).toBe('A')
    expect(readBlock(machine.card)).toEqual({ good: 'A', try: 'B', tries: '2' })
  })

  test('a slot on trial is started as often as it has tries, then the good one again', async () => {
    copySlot(machine.disk, 'A', 'B')
    expect(await started({ good: 'A', try: 'B', tries: '2' })).toBe('B')
    expect(readBlock(machine.card)).toEqual({ good: 'A', try: 'B', tries: '1' })
    expect(await started()).toBe('B')
    expect(readBlock(machine.card)).toEqual({ good: 'A', try: 'B', tries: '0' })
    expect(await started()).toBe('A')
    expect(readBlock(machine.card)).toEqual({ good: 'A', try: 'B', tries: '0' })
  })

  test('the other slot is good: it is started, and stays so', async () => {
    copySlot(machine.disk, 'A', 'B')
    expect(await started({ good: 'B', try: '', tries: '0' })).toBe('B')
    expect(readBlock(machine.card)).toEqual({ good: 'B', try: '', tries: '0' })
  })

  test.each([
    ['zeros', Buffer.alloc(1024)],
    ['nothing', Buffer.alloc(0)],
    ['words of another time', Buffer.from('# GRUB Environment Block\ngood=C\ntry=D\ntries=x\n'.padEnd(1024, '#'))],
  ])('a block of %s starts slot A', async (_what, bytes) => {
    machine.card.write('grub/grubenv', bytes)
    expect(await started()).toBe('A')
  })

  test('the good slot cannot be read: the other one is started', async () => {
    copySlot(machine.disk, 'A', 'B')
    wipeSlot(machine.disk, 'A')
    expect(await started(GOOD_A)).toBe('B')
  })
})

function copySlot(disk: string, from: Slot, to: Slot): void {
  const fd = openSync(disk, 'r+')
  const room = Buffer.alloc(4 * MIB)
  for (let done = 0; done < SLOT_BYTES; done += room.length) {
    readSync(fd, room, 0, room.length, SLOTS[from].at + done)
    writeSync(fd, room, 0, room.length, SLOTS[to].at + done)
  }
  closeSync(fd)
}

/** Its first megabyte, which has the file system's header. */
function wipeSlot(disk: string, slot: Slot): void {
  const fd = openSync(disk, 'r+')
  writeSync(fd, Buffer.alloc(MIB), 0, MIB, SLOTS[slot].at)
  closeSync(fd)
}

function firstPartition(disk: string): Buffer {
  const bytes = Buffer.alloc(256 * MIB)
  const fd = openSync(disk, 'r')
  readSync(fd, bytes, 0, bytes.length, MIB)
  closeSync(fd)
  return bytes
}
