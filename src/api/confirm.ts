// What cannot be had back is taken away only by who has said how much it is.
import { Problem } from './problem.ts'
import { count } from './route.ts'

export const MESSAGES = count('How many messages may be lost: at least as many as wait.', { default: 0 })

/** Throws the Problem not-confirmed when more messages wait than were named: what has come since is not lost by an old look. */
export function requireConfirmed(waiting: number, named: number): void {
  if (waiting <= named) return
  throw new Problem('not-confirmed', `${waiting} messages would be lost: if that is meant, ask again with messages=${waiting}`, { errors: [{ field: 'messages', detail: `is ${named}, and ${waiting} wait` }] })
}
