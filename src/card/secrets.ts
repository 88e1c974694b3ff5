// A secret that stands in gateway.yaml as text, or a key whose file it names, becomes `{ stored: FINGERPRINT }`. Pure: text in, text out; comments, order, indentation and line ends
// stay byte for byte.
//
// What is always true: only the value's own characters are exchanged, and after each the whole is asked whether it still means the same (`isSame`): a
// text that would mean anything else is not given out.
import type { WrittenSecret } from '../config/place.ts'
import { scalarEnd } from '../config/yaml.ts'

export interface Exchange {
  readonly secret: WrittenSecret
  readonly fingerprint: string
}

/** `moved`: those that could be exchanged; the others stay as they are. */
export function exchangeSecrets(text: string, exchanges: readonly Exchange[], isSame: (changed: string) => boolean): { readonly text: string; readonly moved: readonly Exchange[] } {
  let changed = text
  const moved: Exchange[] = []
  // From the end, so that what stands in front keeps its place.
  for (const exchange of exchanges.toSorted((a, b) => b.secret.start - a.secret.start)) {
    const { secret, fingerprint } = exchange
    const end = scalarEnd(changed, secret.start)
    if (end === null) continue
    const next = changed.slice(0, secret.start) + replacement(changed.slice(secret.start, end), fingerprint) + changed.slice(end)
    if (!isSame(next)) continue
    changed = next
    moved.push(exchange)
  }
  return { text: changed, moved }
}

/** As many lines as before, for whoever has noted a line's number; behind the sign of a block (`|`) a comment stays. */
function replacement(written: string, fingerprint: string): string {
  const comment = /^[|>][-+0-9]*(?<comment>[^\r\n]*)/.exec(written)?.groups?.['comment'] ?? ''
  return `{ stored: ${fingerprint} }${comment.trimEnd()}${(written.match(/\r?\n/g) ?? []).join('')}`
}

/** Which part of the configuration a secret belongs to. */
export type SecretOwner =
  /** Also a program that comes by a token. */
  | { readonly kind: 'user' }
  | { readonly kind: 'uplink' | 'modem' | 'dialup'; readonly index: number }
  | { readonly kind: 'connection'; readonly path: string }

/** By its path in the file; null for one of which nobody can say that it has worked. */
export function ownerOf(path: string): SecretOwner | null {
  const numbered = /^(?<section>access\.users|uplinks|network\.wifi|network\.modems|network\.dialup)\[(?<index>\d+)\]\.(password|passwordHash|pin|tls\.key)$/.exec(path)?.groups
  if (/^http\.tokens\[\d+\]\.token$/.test(path)) return { kind: 'user' }
  if (path === 'network.hotspot.password') return { kind: 'connection', path: 'network.hotspot' }
  if (numbered === undefined) return null
  const index = Number(numbered['index'])
  switch (numbered['section']) {
    case 'access.users':
      return { kind: 'user' }
    case 'uplinks':
      return { kind: 'uplink', index }
    case 'network.dialup':
      return { kind: 'dialup', index }
    case 'network.modems':
      return { kind: 'modem', index }
    default:
      return { kind: 'connection', path: path.slice(0, path.lastIndexOf('.')) }
  }
}
