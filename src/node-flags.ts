// How Node is started, wherever Sandpiper is: by main.ts from the source, by /usr/bin/sandpiper of the package (scripts/deb/).

/**
 * A small young generation: 10,000 connections take 40 MB less, and throughput is the same within the noise. One helper thread of V8: 1.5 MB
 * less than four. The collector on call: ops/memory.ts. GPIO goes through node:ffi, which Node calls experimental: the version is pinned.
 */
export const NODE_FLAGS = ['--max-semi-space-size=4', '--v8-pool-size=1', '--expose-gc', '--disable-warning=ExperimentalWarning'] as const
