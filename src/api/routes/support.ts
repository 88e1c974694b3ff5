// One file for whoever helps.
import type { Ask } from '../../doctor/gateway-view.ts'
import type { ApiParts } from '../parts.ts'
import { type Call, isStream, pathOf, type Route } from '../route.ts'

/** `routes`: all others, whose answers go into the bundle. */
export function supportRoutes({ gateway, clock, configuration }: ApiParts, routes: readonly Route[]): Route[] {
  let making: Promise<Buffer> | null = null

  /** As if `call` had asked for it: an admin may ask for everything. */
  function askOf(call: Call): Ask {
    return async (what) => {
      const [path = '', query = ''] = what.split('?')
      const route = routes.find((one) => !isStream(one) && one.method === 'GET' && (one.absolute === true ? pathOf(one) : one.path) === path)
      if (route === undefined || isStream(route)) throw new Error('this gateway does not tell it')
      const given = [...new URLSearchParams(query)].map(([name, value]) => [name, /^\d+$/.test(value) ? Number(value) : value])
      return route.handle({ ...call, params: {}, query: Object.fromEntries(given), body: undefined })
    }
  }

  async function make(call: Call): Promise<Buffer> {
    const { bundleOfGateway } = await import('../support-bundle.ts') // not needed by a gateway that is well
    return bundleOfGateway({ gateway, clock, written: configuration.written }, askOf(call))
  }

  return [
    {
      method: 'GET',
      path: '/support',
      role: 'admin',
      tag: 'status',
      summary: 'One file for whoever helps',
      description: 'A .tar.gz of text files, 1 MB at most: how everything is, the log, the configuration without its secrets, and what `sandpiper doctor` finds. It may take ten seconds. Asked for twice at once it is made once.',
      answer: { mediaType: 'application/gzip' },
      handle: (call) => (making ??= make(call).finally(() => (making = null))),
    },
  ]
}
