// The shape of the checked section `history`.

export interface HistoryConfig {
  /** What is older is not shown, and written over. */
  readonly keepMs: number
  readonly stepMs: number
  readonly topics: readonly HistoryTopicConfig[]
  readonly seriesMax: number
  /** Of its file. */
  readonly bytesMax: number
}

export interface HistoryTopicConfig {
  readonly filter: string
  /** Of JSON payloads, by path; empty: payloads are numbers. */
  readonly fields: readonly string[]
}
