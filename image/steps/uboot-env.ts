// U-Boot's environment for the card, out of the defaults in its program: the same, but nothing on the serial line can stop the start.
//
// U-Boot waits two seconds for a key on the serial line, and any byte counts: a GPS on the board's UART would keep the gateway from starting. The file
// is what `saveenv` writes: a CRC-32 (little-endian), then `name=value` ended by NULs, padded to CONFIG_ENV_SIZE. One that is damaged is not taken, and
// then the defaults are.
import { readFileSync, writeFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'

const ENVIRONMENT_BYTES = 0x4000

/** The `name=value` lines that are compiled in: they stand together, and end with an empty one. */
function defaults(program: Buffer): string[] {
  const known = program.indexOf('\0bootdelay=')
  if (known < 0) throw new Error('this U-Boot has no default environment: uboot-env.ts has to learn where it is now')
  const first = program.lastIndexOf('\0\0', known) + 2
  return program.subarray(first, program.indexOf('\0\0', known)).toString('latin1').split('\0')
}

function environment(lines: readonly string[]): Buffer {
  const bytes = Buffer.alloc(ENVIRONMENT_BYTES)
  bytes.write(`${lines.join('\0')}\0`, 4, 'latin1')
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0)
  return bytes
}

const [program = '', out = ''] = process.argv.slice(2)
const lines = defaults(readFileSync(program)).filter((line) => /^\w+=/.test(line) && !/^(bootdelay|preboot)=/.test(line))
// -2: no key is looked for. USB is started only when the card has nothing to start from: `bootflow scan` does that by itself.
writeFileSync(out, environment([...lines, 'bootdelay=-2', 'preboot=']))
