// Makes of the page's sources what browsers get: types and comments are taken out, modules become one, style sheets too, and every file is packed
// (Brotli). Run as a program it prints them; the bundle's builder (scripts/bundle.ts) does the same once, so a device strips, links and packs nothing.
import { readFileSync } from 'node:fs'
import { createRequire, stripTypeScriptTypes } from 'node:module'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'
import { link } from './link.ts'

export interface PackedFile {
  readonly name: string
  readonly type: string
  /** In base 64. */
  readonly brotli: string
}

/** What the page is made of. The names are those that it is asked for by. */
const INDEX = 'index.html'
const ENTRY = 'page/main.ts'
const STYLES = ['base.css', 'shell.css', 'parts.css', 'views.css'] as const
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}
/** uPlot's smallest file is a script; the page takes it as a module. */
const CHARTS = { package: 'uplot', script: 'dist/uPlot.iife.min.js', export: '\nexport default uPlot\n', style: 'dist/uPlot.min.css' } as const

/** Whose code the page has. */
export const PAGE_PACKAGES: readonly string[] = [CHARTS.package]

const pack = promisify(brotliCompress)

export function packPage(): Promise<PackedFile[]> {
  const charts = join(createRequire(import.meta.url).resolve(CHARTS.package), '../..')
  const ofCharts = (file: string): string => readFileSync(join(charts, file), 'utf8')
  const texts: readonly (readonly [string, string])[] = [
    [INDEX, textOf('page/index.html')],
    ['icon.svg', textOf('style/icon.svg')],
    ['page.css', [ofCharts(CHARTS.style), ...STYLES.map((name) => textOf(`style/${name}`))].join('\n')],
    ['page.js', link(ENTRY, scriptOf).code.replace(`'${CHARTS.package}'`, "'./uplot.js'")],
    ['uplot.js', ofCharts(CHARTS.script) + CHARTS.export],
  ]
  return Promise.all(texts.map(async ([name, text]) => ({ name, type: TYPES[extname(name)]!, brotli: (await packed(text)).toString('base64') })))
}

function textOf(name: string): string {
  return readFileSync(join(import.meta.dirname, name), 'utf8')
}

/** Stripped types leave blanks behind, and comments are for who reads the source. */
function scriptOf(name: string): string {
  const script = stripTypeScriptTypes(textOf(name))
  return script.replaceAll(/^[ \t]*\/\*\*[\s\S]*?\*\/[ \t]*\n/gm, '').replaceAll(/^[ \t]*\/\/.*\n/gm, '').replaceAll(/[ \t;]+$/gm, '').replaceAll(/^\n+/gm, '')
}

function packed(text: string): Promise<Buffer> {
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: Buffer.byteLength(text) }
  return pack(text, { params })
}

if (import.meta.main) process.stdout.write(JSON.stringify(await packPage()))
