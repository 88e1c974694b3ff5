// Writes dist/frame/: what `import { decodeFrame } from 'sandpiper/frame'` gets. Node does not strip types below node_modules, so the package has
// src/frame as JavaScript, the same code with its types blanked out, and beside it the types for compilers.
//
//   npm run build:frame        and before every `npm pack`
//
// What is built stands alone: it imports nothing but itself and Node's own modules.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const SOURCE = join(ROOT, 'src/frame')
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
const TYPES =
  '--declaration --emitDeclarationOnly --strict --exactOptionalPropertyTypes --verbatimModuleSyntax --allowImportingTsExtensions --ignoreConfig --module nodenext --target esnext --types node'
/** In import and export declarations, and in type expressions: the name of a file beside this one. */
const NEIGHBOUR = /(\bfrom |\bimport\()(['"])(\.\/[^'"]+)\.ts\2/g

export function buildFrame(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  execFileSync(process.execPath, [TSC, join(SOURCE, 'frame.ts'), ...TYPES.split(' '), '--rootDir', SOURCE, '--outDir', folder], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
  for (const file of readdirSync(folder)) replace(join(folder, file), readFileSync(join(folder, file), 'utf8'))
  // The compiler has found all files that frame.ts needs.
  for (const file of readdirSync(folder)) {
    const name = file.replace(/\.d\.ts$/, '')
    replace(join(folder, `${name}.js`), stripTypeScriptTypes(readFileSync(join(SOURCE, `${name}.ts`), 'utf8')))
  }
}

function replace(file: string, text: string): void {
  writeFileSync(file, text.replaceAll(NEIGHBOUR, '$1$2$3.js$2'))
}

if (import.meta.main) buildFrame(join(ROOT, 'dist/frame'))
