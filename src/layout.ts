// Where the program finds what belongs to it when it runs from its source. The bundle (scripts/bundle.ts) has a layout of its own in place of
// this file: there everything lies beside the one file.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Profiles of the boards that are known. */
export const BOARDS = fileURLToPath(new URL('../board/', import.meta.url))
/** What the store's thread runs: a file, or its text. */
export const STORE_THREAD: URL | string = new URL('./store/worker.ts', import.meta.url)
export const VERSION = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version
