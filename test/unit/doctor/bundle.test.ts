// The bundle for whoever helps: what is in it, how large it may get, and that one part that fails does not cost the others.
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { BUNDLE_BYTES_MAX, type BundleSources, makeBundle } from '../../../src/doctor/bundle.ts'
import { unpacked } from '../../support/unpacked.ts'
import { DoctorBed } from './bed.ts'

/** Files by their names, without the folder. */
async function filesOf(bed: DoctorBed, more: Partial<BundleSources>): Promise<{ readonly bytes: number; readonly files: ReadonlyMap<string, string> }> {
  const bundle = await makeBundle({ patient: bed.patient, version: '1.2.3', ask: null, configurations: {}, journal: () => Promise.resolve('journal\n'), board: () => Promise.resolve('{}\n'), ...more })
  const files = [...unpacked(bundle)].map(([path, text]) => [path.replace(/^sandpiper-support-2026-11-21\//, ''), text] as const)
  return { bytes: bundle.length, files: new Map(files) }
}

const logOf = (lines: number, text: (i: number) => string) => ({ lines: Array.from({ length: lines }, (_, i) => ({ at: 'now', level: 'info', text: text(i), fields: {} })) })

describe('the bundle', () => {
  test('without a gateway: what can be found, and what is missing', async () => {
    using bed = new DoctorBed('')
    const { files } = await filesOf(bed, { configurations: { 'gateway.yaml': 'site: a # s3cret\n' } })
    expect([...files.keys()].toSorted()).toEqual(['README.txt', 'board.json', 'findings.txt', 'gateway.yaml', 'log.txt', 'machine.txt'])
    expect(files.get('gateway.yaml')).toBe('site: a #\n')
    expect(files.get('log.txt')).toBe('journal\n')
    expect(files.get('findings.txt')).toContain('ok  clock: ')
    expect(files.get('README.txt')).toContain('Sandpiper 1.2.3, 2026-11-21T')
    expect(files.get('README.txt')).toContain('  status.json: no gateway runs\n')
  })

  test('with a gateway: its answers, and those that it does not give are named', async () => {
    using bed = new DoctorBed('')
    const ask = (path: string): Promise<unknown> => {
      if (path.startsWith('/log?')) return Promise.resolve(logOf(2, (i) => `line ${i}`))
      if (path === '/alarms') return Promise.reject(new Error('this gateway does not tell it'))
      return Promise.resolve(path === '/metrics' ? 'sandpiper_info 1\n' : { path })
    }
    const { files } = await filesOf(bed, { ask })
    expect(files.get('status.json')).toBe('{\n "path": "/status"\n}\n')
    expect(files.get('metrics.txt')).toBe('sandpiper_info 1\n')
    expect(files.get('log.txt')).toBe('now info  line 0\nnow info  line 1\n')
    expect(files.has('alarms.json')).toBe(false)
    expect(files.get('README.txt')).toContain('  alarms.json: this gateway does not tell it\n')
  })

  test('however much there is, and however badly it compresses, it stays below its limit', async () => {
    using bed = new DoctorBed('')
    const noise = (): string => randomBytes(4_000_000).toString('latin1')
    const { bytes, files } = await filesOf(bed, { ask: (path) => Promise.resolve(path.startsWith('/log?') ? logOf(1000, (i) => `${i} ${randomBytes(2000).toString('base64')}`) : noise()), board: () => Promise.resolve(noise()), configurations: { 'gateway.yaml': `site: ${'x'.repeat(200_000)}\n` } })
    expect(bytes).toBeLessThanOrEqual(BUNDLE_BYTES_MAX)
    expect(bytes).toBeGreaterThan(BUNDLE_BYTES_MAX * 0.5)
    const log = files.get('log.txt')!
    expect(log).toMatch(/^… \d+ bytes in all, the rest was left out …\nnow info  \d+ /)
    expect(log).toContain('now info  999 ')
    expect(files.get('gateway.yaml')).toContain('bytes in all, the rest was left out')
  })

  test('a text that is no YAML is left out, and a part that fails is named', async () => {
    using bed = new DoctorBed('')
    const { files } = await filesOf(bed, { configurations: { 'gateway.yaml': 'password: { s3cret' }, board: () => Promise.reject(new Error('no board')) })
    expect(files.get('gateway.yaml')).toContain('its text is left out')
    expect([...files.values()].join('')).not.toContain('s3cret')
    expect(files.get('README.txt')).toContain('  board.json: no board\n')
  })
})
