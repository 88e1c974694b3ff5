// npm run bench:sensors: what sensors cost. Being slow is no failure; the exit code is 1 only when readings are lost.
//
//   npm run bench:sensors -- [--sec N] [--only readings,modbus]
import { parseArgs } from 'node:util'
import { modbus } from './modbus.ts'
import { readings } from './readings.ts'

const PARTS = { readings, modbus } as const

const { values: options } = parseArgs({ options: { sec: { type: 'string', default: '30' }, only: { type: 'string', default: Object.keys(PARTS).join(',') } } })

let isWell = true
for (const name of options.only.split(',')) {
  const part = PARTS[name as keyof typeof PARTS] as ((sec: number) => Promise<{ readonly text: string; readonly isWell: boolean }>) | undefined
  if (part === undefined) {
    console.error(`no part is called ${name}; there are: ${Object.keys(PARTS).join(', ')}`)
    process.exit(2)
  }
  const result = await part(Number(options.sec))
  console.log(result.text)
  isWell &&= result.isWell
}
process.exitCode = isWell ? 0 : 1
