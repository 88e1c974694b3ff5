// What the booted image says by mDNS on a cable, as `gateway.yaml` has it and as that changes. `npm run test:image` runs it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DnsMessage, textOf, Type } from '../../src/discovery/dns.ts'
import { until } from '../support/until.ts'
import { Lan } from './lan.ts'
import { BOOT_MS_MAX, Machine } from './machine.ts'
import { BUILD_MS_MAX, isLongRun, prepareImage, skipNote } from './prepare.ts'
import { configuration } from './scene.ts'

const SAID_MS_MAX = 120_000
const NAMES: Readonly<Record<number, string>> = Object.fromEntries(Object.entries(Type).map(([name, type]) => [type, name]))

/** `SRV roof._mqtt._tcp.local` each, with `-` for a goodbye. */
function said(messages: readonly DnsMessage[]): readonly string[] {
  return messages.filter(({ isResponse }) => isResponse).flatMap(({ answers, additionals }) => [...answers, ...additionals].map(({ type, name, ttlSec }) => `${ttlSec === 0 ? '-' : ''}${NAMES[type]} ${textOf(name)}`))
}

describe.skipIf(!isLongRun)(`mDNS${skipNote}`, { timeout: 2 * BOOT_MS_MAX }, () => {
  let lan: Lan
  let machine: Machine

  beforeAll(async () => {
    lan = await Lan.make()
    machine = await Machine.flash(await prepareImage('pc'), { model: 'pc', args: lan.args })
    machine.card.write('gateway.yaml', configuration(machine.key))
    await machine.start()
    await machine.untilSsh()
  }, BUILD_MS_MAX + BOOT_MS_MAX)
  afterAll(async () => {
    await machine?.[Symbol.asyncDispose]()
    await lan?.[Symbol.asyncDispose]()
  })

  const edit = (from: string, to: string): Promise<string> => machine.sh(`mount -o remount,rw /boot/gateway && sed -i 's/${from}/${to}/' /boot/gateway/gateway.yaml; mount -o remount,ro /boot/gateway; systemctl start sandpiper-apply`)

  test('the listener and the name are announced', async () => {
    await until(() => said(lan.mdns).includes('SRV roof._mqtt._tcp.local'), 'the service', SAID_MS_MAX)
    await until(() => said(lan.mdns).some((one) => /^(A|AAAA) roof\.local$/.test(one)), 'the name', SAID_MS_MAX)
    const { data } = lan.mdns.flatMap(({ answers }) => answers).find(({ type, name }) => type === Type.TXT && textOf(name) === 'roof._mqtt._tcp.local')!
    expect(data.toString()).toMatch(/version=\d.*site=roof/)
    expect(said(lan.mdns).filter((one) => /workstation|_ssh|HINFO/.test(one))).toEqual([])
  })

  test('by Avahi, which may do nothing else', async () => {
    expect(await machine.sh('ps -o user= -C avahi-daemon | sort -u')).toBe('avahi')
    expect(await machine.sh("grep -h -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/$(pidof avahi-daemon)/status | tr -s '\\t' ' '")).toBe('CapEff: 0000000000000000\nNoNewPrivs: 1\nSeccomp: 2')
    expect(await machine.sh('systemctl --failed --no-legend --plain')).toBe('')
    expect(await machine.sh('systemd-analyze security --no-pager avahi-daemon | tail -1')).toMatch(/: [01]\.\d/)
  })

  test('a listener that goes from the file says goodbye, and Avahi ends where nothing is left', async () => {
    const before = lan.mdns.length
    await edit('host: "::"', 'host: "::1"')
    await until(() => said(lan.mdns.slice(before)).includes('-PTR _mqtt._tcp.local'), 'goodbye', SAID_MS_MAX)
    await until(async () => (await machine.ssh('systemctl is-active avahi-daemon')).output.trim() === 'inactive', 'Avahi to end', SAID_MS_MAX)
  })

  test('it comes back with it', async () => {
    const before = lan.mdns.length
    await edit('host: "::1"', 'host: "::"')
    await until(() => said(lan.mdns.slice(before)).includes('SRV roof._mqtt._tcp.local'), 'the service', SAID_MS_MAX)
  })
})
