// scripts/provision: from a table of gateways to their cards.
//
//   table + template ─► a gateway.yaml each, checked ─► a key and certificate each ─► OUT/SITE/ ─► OUT/SITE.img, or a card
//
// Nothing is written before every line of the table has been checked as `sandpiper check` would. A second run goes on where the first has
// stopped: keys and certificates that are there and still good stay.
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { checkText, loadConfig } from '../../src/config/load.ts'
import { reportProblems } from '../../src/config/report.ts'
import { checkCard, gatewayPartition, putFiles, unpackImage, writeCard } from './card.ts'
import { type Authority, checkAuthority, checkPair, issue, makeAuthority } from './certificate.ts'
import { columnsOf, fill } from './template.ts'
import { ProvisionError, readTable, type Row, type Table } from './table.ts'

const HELP = `scripts/provision TABLE.csv --template gateway.yaml --out DIR [options]
scripts/provision --make-ca "NAME" --ca-cert ca.pem --ca-key ca.key

  TABLE.csv             one line for each gateway; the first line names the columns, one of them is "site"
  --template FILE       gateway.yaml with {{column}} where the table's values go
  --out DIR             gets a folder for each site with what belongs on the first partition of its card, and issued.csv
  --image FILE          image of a gateway (.img, .img.xz, .img.zst): DIR gets SITE.img for each site too
  --card DEVICE         writes the image to this card instead (with --image and one --only), and reads it back
  --only SITE           only this gateway; may be given several times
  --ca-cert, --ca-key   your authority: each gateway gets device.key and device.pem, signed by it, and ca.pem
                        (PROVISION_CA_PASSPHRASE is its passphrase, if it has one)
  --days N              for which they are good (default 3650)
  --renew               new keys and certificates, also where there are good ones
  --put FILE            puts this file on every card too, for example the certificate of your broker's authority; may be given several times
  columns "certificate" and "key" name files that you have already, in place of new ones
`

interface Words {
  readonly table: string
  readonly template: string
  readonly out: string
  readonly image: string | null
  readonly card: string | null
  readonly only: readonly string[]
  readonly authority: Authority | null
  readonly days: number
  readonly renew: boolean
  readonly put: readonly string[]
}

const FILES = { config: 'gateway.yaml', key: 'device.key', certificate: 'device.pem', authority: 'ca.pem' } as const
const YEARS_50 = 18_250

/** Exit code: 0 when every gateway that was asked for is there. */
export function provision(argv: readonly string[], say: (text: string) => void): number {
  try {
    const { values, positionals } = parsed(argv)
    if (values.help === true) say(HELP)
    else if (values['make-ca'] !== undefined) makeCa(values['make-ca'], authorityOf(values), say)
    else run(wordsOf(values, positionals), say)
    return 0
  } catch (error) {
    if (!(error instanceof ProvisionError)) throw error
    say(`provision: ${error.message}\n`)
    return 1
  }
}

function run(words: Words, say: (text: string) => void): void {
  const table = readTable(readText(words.table))
  const template = readText(words.template)
  const rows = chosen(table, words.only)
  const isUsed = columnsOf(template, table)
  for (const column of table.columns) if (!isUsed.has(column) && !['site', 'certificate', 'key'].includes(column)) say(`the column "${column}" is used nowhere in ${words.template}\n`)
  const texts = rows.map((row) => fill(template, row))
  checkAll(rows, texts, words)
  if (words.authority !== null) checkAuthority(words.authority, words.days)
  const base = words.image === null ? null : baseImage(words.image, words.out)
  try {
    if (words.card !== null) checkCard(words.card, statSync(base!.file).size)
    rows.forEach((row, i) => {
      const folder = makeFolder(row, texts[i]!, words)
      if (base !== null) toImage(row, folder, base, words, say)
      say(`${row.site}: ${words.card ?? (base === null ? folder : join(words.out, `${row.site}.img`))}\n`)
    })
  } finally {
    if (base !== null) rmSync(base.file, { force: true })
  }
  say(`${rows.length} of ${table.rows.length} gateways\n`)
}

