#!/usr/bin/env node
// The entry: starts itself once more with Node's compile cache, then hands over to cli.ts.
//
// Without the cache every start strips the types of every file anew, and the stripper (WebAssembly, one per thread) stays in
// memory: 120 MB and 330 ms instead of 80 MB and 140 ms. Node takes the cache's folder only from the environment early enough
// to strip nothing, so the process image is replaced: same process, no shell, no child.
import { fileURLToPath } from 'node:url'
import { NODE_FLAGS } from './node-flags.ts'

const CACHE = fileURLToPath(new URL('../node_modules/.cache/sandpiper', import.meta.url))

if (process.execve !== undefined && process.env.NODE_COMPILE_CACHE === undefined && process.env.NODE_DISABLE_COMPILE_CACHE === undefined) {
  if (process.env.LISTEN_FDS !== undefined) (await import('./ops/descriptor-store.ts')).passOn(process.env)
  process.execve(process.execPath, [process.execPath, ...NODE_FLAGS, ...process.execArgv, ...process.argv.slice(1)], { ...process.env, NODE_COMPILE_CACHE: CACHE })
}
await import('./cli.ts')
