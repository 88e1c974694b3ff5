// src/remote/COMMANDS.md says what the code does: the keys of the report, the commands, their words and bounds, and what they cost.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { REMOTE_COMMANDS } from '../../../src/config/remote-config.ts'
import { makeMessage } from '../../../src/message.ts'
import { publishSize } from '../../../src/mqtt/encode.ts'
import { signatureOf } from '../../../src/remote/request.ts'
import { reportOf } from '../../../src/remote/report.ts'
import { ROLES } from '../../../src/remote/asker.ts'
import { PER_MINUTE } from '../../../src/remote/commands.ts'
import { REPORT_BYTES_MAX } from '../../../src/remote/reporter.ts'
import { check } from '../config/gateway-yaml.ts'

const TEXT = readFileSync(new URL('../../../src/remote/COMMANDS.md', import.meta.url), 'utf8')
const EXAMPLE = /<!-- report -->\n```json\n(.*)\n```/.exec(TEXT)![1]!

/** Cells of the rows of the table whose first row begins so. */
function rowsOf(head: string): string[][] {
  const [, table] = TEXT.split(`${head}`)
  return table!.split('\n').slice(2).map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim())).filter((_, i, all) => all.slice(0, i + 1).every((cells) => cells.length > 1))
}

test('its gateway.yaml is accepted, without a warning', () => {
  const yaml = /```yaml\n([\s\S]*?)```/.exec(TEXT)![1]!
  const result = check(`site: well-07\n${yaml}`)
  expect('problems' in result ? result.problems : result.warnings).toEqual([])
})

test('each key of the report is explained, and the example has them', () => {
  const explained = rowsOf('| key | |').flatMap(([names]) => [...names!.matchAll(/`(\w)`/g)].map((match) => match[1]!))
  const period = { lastBytes: 0, forecastBytes: null, endsAtMs: null, warned: false }
  const uplink = {
    name: 'cloud', phase: 'up', link: 'lte', sinceMs: 0, nextAttemptSec: null, queued: 3, queuedBytes: 420, waiting: {}, inFlight: 0, acknowledged: 0, rejected: 0, bytesSent: 0, bytesReceived: 0, lastError: null, order: null, modems: [], links: [],
    budgets: [{ link: 'lte', countedBy: 'estimate', day: { ...period, bytes: 12, limitBytes: 100 }, month: { ...period, bytes: 40, limitBytes: 100 }, reservedFor: null, connectBytes: 0, exhausted: false, exhaustedUntilMs: null }],
  } as const
  const sources = {
    status: {
      version: '0.1.0', boot: '', site: 'well-07', lastError: null, lights: { yellow: ['sensors'], red: [] }, alarms: [{ name: 'sensor-gone/boiler', severity: 'warning', message: '', hint: '' }], config: { source: 'file', digest: '', trouble: null }, broker: { listeners: [], clients: 12, probe: '' }, uplinks: [], store: { bytes: 3, bytesMax: 100, trouble: null },
      sensors: [{ name: 'boiler', state: 'gone', reason: null }, { name: 'tank', state: 'ok', reason: null }], time: { isSynced: true },
    },
    wallMs: 1_795_350_000_000, uplinks: [uplink], committedAgoMs: 1500, upMs: 86_400_000,
  } as const
  const told = reportOf(sources, 8)
  expect(JSON.parse(JSON.stringify(told))).toEqual(JSON.parse(EXAMPLE))
  expect(explained.toSorted()).toEqual(Object.keys(told).toSorted())
})

test('the bounds that it names are those of the code', () => {
  expect(TEXT).toContain(`A payload has ${REPORT_BYTES_MAX} bytes at most`)
})

test('each command is there, with its role and how often it may come', () => {
  const rows = rowsOf('| command | role here | a minute | words | answer |').map(([name, role, rate]) => [name!.replaceAll('`', ''), role, Number(rate)])
  expect(rows).toEqual(REMOTE_COMMANDS.map((command) => [command, ROLES[command], PER_MINUTE[command]]))
})

test('the signature of the shell’s lines is the one that is taken', () => {
  // printf 'well-07\npause\n{"forSec":600,"at":1795350000}' | openssl dgst -sha256 -hmac 0123456789abcdef -r | head -c 32
  expect(signatureOf(Buffer.from('{"forSec":600,"at":1795350000}'), Buffer.from('0123456789abcdef'), 'well-07', 'pause')).toBe('996e06e7eaa2980cd4bfbe997c020fda')
})

/** Each row: what goes, on which topic, with which payload. */
const COSTS: readonly (readonly [what: string, topic: string, payload: string])[] = [
  ['the report above', 'sites/well-07/report', EXAMPLE],
  ['to ask for `status`', 'sites/well-07/cmd/status', ''],
  ['the answer to `status`', 'sites/well-07/cmd/status/reply', `{"status":"ok",${EXAMPLE.slice(1)}`],
  ['to ask for a pause', 'sites/well-07/cmd/pause', '{"forSec":600}'],
  ['to ask for one, signed', 'sites/well-07/cmd/pause', `{"forSec":600,"at":1795350000}\n${'0'.repeat(32)}`],
  ['the answer to `pause`', 'sites/well-07/cmd/pause/reply', '{"status":"ok","uplink":"cloud","order":"pause","forSec":600}'],
  ['the answer to `queue`, two classes', 'sites/well-07/cmd/queue/reply', '{"status":"ok","q":[["cloud","live",3,420,12],["cloud","bulk",10412,1520044,86400]],"drain":{"cloud":5120}}'],
]

test('what it costs is as the table says', () => {
  const table = ['| | bytes |', '|---|---|', ...COSTS.map(([what, topic, payload]) => `| ${what} | ${publishSize(makeMessage(topic, payload, { qos: 1 }), 5, 1)} |`)].join('\n')
  expect(TEXT.split('<!-- measured -->\n')[1]!.trim()).toBe(table)
})
