// A configuration from afar on a machine from the image: on trial for the machine too, kept on the card when it is confirmed, gone when it is not, and after
// a power cut. `npm run test:image` runs it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { BOOT_MS_MAX, Machine } from './machine.ts'
import { BUILD_MS_MAX, isLongRun, prepareImage, skipNote } from './prepare.ts'
import { configuration } from './scene.ts'

const APPLIED_MS_MAX = 120_000
const COMMAND_MS_MAX = 180_000

describe.skipIf(!isLongRun)(`a configuration from afar${skipNote}`, { timeout: 2 * BOOT_MS_MAX }, () => {
  let machine: Machine

  beforeAll(async () => {
    machine = await Machine.flash(await prepareImage('pc'), { model: 'pc' })
    machine.card.write('gateway.yaml', `# of the roof\n${configuration(machine.key, 'hostname: before\n')}`)
    await machine.start()
    await machine.untilSsh()
    await until(async () => (await hostname()) === 'before', 'the name of the file', BOOT_MS_MAX)
  }, BUILD_MS_MAX + 2 * BOOT_MS_MAX)
  afterAll(() => machine?.[Symbol.asyncDispose]())

  const hostname = (): Promise<string> => machine.sh('hostname')
  const file = (): Promise<string> => machine.sh('cat /boot/gateway/gateway.yaml')
  /** Answers what the command says. */
  const apply = (name: string, options: string): Promise<string> =>
    machine.sh(`sed 's/^hostname: .*/hostname: ${name}/' /boot/gateway/gateway.yaml > /run/new.yaml && sandpiper config apply /run/new.yaml ${options} 2>&1`, COMMAND_MS_MAX)

  test('confirmed: the machine goes by it, and the card has it, comments and all', async () => {
    expect(await apply('kept', '--yes')).toContain('It is in force, and the file says so.')
    expect(await file()).toMatch(/^# of the roof\n[^]*^hostname: kept$/m)
    await until(async () => (await hostname()) === 'kept', 'the name', APPLIED_MS_MAX)
    expect(await machine.sh('findmnt -n -o OPTIONS /boot/gateway')).toMatch(/^ro/)
    expect(Object.keys(JSON.parse(await machine.sh('cat /var/lib/sandpiper/trial.json')) as object)).toEqual(['digest', 'outcome', 'why']) // no text any more
    expect(await machine.sh('systemctl --failed --no-legend --plain')).toBe('')
  })

  test('not confirmed: on trial for the machine too, then what was before', async () => {
    expect(await apply('tried', '--for 60s')).toContain('It is on trial for 60 s')
    await until(async () => (await hostname()) === 'tried', 'the name on trial', APPLIED_MS_MAX)
    await until(async () => (await hostname()) === 'kept', 'the name of before', 2 * APPLIED_MS_MAX)
    expect(await file()).toMatch(/^hostname: kept$/m)
    expect(await machine.sh('sandpiper config')).toMatch(/# the last trial: /)
  })

  test('a power cut ends it', async () => {
    expect(await apply('tried', '--for 30m')).toContain('It is on trial for 1800 s')
    await until(async () => (await hostname()) === 'tried', 'the name on trial', APPLIED_MS_MAX)
    await machine.cut()
    await machine.start()
    await machine.untilSsh()
    await until(async () => (await hostname()) === 'kept', 'the name of before', BOOT_MS_MAX)
    expect(await machine.sh('sandpiper config | head -1', COMMAND_MS_MAX)).toMatch(/^# .*gateway\.yaml/)
    expect(await machine.sh('systemctl --failed --no-legend --plain')).toBe('')
  })
})
