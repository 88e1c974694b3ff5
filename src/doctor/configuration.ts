// Is the configuration in order, and is it the one that runs?
import { fault, type Finding, ok, unknown, warning } from './finding.ts'
import type { CheckedFile, Patient } from './patient.ts'

/** More are left to `sandpiper check`. */
const SHOWN_MAX = 3

export function checkConfiguration({ file, gateway }: Patient): Finding[] {
  const ofFile = file === null ? [unknown('configuration', 'no configuration was given, and none is where the service has it', 'name it: sandpiper doctor --config gateway.yaml')] : ofChecked(file)
  return [...ofFile, ...(gateway === null ? [] : ofForce(gateway.config))]
}

function ofChecked({ name, problems, warnings }: CheckedFile): Finding[] {
  if (problems.length === 0 && warnings.length === 0) return [ok('configuration', `${name} is good`)]
  const left = problems.length - SHOWN_MAX
  const more = left > 0 ? [fault('configuration', `${left} more mistake${left === 1 ? '' : 's'} in ${name}`, `\`sandpiper check ${name}\` shows all of them`)] : []
  return [
    ...problems.slice(0, SHOWN_MAX).map(({ code, line, message, hint }) => fault('configuration', code === 'E_CONFIG_READ' ? message : `${name} line ${line}: ${message}`, hint)),
    ...more,
    ...warnings.slice(0, SHOWN_MAX).map(({ line, message, hint }) => warning('configuration', `${name} line ${line}: ${message}`, hint)),
  ]
}

function ofForce({ source, whole, trouble }: NonNullable<Patient['gateway']>['config']): Finding[] {
  const runsOn = source === 'last-good' ? 'the last good configuration' : 'the safe default'
  if (source === 'last-good' || (source === 'default' && trouble !== null)) return [fault('configuration', `the gateway runs on ${runsOn}${trouble === null ? '' : `: ${trouble}`}`, 'mend the file: it takes effect by itself, and a restart of the gateway makes it whole')]
  if (!whole) return [warning('configuration', 'a part of the changed configuration waits for a restart', 'restart the gateway when it suits: sudo systemctl restart sandpiper')]
  return []
}
