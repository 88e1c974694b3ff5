// An interface that is there already and only has to be switched on: a cellular router's port, a wwan device that the system configures. With
// `wait: true` not even that: somebody else switches it, and we only see when it can be used.
//
// Up means a carrier and an address, which somebody else gives it (DHCP client, networkd); lost is either of them gone.
// Rights: `ip link set` needs CAP_NET_ADMIN (AmbientCapabilities=CAP_NET_ADMIN in the unit); waiting needs none.
import type { DialMethod } from './dial.ts'
import { type Finished, howItEnded } from './call.ts'

export function dialByInterface(name: string, waits: boolean): DialMethod {
  return {
    async up(call) {
      if (!waits) {
        const set = await call.run(['ip', 'link', 'set', 'dev', name, 'up'])
        if (!isDone(set)) throw new Error(sentence(name, set))
      }
      await call.usable(name)
      call.watch(name)
      return name
    },
    async down(call) {
      if (waits) return
      const set = await call.runDown(['ip', 'link', 'set', 'dev', name, 'down'])
      if (!isDone(set) && call.wasUp) call.deps.log.warn({}, sentence(name, set))
    },
  }
}

function isDone({ ending }: Finished): boolean {
  return ending.kind === 'exited' && ending.code === 0
}

function sentence(name: string, { ending, program }: Finished): string {
  const { lastWords } = program
  if (/not permitted/.test(lastWords)) {
    return `${name} may not be switched by this user: add AmbientCapabilities=CAP_NET_ADMIN to the unit, or write \`wait: true\` where something else switches it`
  }
  if (/Cannot find device|does not exist/.test(lastWords)) return `there is no interface ${name}: plug the modem in, or correct dial.interface (\`ip link\` lists them)`
  if (ending.kind === 'not-started' && ending.code === 'ENOENT') return 'the program ip is not there: apt-get install iproute2'
  return `${name} could not be switched: ip ${howItEnded(ending, program)}`
}
