// pppd as its manual describes it, played by a script that prints and exits as told. The real one dials in test/vm/ppp.test.ts.
import { describe, expect, test } from 'vitest'
import type { Dialler } from '../../../../src/uplink/dial/dial.ts'
import { DialBed, failure, lives } from '../../../support/dial-bed.ts'

const UP = 'echo "Serial connection established."; echo "Using interface ppp0"; echo "Connect: ppp0 <--> /dev/modem"; echo "local  IP address 10.64.0.2"'

function pppd(bed: DialBed): Dialler {
  return bed.dialler({ kind: 'pppd', peer: 'sat', timeoutMs: 60_000, attemptBytesMax: Infinity })
}

describe('dialling', () => {
  test('is up when the interface that pppd connected has an address, and down by SIGTERM', async () => {
    await using bed = await DialBed.make()
    await bed.script('pppd', `echo "$*" > "$FOLDER/arguments"; echo $$ > "$FOLDER/pid"; trap 'echo TERM >> "$FOLDER/signals"; exit 5' TERM; ${UP}; while :; do sleep 0.1; done`)
    const dialler = pppd(bed)
    const dialling = dialler.dial()
    const pid = await bed.pid('pid')
    await bed.clock.advanceAsync(5000)
    bed.interfaces.set('ppp0', '10.64.0.2')
    expect(await bed.moved(dialling)).toEqual({ interface: 'ppp0' })
    expect(bed.lines('arguments')).toEqual(['call sat nodetach nopersist logfd 1'])
    await bed.moved(dialler.hangUp())
    expect([bed.lines('signals'), lives(pid)]).toEqual([['TERM'], false])
  })

  test('an interface with a name of its own is the one that is connected', async () => {
    await using bed = await DialBed.make()
    await bed.script('pppd', 'echo "Using interface ppp0"; echo "Renamed interface ppp0 to iridium"; echo "Connect: iridium <--> /dev/modem"; exec sleep 1000')
    bed.interfaces.set('iridium', '10.64.0.2')
    expect(await pppd(bed).dial()).toEqual({ interface: 'iridium' })
  })

  test('time that is over says how far it came', async () => {
    await using bed = await DialBed.make()
    await bed.script('pppd', 'echo "Serial connection established."; exec sleep 1000')
    const failing = failure(pppd(bed).dial())
    await bed.hears('Serial connection')
    await bed.clock.advanceAsync(60_000)
    expect(await bed.moved(failing)).toMatch(/^the line was not up within 60 s: waited for the connect script \(it said: Serial connection established\.\); /)
    await bed.script('pppd', `${UP}; exec sleep 1000`)
    const again = failure(pppd(bed).dial())
    await bed.hears('local  IP address')
    await bed.clock.advanceAsync(60_000)
    expect(await bed.moved(again)).toMatch(/^the line was not up within 60 s: waited for the interface ppp0, which is not there \(it said: /)
  })
})

describe('exit codes', () => {
  const says = async (code: number, output = ''): Promise<string> => {
    await using bed = await DialBed.make()
    await bed.script('pppd', `printf '%s\\n' "${output}"; exit ${code}`)
    return await failure(pppd(bed).dial())
  }

  test('every one of the manual is a sentence of its own that says what to do', async () => {
    const sentences = await Promise.all(Array.from({ length: 22 }, (_, code) => says(code)))
    expect(new Set(sentences).size).toBe(22)
    expect(sentences.filter((sentence) => sentence.length < 30 || /\{peer\}|ended with code/.test(sentence))).toEqual([])
    expect(sentences[8]).toBe('the connect script failed: no modem, no SIM, no signal or a busy line; `journalctl -t chat` and /var/log/ppp-connect-errors say more')
    expect(sentences[16]).toBe('the modem has hung up: see signal and credit')
    expect(sentences[19]).toBe('the peer refuses the user or the password: correct `user` in /etc/ppp/peers/sat, and its line in /etc/ppp/pap-secrets or chap-secrets')
  })

  test.each([
    [2, "pppd: Can't open options file /etc/ppp/peers/sat: No such file or directory", 'there is no peer sat: write /etc/ppp/peers/sat (`man pppd`, EXAMPLES), readable for the group dip'],
    [2, "pppd: In file /etc/ppp/peers/sat: unrecognized option '/dev/modem'", '/dev/modem is not there: plug the modem in, or correct the device in /etc/ppp/peers/sat'],
    [2, "pppd: unrecognized option 'frobnicate'", "pppd does not take its options: correct /etc/ppp/peers/sat (it said: pppd: unrecognized option 'frobnicate')"],
    [16, 'LCP: timeout sending Config-Requests', 'the other end does not speak PPP, or they agreed on nothing: see number and APN, and `journalctl -t pppd` with `debug` in /etc/ppp/peers/sat'],
    [16, 'No response to 4 echo-requests', 'the peer does not answer any more: see the signal; `lcp-echo-failure` in /etc/ppp/peers/sat says how many answers may be missing'],
    [16, 'CHAP authentication failed: bad user', 'the peer refuses the user or the password: correct `user` in /etc/ppp/peers/sat, and its line in /etc/ppp/pap-secrets or chap-secrets'],
    [99, 'something new', 'pppd ended with code 99 (it said: something new)'],
  ])('%d with %j', async (code, output, sentence) => expect(await says(code, output)).toBe(sentence))
})

describe('losing it', () => {
  test('the exit code says why', async () => {
    await using bed = await DialBed.make()
    await bed.script('pppd', `${UP}; read line < "$FOLDER/fifo"; echo "No response to 4 echo-requests"; exit 15`)
    await bed.run(['mkfifo', `${bed.folder}/fifo`]).ended
    bed.interfaces.set('ppp0', '10.64.0.2')
    const dialler = pppd(bed)
    const told: string[] = []
    dialler.onLost((why) => void told.push(why))
    await dialler.dial()
    await bed.run(['sh', '-c', `echo > ${bed.folder}/fifo`]).ended
    await bed.untilMoved(() => told[0], 'the loss to be told')
    expect(told).toEqual(['the line is lost: the peer does not answer any more: see the signal; `lcp-echo-failure` in /etc/ppp/peers/sat says how many answers may be missing'])
  })

  test('an interface that is gone ends a pppd that stays', async () => {
    await using bed = await DialBed.make()
    await bed.script('pppd', `echo $$ > "$FOLDER/pid"; ${UP}; exec sleep 1000`)
    bed.interfaces.set('ppp0', '10.64.0.2')
    const dialler = pppd(bed)
    const told: string[] = []
    dialler.onLost((why) => void told.push(why))
    await dialler.dial()
    bed.interfaces.clear()
    await bed.untilMoved(() => told[0], 'the loss to be told')
    expect(told).toEqual(['the line is lost: the interface ppp0 is not there'])
    const pid = await bed.pid('pid')
    await bed.moved(dialler.hangUp())
    expect(lives(pid)).toBe(false)
  })
})
