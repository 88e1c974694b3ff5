// A modem that pppd dials: `pppd call PEER` with the options of /etc/ppp/peers/PEER, run by us, so that we see what it does and end it.
//
// Up is when the interface that it announces has an address; lost is when it ends, or its interface cannot be used any more. SIGTERM makes
// it take its leave from the peer and run its disconnect script.
// What is always true: it stays in the foreground, dials once, and tells us what it does, whatever the peer's file says (`updetach`, `persist`,
// `logfile`): when to dial again is the link's decision. Only `demand` must not be there.
// Rights: where the package's dial agent is, it starts pppd (agent.ts). Elsewhere pppd is setuid root and for group dip on Debian: SupplementaryGroups=dip
// in the unit, and no NoNewPrivileges=yes there.
import type { DialMethod } from './dial.ts'
import { howItEnded } from './call.ts'
import type { Ending, Program } from './program.ts'

interface Exit {
  readonly why: string
  /** Its last words say more. */
  readonly speaks?: true
}

/** What each exit code says, and what to do (pppd(8), EXIT STATUS; 20 and 21 are in pppd.h only). `{peer}` is the peer's file. */
const EXITS: Readonly<Record<number, Exit>> = {
  0: { why: 'the peer has ended the connection: see the terms of the account, and whether somebody else uses it' },
  1: { why: 'pppd cannot go on: see `journalctl -t pppd`', speaks: true },
  2: { why: 'pppd does not take its options: correct {peer}', speaks: true },
  3: { why: 'pppd is not setuid root: `dpkg-reconfigure ppp` makes it so, or let the gateway run as root' },
  4: { why: 'the kernel has no PPP: `modprobe ppp_async`, and name it in /etc/modules' },
  5: { why: 'another program has told pppd to end' },
  6: { why: 'another program holds the modem’s port: end it, often ModemManager or a getty', speaks: true },
  7: { why: 'the modem’s port cannot be opened: plug the modem in, or correct the device in {peer}', speaks: true },
  8: { why: 'the connect script failed: no modem, no SIM, no signal or a busy line; `journalctl -t chat` and /var/log/ppp-connect-errors say more' },
  9: { why: 'the program that `pty` names does not run: correct {peer}', speaks: true },
  10: { why: 'the other end does not speak PPP, or they agreed on nothing: see number and APN, and `journalctl -t pppd` with `debug` in {peer}' },
  11: { why: 'the peer did not prove who it is: put `noauth` into {peer}' },
  12: { why: 'pppd ended the connection because it was idle: remove `idle` from {peer}, the link hangs up by itself' },
  13: { why: 'pppd ended the connection after its longest time: see `maxconnect` in {peer}' },
  14: { why: 'the peer wants to call back, and nobody waits for that: remove `callback` from {peer}' },
  15: { why: 'the peer does not answer any more: see the signal; `lcp-echo-failure` in {peer} says how many answers may be missing' },
  16: { why: 'the modem has hung up: see signal and credit' },
  17: { why: 'the modem sends back what it gets: it is not connected, or the connect script ends too early' },
  18: { why: 'the init script failed: no modem, or the wrong port', speaks: true },
  19: { why: 'the peer refuses the user or the password: correct `user` in {peer}, and its line in /etc/ppp/pap-secrets or chap-secrets' },
  20: { why: 'pppd ended the connection at its limit of traffic: see `maxoctets` in {peer}' },
  21: { why: 'the peer’s number may not call: see `allow-number` in {peer}' },
}

/** What it says says more than its code, which is that of the hang-up afterwards (16) on many ports. */
const CAUSES: readonly (readonly [RegExp, number])[] = [
  [/^LCP: timeout sending Config-Requests/, 10],
  [/^No response to \d+ echo-requests/, 15],
  [/^(PAP|CHAP) authentication failed/, 19],
]

/** pppd runs its scripts before it ends and says why: on a small board that takes seconds. */
const LOOKS = 6

export function dialByPppd(peer: string): DialMethod {
  return {
    async up(call) {
      const { promise: connected, resolve } = Promise.withResolvers<string>()
      let cause: number | null = null
      call.waitsFor = 'the connect script'
      const pppd = call.start(['pppd', 'call', peer, 'nodetach', 'nopersist', 'logfd', '1'], (line) => {
        const name = /^Connect: ([\w.-]+) <-->/.exec(line)?.[1]
        if (name !== undefined) resolve(name)
        cause ??= CAUSES.find(([words]) => words.test(line))?.[1] ?? null
      })
      void pppd.ended.then((ending) => {
        const why = sentence(cause === null || ending.kind !== 'exited' ? ending : { ...ending, code: cause }, pppd, peer)
        call.end(call.wasUp ? `the line is lost: ${why}` : why)
      })
      const name = await connected
      await call.usable(name)
      call.watch(name, LOOKS)
      return name
    },
    async down() {}, // ending the program is all
  }
}

function sentence(ending: Ending, pppd: Program, peer: string): string {
  const file = `/etc/ppp/peers/${peer}`
  if (ending.kind === 'not-started') {
    if (ending.code === 'ENOENT') return 'pppd is not there: apt-get install ppp'
    if (ending.code === 'EACCES') return 'this user may not start pppd: add it to the group dip (SupplementaryGroups=dip in the unit)'
  }
  const exit = ending.kind === 'exited' ? EXITS[ending.code] : undefined
  if (exit === undefined) return `pppd ${howItEnded(ending, pppd)}`
  if (pppd.lastWords.includes(`Can't open options file ${file}`)) {
    return `there is no peer ${peer}: write ${file} (\`man pppd\`, EXAMPLES), readable for the group dip`
  }
  const device = /unrecognized option '(\/dev\/[^']+)'/.exec(pppd.lastWords)?.[1]
  if (device !== undefined) return `${device} is not there: plug the modem in, or correct the device in ${file}`
  return `${exit.why.replace('{peer}', file)}${exit.speaks ? pppd.lastWords : ''}`
}
