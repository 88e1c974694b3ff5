// A line that a command of the site brings up: wvdial, a script, a vendor's tool. It is started as it is written, without a shell.
//
//   stays: false   exit code 0 means up. What it leaves running in its own process group is ended when the line is hung up.
//   stays: true    it runs as long as the line is up. Up is when the interface has an address or, where no interface is named, when the
//                  command prints the line READY=1 on standard output. The line is lost when the command ends.
//
// Where an interface is named, up means in both cases that it has an address, and the line is lost when it has none any more.
// `down` runs after every call that was begun, also a failed one: it must not mind that nothing is up.
// Rights: those of the gateway. A command that needs more has to get them itself (setuid, sudo, a capability of the unit).
import type { DialConfig } from '../../config/config.ts'
import type { DialMethod } from './dial.ts'
import { type Call, howItEnded } from './call.ts'
import type { Ending, Program } from './program.ts'

type CommandConfig = Extract<DialConfig, { readonly kind: 'command' }>

const READY = 'READY=1'

export function dialByCommand(config: CommandConfig): DialMethod {
  return {
    async up(call) {
      if (config.stays) await upWhileItRuns(call, config)
      else await upWhenItEnds(call, config)
      if (config.interface !== null) call.watch(config.interface)
      return config.interface
    },
    async down(call) {
      // Of a line that is up the command is told first: what it left running may be the line itself.
      if (!call.wasUp) await call.endPrograms()
      if (config.down === null) return
      const { ending, program } = await call.runDown(config.down)
      if (ending.kind !== 'exited' || ending.code !== 0) call.deps.log.warn({}, `dial.down: ${program.name} ${howItEnded(ending, program)}`)
    },
  }
}

async function upWhenItEnds(call: Call, config: CommandConfig): Promise<void> {
  const program = call.start(config.up)
  call.waitsFor = `${program.name} to end`
  const ending = await program.ended
  if (ending.kind !== 'exited' || ending.code !== 0) throw new Error(sentence(ending, program))
  if (config.interface !== null) await call.usable(config.interface)
}

async function upWhileItRuns(call: Call, config: CommandConfig): Promise<void> {
  const { promise: saidReady, resolve } = Promise.withResolvers<void>()
  const program = call.start(config.up, (line, from) => {
    if (line === READY && from === 'stdout') resolve()
  })
  call.waitsFor = `${program.name} to print ${READY}`
  void program.ended.then((ending) => call.end(call.wasUp ? lost(ending, program) : sentence(ending, program)))
  await (config.interface === null ? saidReady : call.usable(config.interface))
}

function sentence(ending: Ending, program: Program): string {
  const what = `${program.name} ${howItEnded(ending, program)}`
  if (ending.kind === 'not-started') return what
  if (ending.kind === 'exited' && ending.code === 0) return `${what} before the line was up: remove \`stays: true\` if it does not stay while the line is up`
  return `${what}: the line did not come up; try the command by hand, as the gateway's user`
}

function lost(ending: Ending, program: Program): string {
  return `the line is lost: ${program.name} ${howItEnded(ending, program)}`
}
