// Runs inside the virtual machine: dials connections of NetworkManager with the real nmcli, and prints what came of each. It judges nothing.
import { execFileSync } from 'node:child_process'
import { addressOf } from '../../../src/uplink/dial/network.ts'
import type { Dialler } from '../../../src/uplink/dial/dial.ts'
import { until } from '../../support/until.ts'
import { dialler, scene, sentence } from '../scenes.ts'

function modem(connection: string, timeoutMs = 30_000): Dialler {
  return dialler({ kind: 'modem', connection, timeoutMs, attemptBytesMax: Infinity })
}

const active = (): string => execFileSync('nmcli', ['-g', 'NAME', 'connection', 'show', '--active'], { encoding: 'utf8' }).replace(/^lo$/m, '').trim()

async function upAndDown(name: string): Promise<void> {
  const of = modem('lte')
  const answer = await of.dial().catch((error: unknown) => String(error))
  const facts = { answer, address: addressOf('wwan0'), active: active() }
  await of.hangUp()
  scene(name, { ...facts, addressAfter: addressOf('wwan0'), activeAfter: active() })
}

async function lost(name: string, breakIt: () => void): Promise<void> {
  const of = modem('lte')
  const losses: string[] = []
  of.onLost((why) => void losses.push(why))
  await of.dial()
  breakIt()
  await until(() => losses.length > 0, 'the loss', 30_000)
  await of.hangUp()
  scene(name, { losses, activeAfter: active() })
}

async function failing(name: string, of: Dialler): Promise<void> {
  scene(name, { said: await sentence(of.dial()), activeAfter: active() })
}

async function all(): Promise<void> {
  await upAndDown('up and down')
  await upAndDown('again')
  await lost('somebody takes it down', () => execFileSync('nmcli', ['connection', 'down', 'id', 'lte']))
  await lost('the cable is pulled', () => execFileSync('ip', ['link', 'set', 'far0', 'down']))
  execFileSync('ip', ['link', 'set', 'far0', 'up'])
  await failing('no answer', modem('deaf', 15_000))
  await failing('no such connection', modem('nothing'))
  await failing('no modem', modem('gsm'))
}

const missing = process.argv[2]
if (missing === undefined) await all()
else scene(missing, { said: await sentence(modem('lte').dial()) })
