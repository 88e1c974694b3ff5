// gateway.yaml, `hostname:`: a name of one label (RFC 1123 section 2.1), or the site's made into one.
import { text } from './scalar.ts'

const LABEL_CHARS_MAX = 63

export const hostname = text({
  expected: 'a host name: letters, digits and -',
  pattern: /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/,
  hint: 'write one word such as well-07, without dots; it begins and ends with a letter or digit',
})

/** What a machine of that site is called where the file does not say. */
export function hostnameOf(site: string): string {
  const label = site.toLowerCase().replaceAll(/[^a-z0-9-]+/g, '-').slice(0, LABEL_CHARS_MAX).replaceAll(/^-+|-+$/g, '')
  return label === '' ? 'gateway' : label
}
