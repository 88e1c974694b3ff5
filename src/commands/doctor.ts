// `sandpiper doctor`: likely faults of this site, and what to do.
import { examine } from '../doctor/doctor.ts'
import { type Finding, type Verdict, VERDICTS } from '../doctor/finding.ts'
import { findSite, type SiteWords } from './site.ts'

export interface DoctorWords extends SiteWords {
  readonly json?: boolean | undefined
}

/** Exit code: 1 when something is at fault. */
export async function doctor(words: DoctorWords, write: (text: string) => void): Promise<number> {
  const { patient } = await findSite(words)
  const findings = await examine(patient)
  write(words.json === true ? `${JSON.stringify(findings, null, 2)}\n` : findingsText(findings))
  return findings.some(({ verdict }) => verdict === 'fault') ? 1 : 0
}

const WIDTH = Math.max(...VERDICTS.map((verdict) => verdict.length)) + 2

/** The gravest first, each with what to do in a line of its own. */
export function findingsText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length)) + 2
  const rows = findings.map(({ name, verdict, what, hint }) => `${verdict.padEnd(WIDTH)}${name.padEnd(width)}${printable(what)}\n${hint === null ? '' : `${' '.repeat(WIDTH + width)}→ ${printable(hint)}\n`}`)
  return `${rows.join('')}\n${summary(findings)}\n`
}

function summary(findings: readonly Finding[]): string {
  const count = (verdict: Verdict): number => findings.filter((one) => one.verdict === verdict).length
  const faults = count('fault')
  return `${faults === 0 ? 'no fault' : `${faults} fault${faults === 1 ? '' : 's'}`}, ${count('warning')} warned of, ${count('unknown')} not known, ${count('ok')} in order`
}

/** What devices and servers call themselves is not the terminal's to obey. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '·')
}
