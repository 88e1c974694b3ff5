// Recorded lines, and sentences made for a test.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checksumOf } from '../../../../src/sensors/nmea/sentence.ts'

/** Without the line that says where it is from; lines end as they do on the wire. */
export function recorded(name: 'quectel-l76k' | 'humminbird-m37'): string {
  const lines = readFileSync(join(import.meta.dirname, `logs/${name}.txt`), 'utf8').split('\n')
  return lines.filter((line) => line.startsWith('$')).map((line) => `${line}\r\n`).join('')
}

/** `GPRMC,…` with what stands around it. */
export function sentence(body: string): string {
  return `$${body}*${checksumOf(body).toString(16).toUpperCase().padStart(2, '0')}`
}

/** RMC of a receiver with a fix. */
export const rmc = (time: string, date: string, status = 'A'): string => sentence(`GNRMC,${time},${status},5230.1000,N,01323.2000,E,1.50,90.0,${date},,,A,V`)
