// Whose page does a browser send a request for? Nothing is done for those of other sites.
import type { IncomingHttpHeaders } from 'node:http'
import type { Entrance } from './entrance.ts'
import { Problem } from './problem.ts'

/**
 * Browsers say whose page has sent a request (`Origin`, and `Sec-Fetch-Site` of Fetch Metadata). Also a page of another site whose name was pointed to this
 * machine's address (DNS rebinding) is another one: whoever needs no proof is asked for by an address or a name of this machine only. Throws a Problem.
 */
export function checkSite(headers: IncomingHttpHeaders, { isLoopback, isSecure }: Extract<Entrance, { kind: 'port' }>): void {
  const { host = '', origin } = headers
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw crossSite()
  if (origin !== undefined && origin !== `${isSecure ? 'https' : 'http'}://${host}`) throw crossSite()
  if (isLoopback && headers.authorization === undefined && !/^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host)) throw crossSite()
}

function crossSite(): Problem {
  return new Problem('cross-site', 'open the page of the gateway itself, by localhost or its address')
}
