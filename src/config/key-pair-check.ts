// gateway.yaml: `key` and `cert` of one section, do they belong together?
import { keyPairProblem } from '../keys/key-pair.ts'
import type { Place } from './place.ts'

/** `place` is the section. Where the gateway must come up anyway, a broken pair is a warning: TLS waits for a better one. */
export function isKeyPair(key: Buffer, cert: Buffer, place: Place): boolean {
  const problem = keyPairProblem(key, cert)
  if (problem === null) return true
  const at = place.key(problem.of)
  const hint = 'give the two files that were made together, as PEM'
  if (place.run.secrets.mode === 'require') at.problem(problem.text, hint, 'E_SECRET')
  else at.warning(problem.text, hint, 'E_SECRET')
  return place.run.secrets.mode !== 'require'
}
