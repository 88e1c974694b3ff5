// What stands for a client in the filters of access rules: {clientId}, {username}, {tenant} and {claims.NAME}, alone in a level or as a
// part of one (`dev-{clientId}/#`). The configuration checks it with the words here, and access/ fills it in.

/** A name that is none of these stays what it is: text. NAME may have dots. */
export const PLACEHOLDER = /\{(?<name>clientId|username|tenant|claims\.[^{}/+#\0]+)\}/g

/** For hints. */
export const PLACEHOLDERS = ['{clientId}', '{username}', '{tenant}', '{claims.NAME}'] as const

export function isPlaceholder(braced: string): boolean {
  return braced.replace(PLACEHOLDER, '') === ''
}

/** The filter with one harmless letter for each placeholder: how its levels and wildcards are checked. */
export function withoutPlaceholders(filter: string): string {
  return filter.replace(PLACEHOLDER, 'x')
}
