// Many gateways from a table: with a real openssl, a real FAT partition in an image, and the checks of `sandpiper check`.
import { execFileSync, spawnSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkText } from '../../src/config/load.ts'
import { writeCard } from '../../scripts/provisioning/card.ts'
import { provision } from '../../scripts/provisioning/main.ts'
import { fill } from '../../scripts/provisioning/template.ts'
import { readTable } from '../../scripts/provisioning/table.ts'

const TEMPLATE = `# {{site}}: made from the table
site: {{site}}
broker: { listeners: [{ port: 1883, host: 127.0.0.1 }] }
access: { users: [{ name: device, password: {{ device.password }} }] }   # each its own
uplinks:
  - name: cloud
    url: mqtts://broker.example.com:8883
    username: {{site}}
    password: {{password}}
    tls: { ca: ca.pem, cert: device.pem, key: device.key }
    routes: [{ out: "#", as: "sites/{{site}}/#" }]
`
const TABLE = `site,password,device.password
well-01,"a ""quoted"", one",x
well-02,"# no: comment, {no} [flow]",'y'
`

let folder: string
let said: string

const at = (...names: string[]): string => join(folder, ...names)

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-provision-'))
  said = ''
  await writeFile(at('template.yaml'), TEMPLATE)
  await writeFile(at('sites.csv'), TABLE)
})

afterEach(() => rm(folder, { recursive: true, force: true }))

function run(...words: string[]): number {
  return provision(words, (text) => (said += text))
}

function withAuthority(...words: string[]): number {
  if (!existsSync(at('ca.key'))) expect(run('--make-ca', 'Example devices', '--ca-cert', at('ca.pem'), '--ca-key', at('ca.key'))).toBe(0)
  return run(at('sites.csv'), '--template', at('template.yaml'), '--out', at('out'), '--ca-cert', at('ca.pem'), '--ca-key', at('ca.key'), ...words)
}

async function certificateOf(site: string): Promise<X509Certificate> {
  return new X509Certificate(await readFile(at('out', site, 'device.pem')))
}

describe('a table and a template', () => {
  test('make a folder for each gateway, with a key and certificate of its own', async () => {
    expect([withAuthority(), said]).toEqual([0, expect.stringContaining('2 of 2 gateways')])
    const authority = new X509Certificate(await readFile(at('ca.pem')))
    const serials = new Set<string>()
    for (const site of ['well-01', 'well-02']) {
      const certificate = await certificateOf(site)
      serials.add(certificate.serialNumber)
      expect([certificate.subject, certificate.verify(authority.publicKey), certificate.checkIssued(authority), certificate.ca]).toEqual([`CN=${site}`, true, true, false])
      expect(certificate.checkPrivateKey(createPrivateKey(await readFile(at('out', site, 'device.key'))))).toBe(true)
      expect([((await stat(at('out', site, 'device.key'))).mode & 0o777).toString(8), ((await stat(at('out', site))).mode & 0o777).toString(8)]).toEqual(['600', '700'])
    }
    expect(serials.size).toBe(2)
    const yaml = await readFile(at('out/well-02/gateway.yaml'), 'utf8')
    const checked = checkText(yaml, at('out/well-02/gateway.yaml'))
    if ('problems' in checked) throw new Error(JSON.stringify(checked.problems))
    expect(checked.config.uplinks[0]).toMatchObject({ username: 'well-02', password: Buffer.from('# no: comment, {no} [flow]'), tlsOptions: { identity: { cert: expect.any(Buffer) as Buffer } } })
    expect(yaml.split('\n')[0]).toBe('# well-02: made from the table')
    const issued = await readFile(at('out/issued.csv'), 'utf8')
    expect(issued.trim().split('\n').map((line) => line.split(',')[0])).toEqual(['site', 'well-01', 'well-02'])
  })

  test('openssl takes the certificates for what they are', () => {
    expect(withAuthority()).toBe(0)
    expect(execFileSync('openssl', ['verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', at('ca.pem'), at('out/well-01/device.pem')], { encoding: 'utf8' })).toContain(': OK')
  })

  test('a second run keeps the keys that are there, --renew does not', async () => {
    withAuthority()
    const first = await certificateOf('well-01')
    await writeFile(at('sites.csv'), `${TABLE}well-03,p,q\n`)
    expect(withAuthority()).toBe(0)
    expect((await certificateOf('well-01')).serialNumber).toBe(first.serialNumber)
    expect(await certificateOf('well-03')).toBeDefined()
    expect(withAuthority('--renew', '--only', 'well-01')).toBe(0)
    expect((await certificateOf('well-01')).serialNumber).not.toBe(first.serialNumber)
  })

  test('a key that was half written is made again', async () => {
    withAuthority()
    await writeFile(at('out/well-01/device.key'), '-----BEGIN')
    expect(withAuthority()).toBe(0)
    expect((await certificateOf('well-01')).checkPrivateKey(createPrivateKey(await readFile(at('out/well-01/device.key'))))).toBe(true)
  })

  test('certificates that are there already are taken, if they fit their keys', async () => {
    withAuthority()
    await writeFile(at('sites.csv'), `site,password,device.password,certificate,key\nwell-09,p,q,out/well-01/device.pem,out/well-01/device.key\n`)
    expect(withAuthority()).toBe(0)
    expect((await certificateOf('well-09')).subject).toBe('CN=well-01')
    await writeFile(at('sites.csv'), `site,password,device.password,certificate,key\nwell-09,p,q,out/well-01/device.pem,out/well-02/device.key\n`)
    expect([withAuthority(), said]).toEqual([1, expect.stringContaining('is not the key of')])
  })

  test('a key with a passphrase is asked for it by its variable', async () => {
    withAuthority()
    execFileSync('openssl', ['ec', '-aes256', '-passout', 'pass:secret', '-in', at('ca.key'), '-out', at('locked.key')], { stdio: 'ignore' })
    await rm(at('ca.key'))
    await writeFile(at('ca.key'), await readFile(at('locked.key')))
    process.env['PROVISION_CA_PASSPHRASE'] = 'secret'
    try {
      expect(withAuthority('--renew')).toBe(0)
    } finally {
      delete process.env['PROVISION_CA_PASSPHRASE']
    }
  })
})

