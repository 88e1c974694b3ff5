// A cellular modem that NetworkManager dials through ModemManager: a connection (profile) of type gsm, brought up and down by nmcli.
//
// Up is when nmcli says so and the interface of the connection has an address; lost is when it has none any more or, where nmcli could not name
// the interface, when the connection is not active any more. The connection should have `autoconnect no`: else NetworkManager dials by itself.
// Rights: where the package's dial agent is, it starts nmcli as root (agent.ts). Elsewhere polkit must allow the gateway's user
// org.freedesktop.NetworkManager.network-control.
import type { Timer } from '../../clock.ts'
import type { DialMethod } from './dial.ts'
import { type Call, type Finished, howItEnded } from './call.ts'

/** Longer than our own deadline, which knows what the modem was doing. */
const WAIT_SEC = 7200
/** Each time a program starts: not often. */
const LOOK_MS = 5000
const ASK_MS = 15_000

/** nmcli(1), EXIT STATUS. */
const EXIT_ACTIVATION = 4
const EXIT_NOT_RUNNING = 8
const EXIT_NOT_THERE = 10

export function dialByModem(connection: string): DialMethod {
  return {
    async up(call) {
      call.waitsFor = `NetworkManager to bring up ${connection}`
      const looks = lookAt(call, connection)
      const up = await call.run(['nmcli', '--wait', `${WAIT_SEC}`, 'connection', 'up', 'id', connection])
      looks?.cancel()
      if (!isDone(up)) throw new Error(sentence(connection, up))
      // Not the device, which may be the modem's control port: cdc-wdm0, ttyUSB2.
      const name = await ask(call, ['GENERAL.IP-IFACE', 'connection', 'show', 'id', connection])
      if (name === null) watchConnection(call, connection)
      else {
        await call.usable(name)
        call.watch(name)
      }
      return name
    },
    async down(call) {
      await call.endPrograms()
      const down = await call.runDown(['nmcli', 'connection', 'down', 'id', connection])
      // After a call that failed there is often nothing to take down; where a line was up there should have been.
      if (!isDone(down) && call.wasUp && !isExit(down, EXIT_NOT_THERE)) call.deps.log.warn({}, `the modem was not hung up: nmcli ${howItEnded(down.ending, down.program)}`)
    },
  }
}

function isExit({ ending }: Finished, code: number): boolean {
  return ending.kind === 'exited' && ending.code === code
}

function isDone(finished: Finished): boolean {
  return isExit(finished, 0)
}

/** One value that nmcli knows; null where it has none. */
async function ask(call: Call, [field, ...of]: readonly string[]): Promise<string | null> {
  const answer = await call.ask(['nmcli', '-g', field!, ...of])
  const value = isDone(answer) ? (answer.lines[0] ?? '') : ''
  return value === '' || value === '--' ? null : value
}

/** Says what the modem is doing as long as the line is waited for: `connecting (prepare)` is a search for a network. */
function lookAt(call: Call, connection: string): Timer | null {
  return asking(call, LOOK_MS, async () => {
    const device = await ask(call, ['GENERAL.DEVICES', 'connection', 'show', 'id', connection])
    const state = device === null ? null : await ask(call, ['GENERAL.STATE', 'device', 'show', device])
    if (state !== null) call.waitsFor = `NetworkManager to bring up ${connection}, ${device} is ${state.replace(/^\d+ \((.*)\)$/, '$1')}`
  })
}

function watchConnection(call: Call, connection: string): void {
  asking(call, ASK_MS, async () => {
    const state = await ask(call, ['GENERAL.STATE', 'connection', 'show', 'id', connection])
    if (state !== 'activated') call.end(`the line is lost: NetworkManager says that ${connection} is ${state ?? 'not active any more'}`)
  })
}

/** Asks again and again, never while an answer is missing. */
function asking(call: Call, everyMs: number, question: () => Promise<void>): Timer | null {
  let asks = false
  return call.every(everyMs, () => {
    if (asks) return
    asks = true
    question().then(
      () => (asks = false),
      () => {}, // the call was over before the answer came
    )
  })
}

function sentence(connection: string, up: Finished): string {
  const { ending, program } = up
  const { lastWords } = program
  if (ending.kind === 'not-started' && ending.code === 'ENOENT') return 'nmcli is not there: apt-get install network-manager modemmanager'
  if (/not authorized|insufficient privileges|access denied/i.test(lastWords)) {
    return `this user may not bring up ${connection}: allow it org.freedesktop.NetworkManager.network-control by a rule of polkit${lastWords}`
  }
  if (isExit(up, EXIT_NOT_RUNNING) || /Could not create NMClient/.test(lastWords)) return 'NetworkManager does not run: systemctl enable --now NetworkManager ModemManager'
  if (isExit(up, EXIT_NOT_THERE)) return `there is no connection ${connection}: correct dial.modem (\`nmcli connection show\` lists them), or add it with \`nmcli connection add type gsm\`${lastWords}`
  if (isExit(up, EXIT_ACTIVATION)) return `${connection} does not come up: see \`mmcli -m any\` and \`journalctl -u NetworkManager -u ModemManager\`${lastWords}`
  return `${connection} does not come up: nmcli ${howItEnded(ending, program)}`
}