/** As `sandpiper check` would; secrets and keys that will lie beside the file are not there yet. */
function checkAll(rows: readonly Row[], texts: readonly string[], words: Words): void {
  const wrong: string[] = []
  rows.forEach((row, i) => {
    const name = join(words.out, row.site, FILES.config)
    const result = checkText(texts[i]!, name, { secrets: 'optional' })
    if ('problems' in result) wrong.push(`line ${row.line} of the table makes a wrong gateway.yaml for ${row.site || '?'}:\n${reportProblems(result.problems, { fileName: FILES.config, text: result.text })}`)
    else if (result.config.site !== row.site) wrong.push(`line ${row.line} of the table: the gateway.yaml is for the site "${result.config.site}": write \`site: {{site}}\` in the template`)
  })
  if (wrong.length > 0) throw new ProvisionError(`${wrong.slice(0, 10).join('\n\n')}${wrong.length > 10 ? `\n\nand ${wrong.length - 10} more` : ''}\nNothing was written.`)
}

/** What belongs on the first partition of a card. Only its owner may read it: it has the key. */
function makeFolder(row: Row, text: string, words: Words): string {
  const folder = join(words.out, row.site)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  const file = (name: string): string => join(folder, name)
  write(file(FILES.config), text)
  for (const from of words.put) copyFileSync(from, file(basename(from)))
  const own = { certificate: row.values.get('certificate') ?? '', key: row.values.get('key') ?? '' }
  if (own.certificate !== '' || own.key !== '') {
    if (own.certificate === '' || own.key === '') throw new ProvisionError(`line ${row.line} of the table: certificate and key belong together`)
    const beside = (name: string): string => resolve(dirname(words.table), name)
    checkPair(beside(own.certificate), beside(own.key))
    write(file(FILES.certificate), readText(beside(own.certificate)))
    write(file(FILES.key), readText(beside(own.key)))
  } else if (words.authority !== null && (words.renew || !isGood(file))) {
    const { key, certificate } = issue(words.authority, row.site, words.days)
    write(file(FILES.key), key)
    write(file(FILES.certificate), certificate)
    register(words.out, row.site, checkPair(file(FILES.certificate), file(FILES.key)))
  }
  if (words.authority !== null) copyFileSync(words.authority.certificateFile, file(FILES.authority))
  // Now with its files: what is missing would be missing on the roof.
  const result = loadConfig(file(FILES.config))
  if ('problems' in result) throw new ProvisionError(`${row.site}: ${reportProblems(result.problems, { fileName: FILES.config, text: result.text })}`)
  return folder
}

function isGood(file: (name: string) => string): boolean {
  if (!existsSync(file(FILES.certificate)) || !existsSync(file(FILES.key))) return false
  try {
    checkPair(file(FILES.certificate), file(FILES.key))
    return true
  } catch {
    return false // half written, or ended: a new pair
  }
}

/** Who has been given what: for the broker's side, and for revoking it. */
function register(out: string, site: string, certificate: ReturnType<typeof checkPair>): void {
  const file = join(out, 'issued.csv')
  const head = existsSync(file) ? '' : 'site,serial,sha256,valid_to\n'
  writeFileSync(file, `${head}${site},${certificate.serialNumber},${certificate.fingerprint256.replaceAll(':', '')},${new Date(certificate.validTo).toISOString()}\n`, { flag: 'a' })
}

interface Base {
  readonly file: string
  readonly at: number
}

function baseImage(image: string, out: string): Base {
  mkdirSync(out, { recursive: true })
  const file = join(out, '.base.img')
  unpackImage(image, file)
  return { file, at: gatewayPartition(file) }
}

