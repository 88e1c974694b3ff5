// What the store's committer and the test that kills it agree on.

/** Of the queues that are thinned out: full several times a second, and at every restart. */
export const THINNED_COUNT_MAX = 300
export const TOPICS = 40

export const topicOf = (sequence: number): string => `site/device-${sequence % TOPICS}`
