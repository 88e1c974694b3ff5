// What the gateway asks of sandpiper-configure.service, which may write the file: a name and a digest, and nothing that would be trusted.
//   requests/configure-ID.json { "id": …, "digest": … }   answer ID.json { "why": null | "a sentence" }

export const REQUESTS_FOLDER = 'requests'
/** Of the service, which alone writes there. */
export const ANSWERS = '/run/sandpiper-configure'
export const REQUEST_NAME = /^configure-[\w-]{1,64}\.json$/
export const REQUEST_BYTES_MAX = 1024

export interface ConfigureRequest {
  readonly id: string
  /** Of the text on trial. */
  readonly digest: string
}

export interface ConfigureAnswer {
  /** null: the file has it. */
  readonly why: string | null
}

export function requestName(id: string): string {
  return `configure-${id}.json`
}

/** null when it is none. */
export function requestOf(text: string): ConfigureRequest | null {
  try {
    const { id, digest } = (JSON.parse(text) ?? {}) as Record<string, unknown>
    return typeof id === 'string' && /^[\w-]{1,64}$/.test(id) && typeof digest === 'string' ? { id, digest } : null
  } catch {
    return null
  }
}

/** null as long as there is none. */
export function answerIn(read: () => string): ConfigureAnswer | null {
  try {
    const { why } = (JSON.parse(read()) ?? {}) as Record<string, unknown>
    return { why: typeof why === 'string' ? why : null }
  } catch {
    return null
  }
}
