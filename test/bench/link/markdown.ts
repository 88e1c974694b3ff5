// A case's table as it stands in test/bench/README.md.
import type { Case, Outcome } from './cases/case.ts'

export function markdown({ name, title }: Case, { head, rows, notes, faults }: Outcome): string {
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map((row) => row[i]!.length)))
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [`### ${name}: ${title}`, '', line(head), rule, ...rows.map(line), '', ...notes, ...faults.map((fault) => `FAULT: ${fault}`), ''].join('\n')
}
