// Facts of a gateway that is well, with a few of them changed.
import type { ApplyResult } from '../../src/appliance/apply.ts'
import type { CardFacts } from '../../src/card/facts.ts'
import type { Status } from '../../src/ops/status.ts'

export const STATUS: Status = {
  lights: { yellow: [], red: [] },
  version: '1.2.3',
  at: Date.UTC(2026, 10, 21, 12),
  uptimeMs: 1000,
  boot: 'b',
  site: 'well-07',
  config: { source: 'file', digest: '0', trouble: null },
  broker: { listeners: [{ port: 1883, host: '::', tls: false }, { port: 8883, host: '0.0.0.0', tls: true }, { socket: '/run/mqtt.sock', tls: false }], clients: 3, probe: 'secret-of-this-run' },
  uplinks: [{ name: 'cloud', connected: true, everConnected: true, link: 'lte', queued: { messages: 12, bytes: 3400 }, lastError: null, sinceMs: Date.UTC(2026, 10, 20, 10) }],
  store: { bytes: 1000, bytesMax: 2_000_000_000, trouble: null },
  sensors: [{ name: 'tank', state: 'ok', reason: null }],
  alarms: [],
  time: { isSynced: true },
  lastError: null,
}

export const APPLIED: ApplyResult = { at: 0, file: '/boot/gateway/gateway.yaml', source: 'file', digest: '0', fileDigest: '0', problems: [], warnings: [], failures: [] }

export const FACTS: CardFacts = {
  wallMs: Date.UTC(2026, 10, 21, 12, 34, 56),
  isTimeSynced: true,
  uptimeSec: 2 * 86_400 + 3 * 3600 + 240,
  version: '1.2.3',
  slot: 'A',
  imageVersion: '1.2.3',
  isTrial: false,
  hostname: 'well-07',
  devices: [
    { device: 'eth0', type: 'ethernet', state: 'connected', connection: 'ethernet any', addresses: ['192.168.1.20', 'fd00::20'] },
    { device: 'wlan0', type: 'wifi', state: 'disconnected', connection: null, addresses: [] },
  ],
  applied: APPLIED,
  text: 'site: well-07\n',
  status: STATUS,
  answer: { where: 'port 1883', why: null },
  data: { freeBytes: 1_500_000_000, totalBytes: 2_000_000_000, trouble: null },
  sshFingerprint: `SHA256:${'x'.repeat(43)}`,
  hasLed: true,
}
