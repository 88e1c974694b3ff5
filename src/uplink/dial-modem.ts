// A cellular modem that NetworkManager dials through ModemManager: a connection (profile) of type gsm, brought up and down by nmcli.
//
// Up is when nmcli says so and the interface of the connection has an address; lost is when it has none any more or, where nmcli could not name
// the interface, when the connection is not active any more. The connection should have `autoconnect no`: else NetworkManager dials by itself.
// Rights: polkit must allow the gateway's user org.freedesktop.NetworkManager.network-control.
import type { DialMethod } from './dial.ts'
import { type Call, type Finished, howItEnded } from './dial-call.ts'

/** nmcli ends a little before our own deadline, and can then be asked what the modem was doing. */
const MARGIN_MS = 3000
/** For a connection whose interface is not known. Each time a program starts: not often. */
const ASK_MS = 15_000

/** nmcli(1), EXIT STATUS. */
const EXIT_TIMEOUT = 3
const EXIT_ACTIVATION = 4
const EXIT_NOT_RUNNING = 8
const EXIT_NOT_THERE = 10

export function dialByModem(connection: string, timeoutMs: number): DialMethod {
  const waitSec = Math.max(1, Math.floor((timeoutMs - MARGIN_MS) / 1000))
  return {
    async up(call) {
      call.waitsFor = `NetworkManager to bring up ${connection}`
      const up = await call.run(['nmcli', '--wait', `${waitSec}`, 'connection', 'up', 'id', connection])
      if (!isDone(up)) throw new Error(await sentence(call, connection, up, timeoutMs))
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
  const answer = await call.run(['nmcli', '-g', field!, ...of])
  const value = isDone(answer) ? (answer.lines[0] ?? '') : ''
  return value === '' || value === '--' ? null : value
}

function watchConnection(call: Call, connection: string): void {
  let asks = false
  call.every(ASK_MS, () => {
    if (asks) return
    asks = true
    void ask(call, ['GENERAL.STATE', 'connection', 'show', 'id', connection]).then(
      (state) => {
        asks = false
        if (state !== 'activated') call.end(`the line is lost: NetworkManager says that ${connection} is ${state ?? 'not active any more'}`)
      },
      () => {}, // the call was over before the answer came
    )
  })
}

async function sentence(call: Call, connection: string, up: Finished, timeoutMs: number): Promise<string> {
  const { ending, program } = up
  const { lastWords } = program
  if (ending.kind === 'not-started' && ending.code === 'ENOENT') return 'nmcli is not there: apt-get install network-manager modemmanager'
  if (/not authorized|insufficient privileges|access denied/i.test(lastWords)) {
    return `this user may not bring up ${connection}: allow it org.freedesktop.NetworkManager.network-control by a rule of polkit${lastWords}`
  }
  if (isExit(up, EXIT_NOT_RUNNING) || /Could not create NMClient/.test(lastWords)) return 'NetworkManager does not run: systemctl enable --now NetworkManager ModemManager'
  if (isExit(up, EXIT_NOT_THERE)) return `there is no connection ${connection}: correct dial.modem (\`nmcli connection show\` lists them), or add it with \`nmcli connection add type gsm\`${lastWords}`
  if (isExit(up, EXIT_TIMEOUT)) {
    const device = await ask(call, ['GENERAL.DEVICES', 'connection', 'show', 'id', connection])
    const state = device === null ? null : await ask(call, ['GENERAL.STATE', 'device', 'show', device])
    const where = state === null ? '' : `, ${device} is ${state.replace(/^\d+ \((.*)\)$/, '$1')}`
    return `${connection} was not up within ${timeoutMs / 1000} s${where}: see signal and registration with \`mmcli -m any\`, or set a longer dial.timeout`
  }
  if (isExit(up, EXIT_ACTIVATION)) return `${connection} does not come up: see \`mmcli -m any\` and \`journalctl -u NetworkManager -u ModemManager\`${lastWords}`
  return `${connection} does not come up: nmcli ${howItEnded(ending, program)}`
}