function toImage(row: Row, folder: string, base: Base, words: Words, say: (text: string) => void): void {
  const names = [...Object.values(FILES).filter((name) => existsSync(join(folder, name))), ...words.put.map((file) => basename(file))]
  const image = join(words.out, `${row.site}.img`)
  const part = `${image}.tmp`
  try {
    unpackImage(base.file, part)
    putFiles(part, base.at, names.map((name) => join(folder, name)))
    if (words.card === null) {
      chmodSync(part, 0o600)
      renameSync(part, image)
    } else writeCard(part, words.card, (done) => say(`\r${row.site}: ${Math.floor(done * 100)} %${done === 1 ? '\n' : ''}`))
  } finally {
    rmSync(part, { force: true })
  }
}

function write(file: string, text: string): void {
  writeFileSync(`${file}.tmp`, text, { mode: 0o600 })
  renameSync(`${file}.tmp`, file)
}

function makeCa(name: string, authority: Authority | null, say: (text: string) => void): void {
  if (authority === null) throw new ProvisionError('--make-ca needs --ca-cert and --ca-key: the files to write')
  for (const file of [authority.certificateFile, authority.keyFile]) if (existsSync(file)) throw new ProvisionError(`${file} is there already: an authority is made once`)
  makeAuthority(authority, name)
  say(`${authority.certificateFile} is for the broker (its clients' authority), ${authority.keyFile} is for you: keep it off line\n`)
}

function chosen(table: Table, only: readonly string[]): readonly Row[] {
  const missing = only.filter((site) => !table.rows.some((row) => row.site === site))
  if (missing.length > 0) throw new ProvisionError(`the table has no site ${missing.join(', ')}`)
  return only.length === 0 ? table.rows : table.rows.filter((row) => only.includes(row.site))
}

type Values = ReturnType<typeof parsed>['values']

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        template: { type: 'string' },
        out: { type: 'string' },
        image: { type: 'string' },
        card: { type: 'string' },
        only: { type: 'string', multiple: true },
        'ca-cert': { type: 'string' },
        'ca-key': { type: 'string' },
        'make-ca': { type: 'string' },
        days: { type: 'string', default: '3650' },
        renew: { type: 'boolean' },
        put: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new ProvisionError(`${(error as Error).message}; scripts/provision --help tells the words`)
  }
}

function authorityOf(values: Values): Authority | null {
  const { 'ca-cert': certificateFile, 'ca-key': keyFile } = values
  if (certificateFile === undefined && keyFile === undefined) return null
  if (certificateFile === undefined || keyFile === undefined) throw new ProvisionError('--ca-cert and --ca-key belong together')
  return { certificateFile, keyFile }
}

function wordsOf(values: Values, [table, ...more]: readonly string[]): Words {
  const { template, out, image = null, card = null, only = [], put = [] } = values
  if (table === undefined || more.length > 0 || template === undefined || out === undefined) throw new ProvisionError(`a table, --template and --out are needed\n\n${HELP}`)
  const days = Number(values.days)
  if (!Number.isInteger(days) || days < 1 || days > YEARS_50) throw new ProvisionError(`--days wants a whole number from 1 to ${YEARS_50}`)
  if (card !== null && (image === null || only.length !== 1)) throw new ProvisionError('--card needs --image, and --only with the one site that this card is for')
  const reserved = put.find((file) => (Object.values(FILES) as string[]).includes(basename(file)) || basename(file) !== basename(file).replaceAll(/[^A-Za-z0-9._-]/g, ''))
  if (reserved !== undefined) throw new ProvisionError(`${reserved} cannot be put on a card under that name: rename it`)
  for (const file of put) if (!existsSync(file)) throw new ProvisionError(`${file} is not there`)
  return { table, template, out, image, card, only, authority: authorityOf(values), days, renew: values.renew === true, put }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new ProvisionError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`)
  }
}

if (import.meta.main) process.exitCode = provision(process.argv.slice(2), (text) => void process.stdout.write(text))