describe('nothing is written when', () => {
  test.each([
    ['a value makes a wrong file', 'site,password,device.password\nwell/01,p,q\n', /line 2 of the table makes a wrong gateway.yaml[^]*letters, digits/],
    ['a site is there twice', 'site,password,device.password\na,p,q\nA,p,q\n', /line 3: the site "A" is that of line 2 too/],
    ['a line has too few values', 'site,password,device.password\na,p\n', /line 2: has 2 values for 3 columns/],
    ['a column is missing', 'site,password\na,p\n', /asks for \{\{device.password\}\}, and the table has site, password/],
    ['there is no column site', 'name,password,device.password\na,p,q\n', /one of them has to be `site`/],
    ['a quote is not closed', 'site,password,device.password\na,"p,q\n', /the table is no CSV/],
    ['the table is empty', '', /has to name its columns/],
    ['the table has a head only', 'site,password,device.password\n', /has no gateways/],
  ])('%s', async (_, table, sentence) => {
    await writeFile(at('sites.csv'), table)
    expect([withAuthority(), existsSync(at('out'))]).toEqual([1, false])
    expect(said).toMatch(sentence)
  })

  test('the authority ends before its certificates, or has another key', async () => {
    expect([withAuthority('--days', '9000'), said]).toEqual([1, expect.stringContaining('before certificates of 9000 days')])
    execFileSync('openssl', ['ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', at('ca.key')])
    expect([withAuthority(), said]).toEqual([1, expect.stringContaining('is not the key of')])
    expect(existsSync(at('out'))).toBe(false)
  })

  test('the image is none, or there is no such card', async () => {
    await writeFile(at('no.img'), Buffer.alloc(4096))
    expect([withAuthority('--image', at('no.img')), said]).toEqual([1, expect.stringContaining('is not the image of a gateway')])
    expect(withAuthority('--card', '/dev/null', '--only', 'well-01')).toBe(1)
    expect(said).toContain('--card needs --image')
  })
})

describe('a value', () => {
  const row = (values: Readonly<Record<string, string>>) => ({ site: 's', line: 2, values: new Map(Object.entries(values)) })

  test.each(['plain', '', 'a: b', '- x', '"', "'", '\\', '{{site}}', '&anchor', '*alias', '!tag', '%', '@', '`', 'yes', '0x10', '~', 'é\u2028\u0085', '\t', '\u{1F600}', 'a #b'])('%j comes out as it went in', (value) => {
    const yaml = fill('site: s\nuplinks: [{ name: c, url: "mqtt://h", password: {{p}}, routes: [{ out: "#" }] }]\n', row({ p: value === '' ? ' ' : value }))
    const checked = checkText(yaml, at('gateway.yaml'))
    if ('problems' in checked) throw new Error(JSON.stringify(checked.problems))
    expect(checked.config.uplinks[0]!.password?.toString()).toBe(value === '' ? ' ' : value)
  })

  test('inside other text may have nothing that means something there', () => {
    expect(fill('topic: "a/{{p}}/b"', row({ p: 'well-1' }))).toBe('topic: "a/well-1/b"')
    expect(() => fill('topic: "a/{{p}}/b"', row({ p: 'x"\nsite: y' }))).toThrow(/line 2 of the table: "p" of s has characters/)
    expect(() => fill('topic: a{{p}}', row({ p: ': b' }))).toThrow(/let \{\{p\}\} be the whole value/)
  })
})

