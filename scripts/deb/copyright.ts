// Writes the package's copyright file (Debian's machine-readable form, version 1.0) to standard output: ours, Node's, and those of all packages
// that code in the bundle or in an add-on comes from, as they lie in node_modules. A package that says nothing of its licence ends the build.
//
//   node scripts/deb/copyright.ts LICENCE_OF_NODE
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { makeBundle, ROOT } from '../bundle.ts'

/** Compiled into the add-ons, and so in no bundle: headers, and SQLite itself. */
const IN_ADDONS = ['nan', 'node-addon-api'].map((name) => join(ROOT, 'node_modules', name))

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY
CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
  readonly author?: string | { readonly name: string }
}

interface Stanza {
  readonly files: string
  readonly copyright: readonly string[]
  readonly license: string
  readonly text: string
  readonly comment?: string
}

/** Values of several lines: each begins with a blank, an empty one is a point. */
function folded(text: string): string {
  return text.trim().split(/\r?\n/).map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`)).join('\n')
}

function write({ files, copyright, license, text, comment }: Stanza): string {
  const lines = [`Files: ${files}`, `Copyright:\n${folded(copyright.join('\n'))}`, `License: ${license}\n${folded(text)}`]
  return [...lines, ...(comment === undefined ? [] : [`Comment: ${comment}`])].join('\n')
}

function stanzaOf(folder: string): Stanza {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  const file = readdirSync(folder).find((one) => /^(licen[cs]e|copying)/i.test(one))
  const own = file === undefined ? null : readFileSync(join(folder, file), 'utf8')
  if (own === null && license !== 'MIT') throw new Error(`${name} ${version} has no licence file, and its package.json says ${license ?? 'nothing'}: find out what it may be used for`)
  const holders = (own ?? '').split(/\r?\n/).filter((line) => /^\W*(copyright\b|\(c\)|©)/i.test(line) && /\d{4}|contributors|authors/i.test(line)).map((line) => line.trim())
  const writer = typeof author === 'string' ? author : author?.name
  return {
    files: relative(ROOT, folder) + '/*',
    copyright: holders.length > 0 ? holders : [writer ?? `The authors of ${name}`],
    license: license ?? 'other',
    text: own ?? MIT,
    comment: `${name} ${version}`,
  }
}

const [licenceOfNode] = process.argv.slice(2)
if (licenceOfNode === undefined) throw new Error('copyright.ts needs the licence of Node: node scripts/deb/copyright.ts LICENCE')
const { packages } = await makeBundle()
const stanzas: Stanza[] = [
  { files: '*', copyright: ['The authors of Sandpiper'], license: 'Apache-2.0', text: 'On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.' },
  { files: 'usr/lib/sandpiper/node', copyright: ['Node.js contributors, and the authors of the libraries in it, as named below'], license: 'Node.js', text: readFileSync(licenceOfNode, 'utf8') },
  {
    files: 'node_modules/better-sqlite3/deps/sqlite3/*',
    copyright: ['None: its authors disclaim copyright'],
    license: 'public-domain',
    text: 'The author disclaims copyright to this source code. All of SQLite that is deliverable is in the public domain: https://www.sqlite.org/copyright.html',
    comment: 'in usr/lib/sandpiper/addons/sqlite.node',
  },
  ...[...packages, ...IN_ADDONS].toSorted().map(stanzaOf),
]
const header = [
  'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
  'Upstream-Name: sandpiper',
  'Comment: Folders of node_modules are those of the source: code of theirs is in',
  ' usr/lib/sandpiper/sandpiper.mjs or in usr/lib/sandpiper/addons/.',
].join('\n')
process.stdout.write(`${[header, ...stanzas.map(write)].join('\n\n')}\n`)
