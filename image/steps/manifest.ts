// manifest.json beside an image: what tools that make or judge updates need to know of it.
//   steps/manifest.ts FOLDER VERSION ARCH KERNEL EPOCH FILE…     with size and SHA-256 of each file in FOLDER
import { createHash } from 'node:crypto'
import { createReadStream, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

const [folder = '', version = '', arch = '', kernel = '', epoch = '', ...names] = process.argv.slice(2)
const files: Record<string, { readonly bytes: number; readonly sha256: string }> = {}
for (const name of names) {
  const path = join(folder, name)
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  files[name] = { bytes: statSync(path).size, sha256: hash.digest('hex') }
}
writeFileSync(join(folder, 'manifest.json'), `${JSON.stringify({ version, arch, kernel, builtAtSec: Number(epoch), files }, null, 2)}\n`)
