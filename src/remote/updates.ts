// Commands about updates, at another place of the topic tree: what they say and answer is update/commands.ts.
import { existsSync } from 'node:fs'
import { Session } from '../session/session.ts'
import { UpdateCommands, type UpdateCommandsDeps } from '../update/commands.ts'
import { placesBelow } from '../update/places.ts'

export function updatesAt(topic: string, deps: Pick<UpdateCommandsDeps, 'clock' | 'log' | 'version' | 'subscribe' | 'publish'>): UpdateCommands {
  const { data, gateway, state, raucConfig } = placesBelow()
  return new UpdateCommands({
    ...deps,
    topic,
    runtime: existsSync(raucConfig) ? gateway : null,
    state,
    data,
    mayAnswer: (answer, { origin }) => !(origin instanceof Session) || origin.mayPublish(answer),
  })
}
