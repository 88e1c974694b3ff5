// pppd and nmcli through the dial agent: its own script, a real Unix socket, and programs that note what happens to them. What systemd does for it
// (one process a connection, all of it ended when the process ends) is done here by a few lines.
import { spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { Program } from '../../src/uplink/dial/program.ts'
import { endWithUs } from '../support/orphans.ts'
import { until } from '../support/until.ts'

const SCRIPT = join(import.meta.dirname, '../../scripts/deb/dial.sh')

let folder: string
let socket: string
let server: Server

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-dial-'))
  socket = join(folder, 'dial.sock')
  // The agent looks for programs where the system has them; here in the test's folder before.
  const script = join(folder, 'dial')
  await writeFile(script, (await readFile(SCRIPT, 'utf8')).replace(/^PATH=/m, `PATH=${folder}:`))
  server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (connection) => {
    const child = endWithUs(spawn('sh', [script], { stdio: [connection, connection, 'inherit'], detached: true }))
    connection.destroy()
    child.once('exit', () => {
      try {
        process.kill(-child.pid!, 'SIGTERM')
      } catch {
        // nothing of it is left
      }
    })
  })
  await new Promise<void>((resolve) => void server.listen(socket, resolve))
})

afterEach(async () => {
  await new Promise((resolve) => void server.close(resolve))
  await rm(folder, { recursive: true, force: true })
})

async function program(name: string, lines: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${lines}\n`)
  await chmod(join(folder, name), 0o755)
}

function start(argv: readonly string[]): { readonly program: Program; readonly lines: string[] } {
  const lines: string[] = []
  const log = { debug: () => {}, warn: () => {} }
  const started = new Program(argv, { clock: systemClock, log, env: {}, agent: socket }, (line, from) => void lines.push(`${from} ${line}`))
  return { program: started, lines }
}

const PPPD = ['pppd', 'call', 'gprs', 'nodetach', 'nopersist', 'logfd', '1']

describe('a program that the agent runs', () => {
  test('gives back its lines, of which stream they are, and its code', async () => {
    await program('nmcli', `echo "[$#] $7$6"; echo wrong >&2; exit 10`)
    const { program: nmcli, lines } = start(['nmcli', '-g', 'GENERAL.IP-IFACE', 'connection', 'show', 'id', 'LTE: my modem'])
    expect(await nmcli.ended).toEqual({ kind: 'exited', code: 10 })
    expect(lines.toSorted()).toEqual(['stderr wrong', 'stdout [6] LTE: my modem'])
    await nmcli.end()
  })

  test('ends with the connection, and is asked to first', async () => {
    await program('pppd', `trap 'echo left > ${folder}/mark; exit 0' TERM; echo "Connect: ppp0 <--> /dev/ttyUSB0"; while :; do sleep 0.05; done`)
    const { program: pppd, lines } = start(PPPD)
    await until(() => lines.includes('stdout Connect: ppp0 <--> /dev/ttyUSB0'), 'pppd to say that it is connected')
    await pppd.end()
    await pppd.gone
    expect(await readFile(join(folder, 'mark'), 'utf8')).toBe('left\n')
  })

  test('says how it was killed, and when it is not there', async () => {
    await program('pppd', 'kill -KILL $$')
    expect(await start(PPPD).program.ended).toEqual({ kind: 'killed', signal: 'SIGKILL' })
    await program('pppd', 'exit 127')
    expect(await start(PPPD).program.ended).toEqual({ kind: 'not-started', code: 'ENOENT' })
  })

  test('is not started where nobody answers at the socket', async () => {
    await new Promise((resolve) => void server.close(resolve))
    await writeFile(socket, '')
    expect(await start(PPPD).program.ended).toEqual({ kind: 'not-started', code: 'ECONNREFUSED' })
    server.listen(0)
  })
})

describe('what the gateway may not ask for', () => {
  test.each([
    ['another program', ['sh', '-c', 'id']],
    ['a path', ['/usr/sbin/pppd', 'call', 'gprs', 'nodetach', 'nopersist', 'logfd', '1']],
    ['options of its own for pppd', ['pppd', 'call', 'gprs', 'nodetach', 'nopersist', 'connect', 'id']],
    ['a peer elsewhere', ['pppd', 'call', '../../tmp/peer', 'nodetach', 'nopersist', 'logfd', '1']],
    ['a hidden peer', ['pppd', 'call', '.peer', 'nodetach', 'nopersist', 'logfd', '1']],
    ['an argument more', [...PPPD, 'debug']],
    ['to change a connection', ['nmcli', 'connection', 'modify', 'id', 'LTE']],
    ['an option for a name', ['nmcli', 'connection', 'down', 'id', '--show-secrets']],
    ['secrets', ['nmcli', '-g', '802-11-wireless-security.psk', 'connection', 'show', 'id', 'LTE']],
    ['secrets behind what it may ask', ['nmcli', '-g', 'GENERAL.STATE,gsm.password', 'connection', 'show', 'id', 'LTE']],
    ['to wait for ever', ['nmcli', '--wait', '9999999', 'connection', 'up', 'id', 'LTE']],
  ])('%s', async (_, argv) => {
    for (const name of ['pppd', 'nmcli', 'sh']) await program(name === 'sh' ? 'never' : name, `echo ran > ${folder}/mark`)
    const lines: string[] = []
    const child = endWithUs(spawn('sh', [join(folder, 'dial')], { stdio: ['pipe', 'pipe', 'inherit'] }))
    child.stdout.setEncoding('utf8').on('data', (text: string) => void lines.push(text))
    child.stdin.end(`${argv.join('\n')}\n\n`)
    await new Promise((resolve) => void child.once('close', resolve))
    expect(lines.join('')).toMatch(/^refused /)
    await expect(readFile(join(folder, 'mark'), 'utf8')).rejects.toThrow('ENOENT')
  })

  test('is told to the one who asked', async () => {
    await program('nmcli', 'exit 0')
    const { program: nmcli } = start(['nmcli', 'radio', 'off'])
    expect(await nmcli.ended).toEqual({ kind: 'not-started', code: 'EPERM' })
    expect(nmcli.lastWords).toContain('refused')
  })

  test('arguments of several lines reach nobody', async () => {
    await program('nmcli', `echo ran > ${folder}/mark`)
    expect(await start(['nmcli', 'connection', 'down', 'id', 'LTE\n\n']).program.ended).toEqual({ kind: 'not-started', code: 'EINVAL' })
  })
})
