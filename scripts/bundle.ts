// Makes the program one file, `sandpiper.mjs`, its store's thread inside; beside it `addons/` and `board/`.
//
//   node scripts/bundle.ts [FOLDER] [--arch arm64|x64]        FOLDER: out/bundle
//
// What is always true of the file:
// - What is imported dynamically in the source runs when it is asked for, and so do Node's own modules: a part that nobody uses costs its text.
// - It is ASCII, so V8 keeps one byte for a character, and has its line breaks, so a trace names a line and not a megabyte.
// - It needs nothing but Node and the folders beside it, wherever they lie.
import { cpSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Plugin, rolldown, RUNTIME_MODULE_ID } from 'rolldown'
import { PAGE_PACKAGES, packPage } from '../src/dashboard/pack.ts'
import { formatIdentity, type Identity, IDENTITY_FILE, identityOf } from '../src/update/identity.ts'

export const ROOT = join(import.meta.dirname, '..')
const PACKAGES = join(ROOT, 'node_modules')
export const BUNDLE_NAME = 'sandpiper.mjs'

export type Arch = 'arm64' | 'x64'

interface Addon {
  readonly package: string
  /** Asks for the add-on in its package's code, by this name … */
  readonly loader: string
  /** … and gets it by this: what the loader would be called with stays the package's business. */
  readonly shim: (addon: string) => string
  /** From node_modules; null for what has to be compiled (scripts/build-deb). */
  readonly file: (arch: Arch) => string
}

/** Native parts, by their names in addons/. */
export const ADDONS: Readonly<Record<string, Addon>> = {
  'sqlite.node': {
    package: 'better-sqlite3',
    loader: './binding',
    shim: (addon) => `export const getBinding = () => ${addon}`,
    file: (arch) => `better-sqlite3/prebuilds/linux-${arch}.node`,
  },
  'serial.node': {
    package: '@serialport/bindings-cpp',
    loader: 'node-gyp-build',
    shim: (addon) => `export default () => ${addon}`,
    file: (arch) => `@serialport/bindings-cpp/prebuilds/linux-${arch}/@serialport+bindings-cpp${arch === 'arm64' ? '.armv8' : ''}.glibc.node`,
  },
  'epoll.node': {
    package: 'epoll',
    loader: 'bindings',
    // Asked for by require(), which wants the function itself.
    shim: (addon) => `const load = () => ${addon}\nexport { load as default, load as 'module.exports' }`,
    file: () => 'epoll/build/Release/epoll.node',
  },
}

/** In place of src/layout.ts. The thread's text stands in the file as a string, so that the thread reads that much and not all of it. */
const layout = (thread: string): string => `
import { fileURLToPath } from 'node:url'
export const BOARDS = fileURLToPath(new URL('./board/', import.meta.url))
export const STORE_THREAD = 'const HERE = ' + JSON.stringify(import.meta.url) + ${JSON.stringify(`\n${thread}`)}
export const VERSION = ${JSON.stringify(manifestIn(ROOT).version)}
`

/** In place of src/dashboard/files.ts: the page, packed. Its text is read when somebody opens it. */
async function pageFiles(): Promise<Plugin> {
  const files = (await packPage()).map((file) => `  ${JSON.stringify(file)},\n`)
  const code = `export const pageFiles = () => [\n${files.join('')}]\n`
  return { name: 'dashboard', load: (id) => (id === join(ROOT, 'src/dashboard/files.ts') ? code : null) }
}

const virtual = (name: string): string => `\0sandpiper:${name}`

function ownLayout(thread: string): Plugin {
  return { name: 'layout', load: (id) => (id === join(ROOT, 'src/layout.ts') ? layout(thread) : null) }
}

/** Each add-on under its own name in addons/, in place of what looks for it in folders of its package. */
function addons(here: string): Plugin {
  const isOf = (importer: string, { package: name }: Addon): boolean => importer.startsWith(join(PACKAGES, name, '/'))
  return {
    name: 'add-ons',
    resolveId(id, importer) {
      const found = Object.entries(ADDONS).find(([, addon]) => id === addon.loader && importer !== undefined && isOf(importer, addon))
      return found === undefined ? null : virtual(found[0])
    },
    load(id) {
      const found = Object.entries(ADDONS).find(([name]) => id === virtual(name))
      if (found === undefined) return null
      const [name, { shim }] = found
      return `import { createRequire } from 'node:module'\n${shim(`createRequire(${here})(${JSON.stringify(`./addons/${name}`)})`)}`
    },
  }
}

