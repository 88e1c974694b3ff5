// The installed service under a real systemd with a real kernel, in a virtual machine that starts from the Debian tree it was installed into: it may do
// what it needs (GPIO, serial ports, dialling), runs as nobody special, and is started anew when it is killed or hangs.
import { spawn } from 'node:child_process'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endWithUs } from '../support/orphans.ts'
import { prepareVm, vmFolder } from '../vm/run.ts'
import { buildDeb, DebianRoot, run, whyNot } from './root.ts'

const why = whyNot() ?? (await prepareVm())
const MS_MAX = 900_000
const READING_MS = 500

let folder: string
let scenes: ReadonlyMap<string, string>
let output = ''

beforeAll(async () => {
  if (why !== null) return
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-service-'))
  await using root = await DebianRoot.make()
  expect((await buildDeb(folder)).code).toBe(0)
  await run('sh', ['-c', `cp ${folder}/*.deb ${root.folder}/srv/sandpiper.deb`])
  expect((await root.sh('dpkg --install /srv/sandpiper.deb && rm /srv/sandpiper.deb')).code).toBe(0)
  await copyFile(join(import.meta.dirname, 'scene.sh'), join(root.folder, 'usr/local/bin/scene'))
  const unit = '[Unit]\nAfter=multi-user.target\n[Service]\nExecStart=/usr/local/bin/scene\n[Install]\nWantedBy=graphical.target\n'
  await root.sh(`printf '${unit.replaceAll('\n', '\\n')}' > /etc/systemd/system/scene.service; systemctl enable scene; systemctl set-default graphical.target; ln -s usr/lib/systemd/systemd /init
    systemctl mask systemd-timesyncd systemd-networkd serial-getty@ttyS0 getty@tty1 apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap dpkg-db-backup.timer
    rm -rf /var/cache/apt /var/lib/apt/lists /usr/share/doc /usr/share/zoneinfo /usr/share/perl /usr/lib/x86_64-linux-gnu/perl* /usr/lib/x86_64-linux-gnu/gconv /usr/share/i18n`)
  // Modules of the machine's kernel, from its own archive.
  await run('sh', ['-c', `cd ${root.folder} && cpio --extract --make-directories --quiet 'usr/lib/modules/*' < ${vmFolder()}/initrd`])
  const initrd = join(folder, 'initrd')
  expect((await run('sh', ['-c', `cd ${root.folder} && find . | cpio --create --format=newc --quiet > ${initrd}`])).code).toBe(0)
  output = await boot(initrd)
  scenes = new Map([...output.matchAll(/^scene (\S+) ?(.*?)\r?$/gm)].map(([, name, value]) => [name!, value!] as const))
}, MS_MAX)

afterAll(async () => {
  if (why === null) await rm(folder, { recursive: true, force: true })
})

/** Runs the machine to its end; at its second serial port a sensor speaks all the time. */
async function boot(initrd: string): Promise<string> {
  const vm = vmFolder()
  const wire = join(folder, 'serial.sock')
  const args = [
    ['--library-path', join(vm, 'qemu/lib'), join(vm, 'qemu/qemu-system-x86_64'), '-L', join(vm, 'qemu/share')],
    ['-M', 'q35', '-accel', 'tcg', '-cpu', 'max', '-smp', '1', '-m', '1536', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ['-serial', 'stdio', '-chardev', `socket,id=wire,path=${wire},server=on,wait=off`, '-serial', 'chardev:wire'],
    ['-kernel', join(vm, 'kernel'), '-initrd', initrd, '-append', 'console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off cryptomgr.notests systemd.show_status=0'],
  ]
  const child = endWithUs(spawn(join(vm, 'qemu/ld.so'), args.flat(), { env: { QEMU_MODULE_DIR: join(vm, 'qemu/modules') }, stdio: ['ignore', 'pipe', 'inherit'] }))
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more))
  const speaking = setInterval(() => {
    const socket = connect(wire, () => socket.end('21.5\n'))
    socket.on('error', () => {})
  }, READING_MS)
  const timer = setTimeout(() => child.kill('SIGKILL'), MS_MAX - 200_000)
  await new Promise((resolve) => void child.once('close', resolve))
  clearInterval(speaking)
  clearTimeout(timer)
  return text
}

describe.skipIf(why !== null)(`the service${why === null ? '' : ` (skipped: ${why})`}`, () => {
  test('came to its end', () => {
    expect(scenes.get('end'), output.slice(-5000)).toBe('1')
  })

  test('is active and ready, as a user without any right', () => {
    expect(scenes.get('active')).toBe('active')
    expect(scenes.get('status')).toContain('site scene')
    expect(scenes.get('rights')).toMatch(/^Uid=[1-9]\d*,.* CapEff=0+ CapBnd=0+ NoNewPrivs=1 Seccomp=2/)
  })

  test('has the devices that it needs', () => {
    expect(scenes.get('devices')).toBe('root:gpio 660 root:dialout 660')
    expect(scenes.get('serial')).toContain('21.5')
    expect(scenes.get('relay')).toBe('1')
  })

  test('killed, it comes back with what it had acknowledged, and its outputs have not moved', () => {
    expect(scenes.get('relay-while-away')).toBe('1')
    expect(scenes.get('relay-after-kill')).toBe('1')
    expect(scenes.get('kept')).toBe('kept')
    expect(scenes.get('restarts-after-kill')).toBe('1')
  })

  test('takes a configuration from afar, which gets into a file that is not its own', () => {
    expect(scenes.get('configured')).toBe('It is in force, and the file says so.')
    expect(scenes.get('configured-file')).toBe('site: tried, root:sandpiper 640')
    expect(scenes.get('configured-status')).toContain('site tried')
    expect(scenes.get('configured-relay')).toBe('1')
  })

  test('gives signs of life, and without them it is started anew', () => {
    expect(scenes.get('alive')).toBe('0')
    expect(Number(scenes.get('watchdog'))).toBeGreaterThan(0)
    expect(scenes.get('after-watchdog')).toBe('active')
  })

  test('dials through the agent, and hangs up', () => {
    expect(scenes.get('dialled')).toBe('1')
    expect(scenes.get('dialler')).toBe('root')
    expect(scenes.get('hung-up')).toBe('0')
  })

  test('leaves no unit behind that has failed', () => {
    expect(scenes.get('failed')).toBe('')
  })
})
