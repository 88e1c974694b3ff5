// Damaged configurations (mutations.ts) on the image, hundreds of them: one after the other is laid on the card, the machine starts its system anew,
// and the broker has to answer.
//
// The image is not changed. A unit that does it comes with the machine (systemd takes units from the firmware or the kernel's command line,
// systemd.system-credentials(7)), the files on a second disk. Between two files the whole user space is started anew by `systemctl soft-reboot`: all units from the mounts on, without the
// seconds of firmware and kernel, which have not read the file. Every second file finds a gateway that has never had a good one.
import { execFile } from 'node:child_process'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { until } from '../support/until.ts'
import { BOOT_MS_MAX, Machine } from './machine.ts'
import { damagedFiles } from './mutations.ts'

const STEP_MS_MAX = 300_000
const ANSWER_SEC_MAX = 120

/** Says how the file of the last round did, lays the next one on the card, and starts again. */
const STEP = `
say() { echo "mutated: $*" > /dev/console; }
here=/run/mutated
round=$(cat /run/mutated-round 2>/dev/null || echo -1)
if [ "$round" -ge 0 ]; then
  second=0
  while :; do
    /usr/bin/sandpiper card --card /boot/gateway --state /var/lib/sandpiper --dry-run > /run/mutated-status 2>&1
    broker=$(grep -m1 '^BROKER' /run/mutated-status)
    case $broker in *' answers at '*) break ;; esac
    [ $second -lt ${ANSWER_SEC_MAX} ] || break
    second=$((second + 5))
    sleep 5
  done
  say "$round $(systemctl is-active sandpiper.service) / $(grep -m1 -i '^GATEWAY.YAML' /run/mutated-status) / $broker"
fi
round=$((round + 1))
echo $round > /run/mutated-round
[ -e $here/$round.how ] || { say done; systemctl poweroff; exit; }
mount -o remount,rw /boot/gateway
rm -rf /boot/gateway/gateway.yaml
if [ -e $here/$round.file ]; then cp $here/$round.file /boot/gateway/gateway.yaml; fi
if [ -e $here/$round.folder ]; then mkdir /boot/gateway/gateway.yaml; fi
mount -o remount,ro /boot/gateway
[ $((round % 2)) -eq 1 ] || rm -f /var/lib/sandpiper/last-good.yaml
systemctl soft-reboot
`

type MutatedModel = 'pc' | 'user-mode'

const unit = (disk: string): string => `[Unit]
After=multi-user.target sandpiper.service sandpiper-apply.service
[Service]
Type=simple
ExecStartPre=/bin/mkdir -p /run/mutated
ExecStartPre=/bin/sh -c 'mountpoint -q /run/mutated || mount -o ro ${disk} /run/mutated'
ExecStart=/bin/sh /run/mutated/step
`

export interface MutatedReport {
  readonly count: number
  /** Rounds after which the broker did not answer, with what was done to the file. */
  readonly silent: readonly string[]
  /** How often a file was taken, refused, … */
  readonly verdicts: ReadonlyMap<string, number>
  readonly ms: number
}

export async function startMutated(options: { readonly image: string; readonly model: MutatedModel; readonly count: number; readonly seed: number; readonly print: (line: string) => void; readonly isEnough?: () => boolean }): Promise<MutatedReport> {
  const began = performance.now()
  const folder = await mkdtemp(join(tmpdir(), 'sandpiper-mutated-'))
  try {
    const files = [...damagedFiles(options.seed, options.count)]
    const tree = join(folder, 'tree')
    await mkdir(tree)
    await writeFile(join(tree, 'step'), STEP)
    for (const [n, file] of files.entries()) {
      await writeFile(join(tree, `${n}.how`), file.how)
      if (file.kind === 'file') await writeFile(join(tree, `${n}.file`), file.bytes)
      if (file.kind === 'folder') await writeFile(join(tree, `${n}.folder`), '')
    }
    const disk = join(folder, 'files.img')
    await promisify(execFile)('mke2fs', ['-q', '-t', 'ext4', '-m', '0', '-d', tree, disk, '256M'])
    const { model } = options
    await using machine = await Machine.flash(options.image, { model, args: wordsFor(model, disk) })
    await machine.start()
    let started = 0
    const silent: string[] = []
    const verdicts = new Map<string, number>()
    for (const [n, file] of files.entries()) {
      const line = await until(() => new RegExp(`^mutated: ${n} (.*)\\n`, 'm').exec(machine.serial)?.[1], `number ${n}:\n`, n === 0 ? 2 * BOOT_MS_MAX : STEP_MS_MAX).catch(() => null)
      if (line === null) {
        silent.push(`${n}: ${file.how}: the machine did not come so far:\n${machine.serial.slice(-3000)}`)
        break
      }
      const [active, verdict, broker] = line.split(' / ') as [string, string, string]
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
      if (!/ answers at /.test(broker)) silent.push(`${n}: ${file.how}: ${active}, ${verdict}, ${broker}`)
      options.print(`${n}: ${file.how}: ${line}`)
      started++
      if (options.isEnough?.() === true) break
    }
    return { count: started, silent, verdicts, ms: performance.now() - began }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The disk with the files, and the unit that lays them out. */
function wordsFor(model: MutatedModel, disk: string): string[] {
  const isUser = model === 'user-mode'
  const credentials = [
    ['systemd.extra-unit.mutated.service', unit(isUser ? '/dev/ubdb' : '/dev/vdb')],
    ['systemd.unit-dropin.multi-user.target', '[Unit]\nWants=mutated.service\n'],
  ].map(([name, value]) => [name, Buffer.from(value!).toString('base64')])
  return isUser
    ? [`ubd1=${disk}`, ...credentials.map(([name, value]) => `systemd.set_credential_binary=${name}:${value}`)]
    : ['-drive', `if=none,id=files,format=raw,file=${disk}`, '-device', 'virtio-blk-pci,drive=files', ...credentials.flatMap(([name, value]) => ['-smbios', `type=11,value=io.systemd.credential.binary:${name}=${value}`])]
}
