// The package's life in a plain Debian 12 and 13: installed, upgraded, removed, purged both ways. And the same bytes from the same source.
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { archive, buildDeb, DebianRoot, PROJECT, type Release, RELEASES, run, whyNot } from './root.ts'

const why = whyNot()
const BUILD_MS_MAX = 600_000

let folder: string
let deb: string

beforeAll(async () => {
  if (why !== null) return
  for (const release of RELEASES) await archive(release)
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-deb-'))
  const built = await buildDeb(folder)
  expect(built.output).toContain('/usr/lib/sandpiper/sandpiper.mjs')
  expect(built.code).toBe(0)
  const { version } = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8')) as { version: string }
  deb = `sandpiper_${version}_amd64.deb`
}, BUILD_MS_MAX)

afterAll(async () => {
  if (why === null) await rm(folder, { recursive: true, force: true })
})

async function installed(release: Release): Promise<DebianRoot> {
  const root = await DebianRoot.make(release)
  await copyFile(join(folder, deb), join(root.folder, 'srv', deb))
  const { code, output } = await root.sh(`dpkg --install /srv/${deb}`)
  expect(output).toContain('Setting up sandpiper')
  expect(code).toBe(0)
  return root
}

describe.skipIf(why !== null)(`the package${why === null ? '' : ` (skipped: ${why})`}`, () => {
  test('is the same, byte by byte, when it is built again', { timeout: BUILD_MS_MAX }, async () => {
    const again = await mkdtemp(join(tmpdir(), 'sandpiper-deb-'))
    expect((await buildDeb(again)).code).toBe(0)
    const sums = await run('sha256sum', [join(folder, deb), join(again, deb)])
    const [first, second] = sums.output.trim().split('\n').map((line) => line.split(' ')[0])
    expect(second).toBe(first)
    await rm(again, { recursive: true })
  })

  test('has nothing that lintian calls an error', { timeout: 120_000 }, async () => {
    const { code, output } = await run('lintian', ['--allow-root', '--fail-on', 'error', '--suppress-tags', 'uses-no-compression-for-control-tarball,uses-no-compression-for-data-tarball', join(folder, deb)])
    expect(output.split('\n').filter((line) => line.startsWith('E:'))).toEqual([])
    expect(code).toBe(0)
  })
})

describe.skipIf(why !== null).each(RELEASES)(`in a plain %s${why === null ? '' : ` (skipped: ${why})`}`, (release) => {
  test('runs where it is installed, compiled before, as a user of its own', { timeout: 120_000 }, async () => {
    await using root = await installed(release)
    expect((await root.sh('sandpiper --version && sandpiper check /etc/sandpiper/gateway.yaml')).output).toMatch(/sandpiper \d.*\n.* is good/)
    const { output } = await root.sh('id sandpiper; stat -c "%U:%G %a %n" /etc/sandpiper /etc/sandpiper/gateway.yaml; ls /usr/lib/sandpiper/cache; systemctl is-enabled sandpiper.service sandpiper-dial.socket sandpiper-configure.path 2>/dev/null')
    expect(output).toMatch(/groups=.*\(sandpiper\),.*\(dialout\)/)
    expect(output).toContain('(gpio)')
    expect(output).toContain('root:sandpiper 750 /etc/sandpiper\n')
    expect(output).toContain('root:sandpiper 640 /etc/sandpiper/gateway.yaml\n')
    expect(output).toMatch(/^v\d.*-0$/m)
    expect(output).toMatch(/enabled\nenabled\nenabled\n$/)
    // What bash-completion would load.
    expect((await root.sh("bash -c 'source /usr/share/bash-completion/completions/sandpiper && complete -p sandpiper'")).output).toBe('complete -F _sandpiper sandpiper\n')
    // Neither user could tell Node to run something else.
    expect((await root.sh('find /usr/lib/sandpiper ! -user root -o -perm /022 ! -type l')).output).toBe('')
    // What has been compiled is used, by the service's user too: V8 refuses what is not its own, and Node says so.
    const debug = `NODE_DEBUG_NATIVE=COMPILE_CACHE setpriv --reuid=sandpiper --regid=sandpiper --clear-groups sandpiper --version 2>&1`
    expect((await root.sh(debug)).output).toMatch(/sandpiper\.mjs was accepted/)
  })

  test('an upgrade keeps the configuration, what is stored, and what was switched off', { timeout: 120_000 }, async () => {
    await using root = await installed(release)
    await root.sh('sed -i s/my-site/well-07/ /etc/sandpiper/gateway.yaml; install -d -o sandpiper -g sandpiper /var/lib/sandpiper; echo kept > /var/lib/sandpiper/store.db; systemctl disable sandpiper.service')
    expect((await root.sh(`dpkg --install /srv/${deb}`)).code).toBe(0)
    expect((await root.sh('cat /etc/sandpiper/gateway.yaml /var/lib/sandpiper/store.db')).output).toMatch(/site: well-07[\s\S]*kept/)
    expect((await root.sh('systemctl is-enabled sandpiper.service 2>/dev/null')).output).toBe('disabled\n')
    expect((await root.sh('sandpiper --version')).code).toBe(0)
  })

  test('removed, it leaves the configuration and what is stored; a purge without an answer leaves what is stored', { timeout: 120_000 }, async () => {
    await using root = await installed(release)
    await root.sh('install -d -o sandpiper -g sandpiper /var/lib/sandpiper; echo kept > /var/lib/sandpiper/store.db')
    expect((await root.sh('dpkg --remove sandpiper')).code).toBe(0)
    expect((await root.sh('ls /usr/lib/sandpiper /usr/bin/sandpiper')).code).not.toBe(0)
    expect((await root.sh('cat /var/lib/sandpiper/store.db; test -e /etc/sandpiper/gateway.yaml')).code).toBe(0)
    const { code, output } = await root.sh('dpkg --purge sandpiper')
    expect(code).toBe(0)
    expect(output).toContain('/var/lib/sandpiper is kept')
    expect((await root.sh('cat /var/lib/sandpiper/store.db; test ! -e /etc/sandpiper; id sandpiper')).code).toBe(0)
  })

  test('a purge that is told to takes everything, and the user', { timeout: 120_000 }, async () => {
    await using root = await installed(release)
    await root.sh('install -d -o sandpiper -g sandpiper /var/lib/sandpiper; echo gone > /var/lib/sandpiper/store.db')
    await root.sh('echo "sandpiper sandpiper/purge-data boolean true" | debconf-set-selections')
    expect((await root.sh('dpkg --purge sandpiper')).code).toBe(0)
    expect((await root.sh('ls /var/lib/sandpiper /etc/sandpiper /usr/lib/sandpiper 2>/dev/null; id sandpiper')).output).toMatch(/^id: .*no such user/)
    expect((await root.sh('find /etc/systemd /var/lib/systemd -name "sandpiper*"')).output).toBe('')
  })
})
