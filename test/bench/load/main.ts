// The load generator's process: takes one job at a time over IPC, does it, answers. Ends when its parent does.

import { startBeside, stopBeside } from './beside.ts'
import { connectMany, leaveSessions, returnAll } from './connections.ts'
import { drain, fill, openSession } from './queue.ts'
import { flow } from './flow.ts'
import { keepIdle } from './idle.ts'
import { logIn } from './logins.ts'
import { untilItMay } from './may.ts'
import { paced } from './paced.ts'
import { holdPlaces } from './slow.ts'
import type { Job, Reply, Results } from './jobs.ts'

async function run(job: Job): Promise<Results[keyof Results]> {
  switch (job.kind) {
    case 'flow':
      return await flow(job)
    case 'paced':
      return await paced(job)
    case 'session':
      return await openSession(job.port)
    case 'fill':
      return await fill(job)
    case 'drain':
      return await drain(job)
    case 'idle':
      return await keepIdle(job.port, job.count, job.tls)
    case 'connect':
      return await connectMany(job)
    case 'leave':
      return await leaveSessions(job.port, job.count)
    case 'return':
      return await returnAll(job)
    case 'beside':
      return await startBeside(job.port)
    case 'beside-stop':
      return await stopBeside()
    case 'slow':
      return await holdPlaces(job)
    case 'logins':
      return await logIn(job)
    case 'may':
      return await untilItMay(job)
  }
}

process.on('message', (job: Job) => {
  const reply = (answer: Reply): void => void process.send!(answer)
  run(job).then(
    (result) => reply({ result }),
    (error: unknown) => reply({ error: error instanceof Error ? error.message : String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
