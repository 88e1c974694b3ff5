// The configuration and the support bundle from afar: words in, words and parts out.
import { randomBytes } from 'node:crypto'
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { beforeEach, describe, expect, test } from 'vitest'
import { type CheckedProblem, type ConfigurationTrial, configurationHandler } from '../../../src/remote/configuration.ts'
import type { Done, Handler } from '../../../src/remote/commands.ts'
import { Refusal, requestOf } from '../../../src/remote/request.ts'
import { BUNDLE_BYTES_MAX, SupportCommand } from '../../../src/remote/support.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const TEXT = 'site: well-07\nlog: { level: debug }\n'.repeat(20)

async function ask(handler: Handler, words: object, body: Buffer | string = '', roomBytes = 400): Promise<Done> {
  const done = await handler(requestOf(Buffer.concat([Buffer.from(`${JSON.stringify(words)}\n`), Buffer.from(body)])), roomBytes)
  expect(JSON.stringify(done.words).length + 1 + (done.body?.length ?? 0)).toBeLessThanOrEqual(roomBytes)
  return done
}

/** All parts of what `words` asks for, put together again. */
async function fetchAll(handler: Handler, words: object): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let from = 0, of = 1; from < of; ) {
    const { words: said, body } = await ask(handler, { ...words, from })
    expect(said['from']).toBe(from)
    of = said['of'] as number
    from += body!.length
    parts.push(body!)
  }
  return Buffer.concat(parts)
}

describe('config', () => {
  const calls: unknown[][] = []
  let problems: CheckedProblem[] = []
  beforeEach(() => {
    calls.length = 0
    problems = []
  })
  const trial: ConfigurationTrial = {
    state: () => ({ digest: 'd1', source: 'file', writable: true, trial: null }),
    text: () => TEXT,
    check: (text) => {
      calls.push(['check', text])
      return { valid: problems.length === 0, restart: true, problems }
    },
    apply: async (...all) => {
      calls.push(['apply', ...all])
      return { digest: 'd2', restart: true }
    },
    confirm: async () => void calls.push(['confirm']),
    revert: async () => Promise.reject(new Refusal('nothing is on trial')),
  }
  const config = configurationHandler(trial)

  test('what it is', async () => {
    expect((await ask(config, {})).words).toEqual({ digest: 'd1', source: 'file', writable: true, trial: null })
    expect((await ask(config, { do: 'get' })).words).toMatchObject({ digest: 'd1' })
  })

  test('its text in parts, packed', async () => expect(gunzipSync(await fetchAll(config, { do: 'text', length: 50 })).toString()).toBe(TEXT))

  test.each([
    ['as it is', (text: string) => Buffer.from(text)],
    ['by gzip', (text: string) => gzipSync(text)],
    ['by zstd', (text: string) => zstdCompressSync(text)],
  ])('a new one comes %s', async (_, pack) => {
    expect((await ask(config, { do: 'check' }, pack(TEXT))).words).toEqual({ valid: true, restart: true, problems: [] })
    expect((await ask(config, { do: 'apply', digest: 'd1', confirmWithinSec: 600 }, pack(TEXT))).words).toEqual({ digest: 'd2', restart: true, confirmWithinSec: 600 })
    expect(calls).toEqual([['check', TEXT], ['apply', TEXT, 'd1', 600]])
  })

  test('five minutes are for confirming it', async () => {
    expect((await ask(config, { do: 'apply', digest: 'd1' }, TEXT)).words).toMatchObject({ confirmWithinSec: 300 })
    expect((await ask(config, { do: 'confirm' })).words).toEqual({})
    expect(calls.at(-1)).toEqual(['confirm'])
  })

  test('problems are told as far as there is room, errors first', async () => {
    problems = [{ severity: 'warning', line: 1, column: 1, message: 'w' }, ...Array.from({ length: 30 }, (_, i) => ({ severity: 'error' as const, line: i + 2, column: 3, message: 'unknown key `foo`' }))]
    const { words } = await ask(config, { do: 'check' }, TEXT, 200)
    const told = words['problems'] as (string | number)[]
    expect(told[0]).toBe('2:3 unknown key `foo`')
    expect(told.length - 1 + (told.at(-1) as number)).toBe(31)
    expect(told.length).toBeGreaterThan(4)
  })

  test.each([
    [{ do: 'apply', digest: 'd1' }, '', 'the text is missing: it follows the first line'],
    [{ do: 'apply' }, TEXT, '"digest" is missing, a text'],
    [{ do: 'apply', digest: 'd1', confirmWithinSec: 5 }, TEXT, '"confirmWithinSec" is a whole number from 10 to 3600'],
    [{ do: 'destroy' }, TEXT, '"do" is one of get, text, check, apply, confirm, revert'],
    [{ do: 'check' }, gzipSync(Buffer.alloc(256_001)), 'the text cannot be unpacked, or has more than 256000 bytes'],
    [{ do: 'check' }, Buffer.from([0x1f, 0x8b, 1, 2, 3]), 'the text cannot be unpacked, or has more than 256000 bytes'],
    [{ do: 'check' }, Buffer.alloc(256_001, ' '), 'a configuration has 256000 bytes at most'],
    [{ do: 'text', from: 100_000_000 }, '', expect.stringMatching(/"from" is before them$/)],
    [{ do: 'revert' }, '', 'nothing is on trial'],
    [{ do: 'confirm', digest: 'x' }, '', '"digest" is not known here: nothing may be given'],
  ])('%j is refused', async (words, body, why) => {
    await expect(ask(config, words, body)).rejects.toMatchObject({ name: 'Refusal', message: why as string })
    expect(calls).toEqual([])
  })
})

describe('support', () => {
  test('a bundle is made when it is asked for, and fetched in parts', async () => {
    const bundle = randomBytes(3000)
    const asked: number[] = []
    const support = new SupportCommand(new FakeClock(), (bytesMax) => Promise.resolve(asked.push(bytesMax) > 0 ? bundle : bundle))
    expect((await ask(support.handle, { do: 'make' })).words).toMatchObject({ bytes: 3000, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string })
    expect(await fetchAll(support.handle, {})).toEqual(bundle)
    expect(asked).toEqual([BUNDLE_BYTES_MAX])
  })

  test('it is not kept for ever: half an hour after the last part', async () => {
    const clock = new FakeClock()
    const support = new SupportCommand(clock, () => Promise.resolve(Buffer.from('bundle')))
    await expect(ask(support.handle, {})).rejects.toThrow('there is none now: ask with {"do":"make"} first')
    await ask(support.handle, { do: 'make' })
    clock.advance(29 * 60_000)
    expect((await ask(support.handle, {})).body?.toString()).toBe('bundle')
    clock.advance(30 * 60_000)
    await expect(ask(support.handle, {})).rejects.toThrow('there is none now')
  })

  test('one that is too large is not begun', async () => {
    const support = new SupportCommand(new FakeClock(), () => Promise.resolve(Buffer.alloc(BUNDLE_BYTES_MAX + 1)))
    await expect(ask(support.handle, { do: 'make' })).rejects.toThrow('more than the 1000000 that may be fetched')
    await expect(ask(support.handle, {})).rejects.toThrow('there is none now')
  })
})
