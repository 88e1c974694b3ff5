// Where a payload has numbers, times and words. A guess: whatever it is, a template made of it gives back the same bytes.

export const Token = { piece: 0, number: 1, time: 2, word: 3 } as const

export interface Tokens {
  readonly kinds: readonly number[]
  /** Put together they are the payload. */
  readonly texts: readonly string[]
  /** The same for payloads that differ in numbers, times and words only. */
  readonly skeleton: string
}

const TOKENS_MAX = 512
/** Digits that a column can hold for sure; longer numbers become two. */
const DIGITS_MAX = 15

/** With a date or without. */
export const TIME = String.raw`(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d(?:\.\d{1,6})?`
const ANY = new RegExp(
  [
    String.raw`"(?:[^"\\]|\\.)*"(?=\s*:)`, // a key is a piece
    String.raw`"((?:[^"\\]|\\.)*)"`, // 1: a string
    String.raw`((?<![\w.:])${TIME}(?![.:]?\d))`, // 2
    // 3: a number; not in the middle of a word, nor one with letters behind it that go on with digits (1e5, 3f2a), nor with two points (10.0.0.1)
    String.raw`((?<![\w.])[-+]?\d+(?:\.\d{1,20})?(?!\.?\d|[A-Za-z_]+[-+]?\d))`,
    String.raw`([-+]?\w[\w.+-]*)`, // 4: a word
  ].join('|'),
  'g',
)
const WHOLE_TIME = new RegExp(`^(${TIME})(Z|[-+]\\d\\d:?\\d\\d)?$`)
const WHOLE_NUMBER = /^[-+]?\d+(?:\.\d{1,20})?$/

/** Null when there are too many. `text` is Latin-1. */
export function tokensOf(text: string): Tokens | null {
  const tokens = new TokenList()
  let from = 0
  for (const match of text.matchAll(ANY)) {
    const [all, inQuotes, time, number, word] = match
    if (inQuotes === undefined && time === undefined && number === undefined && word === undefined) continue
    const start = match.index + (inQuotes === undefined ? 0 : 1)
    tokens.put(Token.piece, text.slice(from, start))
    if (inQuotes !== undefined) tokens.quoted(inQuotes)
    else if (time !== undefined) tokens.put(Token.time, time)
    else if (number !== undefined) tokens.number(number)
    else tokens.put(Token.word, all)
    from = start + (inQuotes ?? all).length
    if (tokens.kinds.length > TOKENS_MAX) return null
  }
  tokens.put(Token.piece, text.slice(from))
  return tokens
}

class TokenList implements Tokens {
  readonly kinds: number[] = []
  readonly texts: string[] = []

  get skeleton(): string {
    return this.kinds.map((kind, i) => (kind === Token.piece ? this.texts[i]! : `\0${kind}`)).join('')
  }

  put(kind: number, text: string): void {
    if (text === '' && kind === Token.piece) return
    this.kinds.push(kind)
    this.texts.push(text)
  }

  quoted(text: string): void {
    const time = WHOLE_TIME.exec(text)
    if (time !== null) {
      this.put(Token.time, time[1]!)
      this.put(Token.piece, time[2] ?? '')
    } else if (WHOLE_NUMBER.test(text)) this.number(text)
    else this.put(Token.word, text)
  }

  number(text: string): void {
    const digits = /\d+/.exec(text)![0].length
    if (digits <= DIGITS_MAX) this.put(Token.number, text)
    else if (digits > 2 * DIGITS_MAX || text.includes('.')) this.put(Token.word, text)
    else {
      this.put(Token.number, text.slice(0, -DIGITS_MAX))
      this.put(Token.number, text.slice(-DIGITS_MAX))
    }
  }
}