/** Parts of packages that we never ask for: half a megabyte of text that every start would read. What stands in their place is empty. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  '@fastify/ajv-compiler': 'src/api/app.ts compiles by itself, when a route is asked for first',
  '@fastify/fast-json-stringify-compiler': 'answers are made by their handlers',
  'light-my-request': 'a way to ask a server without a connection, for tests',
  semver: 'for plugins that ask for a version of fastify: there are none',
  '@opentelemetry/api': 'for traces that are told along with figures',
}

function leftOut(): Plugin {
  return {
    name: 'left out',
    resolveId: (id) => (Object.hasOwn(LEFT_OUT, id) ? virtual(`none:${id}`) : null),
    load: (id) => (id.startsWith(virtual('none:')) ? "const none = {}\nexport { none as default, none as 'module.exports' }" : null),
  }
}

/** A static import would stand at the top of the file and load the module at every start, in both threads. */
function builtins(): Plugin {
  const prefix = virtual('node:')
  return {
    name: "Node's own modules",
    resolveId(id, importer, { kind }) {
      const name = id.replace(/^node:/, '')
      return kind === 'import-statement' && importer !== RUNTIME_MODULE_ID && builtinModules.includes(name) ? prefix + name : null
    },
    load(id) {
      if (!id.startsWith(prefix)) return null
      const name = id.slice(prefix.length)
      const names = Object.keys(process.getBuiltinModule(`node:${name}`) as object).filter((one) => /^[A-Za-z]\w*$/.test(one) && one !== 'default')
      const code = [`const all = process.getBuiltinModule(${JSON.stringify(name)})`, 'export default all', ...names.map((one) => `export const ${one} = all.${one}`)]
      return { code: code.join('\n'), moduleSideEffects: false }
    },
  }
}

/** Other characters than ASCII are in strings and expressions only, where an escape is the same. */
function asciiOf(code: string): string {
  const escaped = /\\\P{ASCII}/u.exec(code)
  if (escaped !== null) throw new Error(`the bundle cannot be made ASCII: ${JSON.stringify(code.slice(escaped.index - 40, escaped.index + 40))}`)
  return code.replaceAll(/\P{ASCII}/gu, (character) => character.split('').map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''))
}

export interface Bundle {
  readonly code: string
  /** Folders below node_modules that code was taken from. */
  readonly packages: readonly string[]
}

export async function makeBundle(): Promise<Bundle> {
  // A thread that is started from text is CommonJS, and has no file that it could find things beside.
  const thread = await bundleOf('src/store/worker.ts', 'cjs', 'HERE', [])
  const program = await bundleOf('src/cli.ts', 'esm', 'import.meta.url', [ownLayout(thread.code), await pageFiles()])
  return { code: program.code, packages: [...new Set([...thread.packages, ...program.packages, ...PAGE_PACKAGES.map((name) => join(PACKAGES, name))])].toSorted() }
}

/** One file of the source with all that it imports. */
export async function bundleOf(input: string, format: 'cjs' | 'esm', here: string, plugins: readonly Plugin[]): Promise<Bundle> {
  const warnings: string[] = []
  const build = await rolldown({
    input: join(ROOT, input),
    cwd: ROOT,
    platform: 'node',
    plugins: [...plugins, addons(here), leftOut(), builtins()],
    // CommonJS has these names, a module has not. Only what looks for its add-on asks for them, and is not answered with a folder.
    transform: { define: { __dirname: '""', __filename: '""' } },
    treeshake: { propertyReadSideEffects: false },
    optimization: { pifeForModuleWrappers: false },
    onLog: (level, { message }) => void (level === 'warn' && warnings.push(message)),
  })
  const { output } = await build.generate({ format, codeSplitting: false, strictExecutionOrder: true, comments: false })
  await build.close()
  if (warnings.length > 0) throw new Error(`the bundler warns:\n${warnings.join('\n')}`)
  const packages = Object.entries(output[0].modules).flatMap(([id]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? [])
  return { code: asciiOf(output[0].code), packages }
}

/** What application updates are made for. */
export function identityOfBundle(code: string): Identity {
  const { version, dependencies } = manifestIn(ROOT)
  const addons = Object.values(ADDONS).map(({ package: name }) => `${name}@${manifestIn(join(PACKAGES, name)).version}`)
  return identityOf(version, dependencies['node']!, addons, code)
}

function manifestIn(folder: string): { readonly version: string; readonly dependencies: Readonly<Record<string, string>> } {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as ReturnType<typeof manifestIn>
}

/** Writes the program to `folder`. An add-on that is not there is left out, and its name answered. */
export function writeBundle(folder: string, { code }: Bundle, arch: Arch): readonly string[] {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'addons'), { recursive: true })
  writeFileSync(join(folder, BUNDLE_NAME), code)
  writeFileSync(join(folder, IDENTITY_FILE), `${formatIdentity(identityOfBundle(code))}\n`)
  cpSync(join(ROOT, 'board'), join(folder, 'board'), { recursive: true, filter: (file) => !file.endsWith('.md') })
  const missing: string[] = []
  for (const [name, { file }] of Object.entries(ADDONS)) {
    try {
      cpSync(realpathSync(join(PACKAGES, file(arch))), join(folder, 'addons', name))
    } catch {
      missing.push(name)
    }
  }
  return missing
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { arch: { type: 'string', default: process.arch } } })
  const folder = positionals[0] ?? join(ROOT, 'out/bundle')
  const missing = writeBundle(folder, await makeBundle(), values.arch as Arch)
  process.stdout.write(`${folder}${missing.length > 0 ? `, without ${missing.join(', ')}` : ''}\n`)
}
