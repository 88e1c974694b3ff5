// The data partition takes the rest of the card at the first start, and the power goes while it does. Looked at from outside after each cut.
import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BOOT_MS_MAX, Machine } from './machine.ts'
import { BUILD_MS_MAX, isLongRun, prepareImage, skipNote } from './prepare.ts'
import { configuration } from './scene.ts'

const CARD_BYTES = 8_000_000_000
const CUTS = 4
const SECTOR_BYTES = 512


test.skipIf(!isLongRun)(`the power goes while the data partition grows${skipNote}`, { timeout: BUILD_MS_MAX + (CUTS + 2) * BOOT_MS_MAX }, async () => {
  await using machine = await Machine.flash(await prepareImage('pc'), { model: 'pc', diskBytes: CARD_BYTES })
  machine.card.write('gateway.yaml', configuration(machine.key))
  for (let cut = 0; cut < CUTS; cut++) {
    await machine.start()
    await machine.untilSerial(/Starting .*sandpiper-expand-data|Starting sandpiper-expand/)
    // From its first step on, a little later each time.
    await new Promise((resolve) => setTimeout(resolve, cut * 2000))
    await machine.cut()
    expect(check(machine.disk)).toBe('clean')
  }
  await machine.start()
  await machine.untilSsh()
  await machine.sh('while systemctl is-active -q sandpiper-expand-data.service || [ "$(systemctl show -p ActiveState --value sandpiper-expand-data.service)" = activating ]; do sleep 1; done')
  expect(await machine.sh('systemctl show -p Result --value sandpiper-expand-data.service')).toBe('success')
  expect(Number(await machine.sh('stat -f -c "%b" /data')) * 4096).toBeGreaterThan((CARD_BYTES - 1_250_000_000) * 0.97)
})

/** A copy of the data partition, mended as a start does it: afterwards nothing may be wrong with it. */
function check(disk: string): string {
  const table = Buffer.alloc(SECTOR_BYTES)
  const fd = openSync(disk, 'r')
  readSync(fd, table, 0, SECTOR_BYTES, 0)
  closeSync(fd)
  const [at, sectors] = [table.readUInt32LE(446 + 3 * 16 + 8), table.readUInt32LE(446 + 3 * 16 + 12)]
  const copy = join(disk, '../data.img')
  execFileSync('dd', [`if=${disk}`, `of=${copy}`, 'bs=1M', 'conv=sparse', 'iflag=skip_bytes,count_bytes', `skip=${at * SECTOR_BYTES}`, `count=${sectors * SECTOR_BYTES}`, 'status=none'])
  const mended = spawnSync('e2fsck', ['-p', copy], { encoding: 'utf8' })
  const looked = spawnSync('e2fsck', ['-fn', copy], { encoding: 'utf8' })
  return (mended.status ?? 99) <= 1 && looked.status === 0 ? 'clean' : `${mended.stdout}${mended.stderr}${looked.stdout}`
}