test.each([[';'], ['\t'], [',']])('a table with %j between its values, from a spreadsheet', (delimiter) => {
  const { rows } = readTable(`\uFEFFsite${delimiter}name\r\na${delimiter}"b${delimiter}c"\r\n\r\n# none\r\n`)
  expect(rows).toEqual([{ site: 'a', line: 2, values: new Map([['site', 'a'], ['name', `b${delimiter}c`]]) }])
})

const TOOLS = ['/usr/bin/mcopy', '/usr/sbin/mkfs.vfat']
/** Without rights, or in a container, there are no loop devices. */
const noLoop = process.getuid?.() !== 0 ? 'loop devices are root\'s' : spawnSync('losetup', ['--find']).status === 0 ? null : 'this machine has no loop devices'
const missing = TOOLS.find((tool) => !existsSync(tool))

describe.skipIf(missing !== undefined)(`an image${missing === undefined ? '' : ` (skipped: ${missing} is not there)`}`, () => {
  const MIB = 1024 * 1024

  beforeEach(async () => {
    await truncate(at('sites.csv')).then(() => writeFile(at('sites.csv'), TABLE))
    execFileSync('/usr/sbin/mkfs.vfat', ['-F', '32', '-n', 'GATEWAY', '-C', at('fat'), `${40 * 1024}`])
    const head = Buffer.alloc(MIB)
    head[450] = 0x0c
    head.writeUInt32LE(MIB / 512, 454)
    head.writeUInt16LE(0xaa55, 510)
    await writeFile(at('card.img'), Buffer.concat([head, await readFile(at('fat'))]))
    execFileSync('xz', ['-1', '-k', at('card.img')])
  })

  const onCard = (image: string, name: string): Buffer => execFileSync('mcopy', ['-i', `${image}@@1M`, `::/${name}`, '-'], { env: { ...process.env, MTOOLS_SKIP_CHECK: '1' } })

  test.each(['card.img', 'card.img.xz'])('of %s becomes one for each gateway', async (name) => {
    await writeFile(at('cloud.pem'), 'x')
    expect([withAuthority('--image', at(name), '--put', at('cloud.pem')), said]).toEqual([0, expect.stringContaining('2 of 2 gateways')])
    for (const site of ['well-01', 'well-02']) {
      for (const file of ['gateway.yaml', 'device.key', 'device.pem', 'ca.pem', 'cloud.pem']) expect(onCard(at('out', `${site}.img`), file)).toEqual(await readFile(at('out', site, file)))
    }
    expect((await readdir(at('out'))).sort()).toEqual(['issued.csv', 'well-01', 'well-01.img', 'well-02', 'well-02.img'])
  })

  test('is not written over a file', () => {
    expect([withAuthority('--image', at('card.img'), '--only', 'well-01', '--card', at('card.img')), said]).toEqual([1, expect.stringContaining('is not a card')])
  })

  describe.skipIf(noLoop !== null)(`and a disk${noLoop === null ? '' : ` (skipped: ${noLoop})`}`, () => {
    let device: string

    beforeEach(async () => {
      await writeFile(at('disk'), Buffer.alloc(48 * MIB, 0xff))
      device = execFileSync('losetup', ['--find', '--show', at('disk')], { encoding: 'utf8' }).trim()
    })
    afterEach(() => void execFileSync('losetup', ['--detach', device]))

    test('that is built in: nothing is written', async () => {
      expect([withAuthority('--image', at('card.img'), '--only', 'well-01', '--card', device), said]).toEqual([1, expect.stringContaining(`${device} is built in`)])
      expect((await readFile(at('disk'))).every((byte) => byte === 0xff)).toBe(true)
    })

    test('that takes it: written, read back, and not a byte behind it', async () => {
      const shares: number[] = []
      writeCard(at('card.img'), device, (share) => shares.push(share))
      const image = await readFile(at('card.img'))
      const written = await readFile(at('disk'))
      expect(written.subarray(0, image.length).equals(image)).toBe(true)
      expect(written.subarray(image.length).every((byte) => byte === 0xff)).toBe(true)
      expect([shares[0], shares.at(-1), shares.every((share, i) => i === 0 || share >= shares[i - 1]!)]).toEqual([0, 1, true])
    })

    test('that is smaller than it: a sentence', async () => {
      await truncate(at('disk'), MIB)
      execFileSync('losetup', ['--set-capacity', device])
      expect(() => writeCard(at('card.img'), device, () => {})).toThrow(/cannot be written or read \(ENOSPC\): try another card/)
    })
  })
})
