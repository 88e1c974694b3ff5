// `sandpiper import`: reads, translates, writes, and says what the person has to know.
import { resolve } from 'node:path'
import { Refusal } from './conf-file.ts'
import { printable } from './findings.ts'
import { importConf, type Imported } from './import.ts'
import { writeImported } from './write-files.ts'

export interface Outcome {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: 0 | 1
}

/** `outFile` null: the text goes to standard output, and passwords to nowhere. What cannot be imported is told in a sentence, never thrown. */
export function importCommand(file: string, outFile: string | null, hostName: string, onCheck?: (round: number) => void): Outcome {
  try {
    const imported = importConf(file, { outFile: resolve(outFile ?? 'gateway.yaml'), hostName, writesPasswords: outFile !== null, onCheck })
    if (outFile !== null) writeImported(imported, outFile)
    const stderr = [...imported.report, ...(outFile === null ? [] : next(imported, outFile))].map((line) => `${line}\n`).join('')
    return { stdout: outFile === null ? imported.text : '', stderr, exitCode: 0 }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { stdout: '', stderr: `sandpiper: ${error.message}\n`, exitCode: 1 }
  }
}

function next({ passwords, accessFiles }: Imported, outFile: string): string[] {
  const files = [...passwords.keys()]
  const beside = files.length === 0 ? '' : `; beside it, for the eyes of its owner only, ${files.join(', ')}: the gateway's user must be able to read ${files.length === 1 ? 'it' : 'them'}`
  const named = accessFiles.length === 0 ? [] : [`The gateway's user must be able to read ${accessFiles.map((file) => printable(file)).join(' and ')}.`]
  return [`Written to ${outFile}${beside}.`, ...named, `Look at it, then: sandpiper check ${outFile}`]
}
