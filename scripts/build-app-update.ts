// Makes application updates: signed packages of the program alone, small enough for a satellite (src/update/FORMAT.md).
//
//   node scripts/build-app-update.ts [--out FOLDER] [--bundle FOLDER] [--base PATH]… [--for-root FROM..BEFORE]
//     --bundle    the program as scripts/bundle.ts has made it; default: made now
//     --base      a program that gateways have, to make a delta from: a folder of scripts/bundle.ts, or a package for all of the program
//     --for-root  versions of the root's program that it runs over, for example 0.1.0..0.2.0; default: any with the same Node and add-ons
//
// Writes sandpiper-VERSION.sandpiper (all of the program) and sandpiper-BASE-to-VERSION.sandpiper for each base. They serve every architecture:
// what is native is the root's. SANDPIPER_UPDATE_KEY, SANDPIPER_UPDATE_CERT: as scripts/build-update.
import { createPrivateKey } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { filesBelow } from '../src/update/application.ts'
import { disk } from '../src/update/disk.ts'
import { type Identity, IDENTITY_FILE, parseIdentity } from '../src/update/identity.ts'
import { type Contents, makePackage, openPackage, unpackFiles } from '../src/update/package.ts'
import { belongs, keysOf } from '../src/update/signature.ts'
import type { Files } from '../src/update/tree.ts'
import { isVersion } from '../src/update/version.ts'
import { makeBundle, ROOT, writeBundle } from './bundle.ts'

interface Program {
  readonly version: string
  readonly files: Files
}

function stop(sentence: string): never {
  process.stderr.write(`build-app-update: ${sentence}\n`)
  process.exit(1)
}

const { values } = parseArgs({
  options: { out: { type: 'string', default: join(ROOT, 'out') }, bundle: { type: 'string' }, base: { type: 'string', multiple: true, default: [] }, 'for-root': { type: 'string' } },
})
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sandpiper/image')
const pemOf = (name: string, made: string): string => {
  try {
    return readFileSync(process.env[name] ?? join(cache, made), 'utf8')
  } catch {
    return stop(`${name} names no file that can be read; without it, build an image first: it makes a pair for tests`)
  }
}
const key = createPrivateKey(pemOf('SANDPIPER_UPDATE_KEY', 'test-update.key.pem'))
const certificate = pemOf('SANDPIPER_UPDATE_CERT', 'test-update.cert.pem')
if (!belongs(certificate, key)) stop('the certificate is not that of the key: gateways would refuse what it signs')

const [from, before] = values['for-root']?.split('..') ?? []
if (values['for-root'] !== undefined && !(isVersion(from) && isVersion(before))) stop('--for-root wants two versions, for example 0.1.0..0.2.0')

const program = await programAt(values.bundle)
const { version, node, addons } = program.identity
const next: Contents = { version, needs: { node, addons, root: isVersion(from) && isVersion(before) ? { from, before } : null }, files: program.files }
mkdirSync(values.out, { recursive: true })
write(`sandpiper-${version}.sandpiper`, null)
for (const path of values.base) {
  const base = baseAt(path)
  write(`sandpiper-${base.version}-to-${version}.sandpiper`, base)
}

async function programAt(folder: string | undefined): Promise<{ identity: Identity; files: Files }> {
  const made = folder ?? mkdtempSync(join(tmpdir(), 'sandpiper-app-'))
  if (folder === undefined) writeBundle(made, await makeBundle(), 'x64') // of the add-ons only their versions count
  const identity = parseIdentity(disk.read(join(made, IDENTITY_FILE))?.toString('utf8') ?? '')
  const files = filesBelow(made, disk)
  if (folder === undefined) rmSync(made, { recursive: true })
  return identity === null ? stop(`${made} is no program of scripts/bundle.ts`) : { identity, files }
}

function baseAt(path: string): Program {
  if (statSync(path).isDirectory()) {
    const identity = parseIdentity(disk.read(join(path, IDENTITY_FILE))?.toString('utf8') ?? '')
    return identity === null ? stop(`${path} is no program of scripts/bundle.ts`) : { version: identity.version, files: filesBelow(path, disk) }
  }
  const opened = openPackage(readFileSync(path), keysOf(certificate))
  if (typeof opened === 'string') return stop(`${path}: ${opened}`)
  const files = unpackFiles(opened, null)
  return typeof files === 'string' ? stop(`${path}: ${files}`) : { version: opened.manifest.version, files }
}

function write(name: string, base: Program | null): void {
  const bytes = makePackage(next, base, key)
  writeFileSync(join(values.out, name), bytes)
  process.stdout.write(`${join(values.out, name)}: ${bytes.length} bytes, ${Math.ceil(bytes.length / 300)} s at 2.4 kbit/s\n`)
}
