// An archive as the system's own tar unpacks it: text files by their paths.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export function unpacked(archive: Uint8Array): ReadonlyMap<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'sandpiper-unpacked-'))
  try {
    const file = join(folder, 'archive')
    writeFileSync(file, archive)
    execFileSync('tar', ['--extract', '--file', file, '--directory', folder], { stdio: ['ignore', 'ignore', 'inherit'] })
    rmSync(file)
    const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => statSync(join(folder, path)).isFile())
    return new Map(paths.map((path) => [path, readFileSync(join(folder, path), 'utf8')]))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
