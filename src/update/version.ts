// Versions of programs and images: 0.2.0, 0.2.0-rc.1; ordered as Semantic Versioning 2.0.0 says (section 11). Build metadata is not known here.

const VERSION = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/
const VERSION_LENGTH_MAX = 64

/** A version is also part of a folder's name: nothing else passes. */
export function isVersion(text: unknown): text is string {
  return typeof text === 'string' && text.length <= VERSION_LENGTH_MAX && VERSION.test(text)
}

/** Below 0 when `a` is older, 0 for the same, above 0 when it is newer. Both are versions. */
export function compareVersions(a: string, b: string): number {
  const [, majorA, minorA, patchA, preA] = VERSION.exec(a)!
  const [, majorB, minorB, patchB, preB] = VERSION.exec(b)!
  const release = Number(majorA) - Number(majorB) || Number(minorA) - Number(minorB) || Number(patchA) - Number(patchB)
  if (release !== 0 || preA === preB) return release
  if (preA === undefined || preB === undefined) return preA === undefined ? 1 : -1
  return comparePreReleases(preA.split('.'), preB.split('.'))
}

function comparePreReleases(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i]!, b[i]!]
    if (x === y) continue
    const [isNumberX, isNumberY] = [/^\d+$/.test(x), /^\d+$/.test(y)]
    if (isNumberX && isNumberY) return Number(x) - Number(y)
    if (isNumberX !== isNumberY) return isNumberX ? -1 : 1
    return x < y ? -1 : 1
  }
  return a.length - b.length
}
