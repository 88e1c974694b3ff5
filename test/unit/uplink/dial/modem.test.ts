// A connection of NetworkManager, with an nmcli played by a script: its answers and exit codes are those that nmcli 1.42 gave (the real one runs
// in test/vm/modem.test.ts, without a modem).
import { describe, expect, test } from 'vitest'
import type { Dialler } from '../../../../src/uplink/dial/dial.ts'
import { DialBed, failure } from '../../../support/dial-bed.ts'

/** `$FOLDER/up` there: the connection is active. A function `up` says how it comes up, `state` what the modem does. */
const NMCLI = (up: string, name = 'wwan0', device = 'cdc-wdm0'): string => `
echo "$LC_ALL: $*" >> "$FOLDER/calls"
case "$*" in
  *"connection up id"*) ${up} ;;
  "connection down id"*) [ -e "$FOLDER/up" ] && { rm "$FOLDER/up"; echo "Connection successfully deactivated"; exit 0; }
    echo "Error: 'lte' is not an active connection." >&2; echo "Error: no active connection provided." >&2; exit 10 ;;
  "-g GENERAL.IP-IFACE"*) echo ${name} ;;
  "-g GENERAL.DEVICES"*) echo ${device} ;;
  "-g GENERAL.STATE connection"*) [ -e "$FOLDER/up" ] && echo activated ;;
  "-g GENERAL.STATE device"*) echo "40 (connecting (prepare))" ;;
esac
exit 0`
const ACTIVATES = 'touch "$FOLDER/up"; echo "Connection successfully activated (D-Bus active path: /org/freedesktop/NetworkManager/ActiveConnection/2)"'

function modem(bed: DialBed): Dialler {
  return bed.dialler({ kind: 'modem', connection: 'LTE at home', timeoutMs: 60_000, attemptBytesMax: Infinity })
}

describe('up and down', () => {
  test('the interface is the one that NetworkManager names, and has an address', async () => {
    await using bed = await DialBed.make()
    await bed.script('nmcli', NMCLI(ACTIVATES))
    bed.interfaces.set('wwan0', '10.0.0.2')
    const dialler = modem(bed)
    expect(await dialler.dial()).toEqual({ interface: 'wwan0' })
    await dialler.hangUp()
    expect(bed.lines('calls')).toEqual([
      'C: --wait 7200 connection up id LTE at home',
      'C: -g GENERAL.IP-IFACE connection show id LTE at home',
      'C: connection down id LTE at home',
    ])
    expect(bed.warnings).toEqual([])
  })

  test('an interface without its address is lost', async () => {
    await using bed = await DialBed.make()
    await bed.script('nmcli', NMCLI(ACTIVATES))
    bed.interfaces.set('wwan0', '10.0.0.2')
    const dialler = modem(bed)
    const told: string[] = []
    dialler.onLost((why) => void told.push(why))
    await dialler.dial()
    bed.interfaces.clear()
    await bed.untilMoved(() => told[0], 'the loss to be told')
    expect(told).toEqual(['the line is lost: the interface wwan0 is not there'])
  })

  test('without an interface the connection is asked after', async () => {
    await using bed = await DialBed.make()
    await bed.script('nmcli', NMCLI(ACTIVATES, '--'))
    const dialler = modem(bed)
    const told: string[] = []
    dialler.onLost((why) => void told.push(why))
    expect(await dialler.dial()).toEqual({ interface: null })
    await bed.clock.advanceAsync(15_000)
    await bed.hears('"activated"')
    expect(told).toEqual([])
    await bed.script('nmcli', NMCLI('', '--'))
    await bed.run(['rm', `${bed.folder}/up`]).ended
    await bed.untilMoved(() => told[0], 'the loss to be told')
    expect(told).toEqual(['the line is lost: NetworkManager says that LTE at home is not active any more'])
  })

  test('hung up while it dials, NetworkManager is told', async () => {
    await using bed = await DialBed.make()
    await bed.script('nmcli', NMCLI('touch "$FOLDER/up"; echo dialling; exec sleep 1000'))
    const dialler = modem(bed)
    const failing = failure(dialler.dial())
    await bed.hears('dialling')
    await bed.moved(dialler.hangUp())
    expect(await failing).toBe('it was hung up while it was being dialled')
    expect(bed.lines('calls').at(-1)).toBe('C: connection down id LTE at home')
    expect(bed.lines('up')).toEqual([])
  })
})

describe('failing', () => {
  test.each([
    ['no modem', 'echo "Error: Connection activation failed: No suitable device found for this connection." >&2; exit 4', 'LTE at home does not come up: see `mmcli -m any` and `journalctl -u NetworkManager -u ModemManager` (it said: Error: Connection activation failed: No suitable device found for this connection.)'],
    ['no such connection', 'echo "Error: unknown connection \'LTE at home\'." >&2; exit 10', "there is no connection LTE at home: correct dial.modem (`nmcli connection show` lists them), or add it with `nmcli connection add type gsm` (it said: Error: unknown connection 'LTE at home'.)"],
    ['no NetworkManager', 'echo "Error: NetworkManager is not running." >&2; exit 8', 'NetworkManager does not run: systemctl enable --now NetworkManager ModemManager'],
    ['no D-Bus', 'echo "Error: Could not create NMClient object: Could not connect: No such file or directory." >&2; exit 1', 'NetworkManager does not run: systemctl enable --now NetworkManager ModemManager'],
    ['no rights', 'echo "Error: Connection activation failed: Not authorized to control networking." >&2; exit 4', 'this user may not bring up LTE at home: allow it org.freedesktop.NetworkManager.network-control by a rule of polkit (it said: Error: Connection activation failed: Not authorized to control networking.)'],
    ['another version', 'echo "Error: Unexpected argument" >&2; exit 2', 'LTE at home does not come up: nmcli ended with code 2 (it said: Error: Unexpected argument)'],
    ['a crash', 'kill -SEGV $$', 'LTE at home does not come up: nmcli was ended by SIGSEGV'],
  ])('%s', async (_, up, sentence) => {
    await using bed = await DialBed.make()
    await bed.script('nmcli', NMCLI(up))
    expect(await failure(modem(bed).dial())).toBe(sentence)
    expect(bed.lines('calls').at(-1)).toBe('C: connection down id LTE at home')
    expect([bed.lines('up'), bed.warnings]).toEqual([[], []])
  })

  test('time that is over says what the modem was doing', async () => {
    await using bed = await DialBed.make()
    await bed.script('nmcli', NMCLI('echo dialling; exec sleep 1000'))
    const failing = failure(modem(bed).dial())
    await bed.hears('dialling')
    // It is asked again only when the first answer has been understood.
    await bed.untilMoved(() => bed.debugged.filter((line) => line.includes('prepare')).length === 2, 'what the modem does, twice')
    await bed.clock.advanceAsync(60_000)
    expect(await bed.moved(failing)).toBe(
      'the line was not up within 60 s: waited for NetworkManager to bring up LTE at home, cdc-wdm0 is connecting (prepare) (it said: dialling); see whether the other end answers, or set a longer dial.timeout',
    )
  })

  test('nmcli that hangs is ended', async () => {
    await using bed = await DialBed.make()
    await bed.script('nmcli', NMCLI('echo dialling; trap "" TERM; while :; do sleep 1; done'))
    const failing = failure(modem(bed).dial())
    await bed.hears('dialling')
    await bed.clock.advanceAsync(60_000)
    await bed.clock.advanceAsync(15_000)
    expect(await bed.moved(failing)).toMatch(/^the line was not up within 60 s: waited for NetworkManager to bring up LTE at home/)
  })
})
