// Configurations of Mosquitto in a folder of their own, imported; and what comes out, checked as `sandpiper check` would.
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Config } from '../../../src/config/config.ts'
import { checkText } from '../../../src/config/load.ts'
import { importConf, type Imported } from '../../../src/migrate/import.ts'
import { writeImported } from '../../../src/migrate/write-files.ts'

export interface Outcome extends Imported {
  /** Of what was written, from the disk. */
  readonly config: Config
  /** Findings as `line kind: why`. */
  readonly told: readonly string[]
}

/** A folder for confs; `using` takes it away. */
export class Confs implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'sandpiper-import-'))
  #outs = 0

  write(name: string, content: string | Buffer): string {
    const path = join(this.folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    return path
  }

  /** Imports `text` as mosquitto.conf, writes what comes out, and reads it back. */
  import(text: string, hostName = 'site-7'): Outcome {
    const outFile = join(this.folder, String(++this.#outs), 'gateway.yaml')
    mkdirSync(dirname(outFile))
    const imported = importConf(this.write('mosquitto.conf', text), { outFile, hostName, writesPasswords: true })
    writeImported(imported, outFile)
    const result = checkText(imported.text, outFile)
    if ('problems' in result) throw new Error(`refused: ${result.problems.map((p) => `${p.path}: ${p.message}`).join('; ')}\n${imported.text}`)
    return { ...imported, config: result.config, told: imported.findings.map(({ line, kind, why }) => `${line.number} ${kind}: ${why}`) }
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** A line of a password file, as mosquitto_passwd writes it. */
export function passwordLine(name: string, password = 'secret'): string {
  const salt = randomBytes(12)
  return `${name}:$7$101$${salt.toString('base64')}$${pbkdf2Sync(password, salt, 101, 64, 'sha512').toString('base64')}\n`
}

/** One import in a folder of its own. */
export function imported(text: string, hostName?: string): Outcome {
  using confs = new Confs()
  return confs.import(text, hostName)
}
