// npm run fuzz:frames -- --count 1000000 [--seed S]     altered frames and dictionaries against the decoder of batch frames
// npm run fuzz:frames -- --seed S --case K              one case alone, with its bytes and the answer
// npm run fuzz:frames -- --seed S --first K --count N   those from K on
//
// Exit code 1 when anything went wrong: what, and how to run the case again, is printed.
import { parseArgs } from 'node:util'
import { decodeFrame, FrameError } from '../../src/frame/frame.ts'
import { frameCampaign } from './frame-campaign.ts'
import { frameCase, FrameCorpus } from './frame-cases.ts'

const { values } = parseArgs({
  options: { count: { type: 'string', default: '20000' }, seed: { type: 'string' }, first: { type: 'string', default: '0' }, case: { type: 'string' } },
})
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e6) : Number(values.seed)
const first = Number(values.case ?? values.first)
const count = values.case === undefined ? Number(values.count) : 1
for (const [name, value] of Object.entries({ seed, first, count })) {
  if (Number.isInteger(value) && value >= 0) continue
  console.error(`--${name}: write a whole number`)
  process.exit(2)
}

if (values.case !== undefined) {
  const it = frameCase(new FrameCorpus(seed), seed, first)
  console.log(`case ${first}, ${it.kind}: ${it.frame.toString('hex')}${it.dictionary === null ? '' : `\ndictionary: ${it.dictionary.toString('hex')}`}`)
  try {
    console.log(decodeFrame(it.frame, it.dictionaries))
  } catch (error) {
    console.log(error instanceof FrameError ? error.message : error)
  }
}
const began = performance.now()
const report = frameCampaign({ seed, first, count, print: (line) => console.log(line) })
const { decoded, needs, refused, slipped } = report.ended
console.log(`${decoded + needs + refused + slipped} cases in ${Math.round((performance.now() - began) / 1000)} s: ${refused} refused, ${decoded} decoded, ${needs} in need of a dictionary, ${slipped} altered and decoded by chance; seed ${seed}
slowest ${Math.round(report.slowestMs)} ms (case ${report.slowest}), ${Math.round(report.mostMb)} MB more memory at most; ${report.faults.length === 0 ? 'no faults' : `${report.faults.length} FAULTS`}`)
for (const fault of report.faults) console.error(fault)
process.exit(report.faults.length === 0 ? 0 : 1)
