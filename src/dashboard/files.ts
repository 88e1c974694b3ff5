// The page's files, packed. The bundle (scripts/bundle.ts) has them in place of this file; from the source a process of its own makes them, because what
// strips types takes 40 MB that would stay.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { PackedFile } from './pack.ts'

const BYTES_MAX = 4 * 1024 * 1024

export async function pageFiles(): Promise<readonly PackedFile[]> {
  const pack = fileURLToPath(new URL('./pack.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', pack], { maxBuffer: BYTES_MAX })
  return JSON.parse(stdout) as PackedFile[]
}
