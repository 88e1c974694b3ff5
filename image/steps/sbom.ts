// What is in an image, as CycloneDX 1.6 JSON: Debian's packages of userland, kernel and firmware, the program with its npm packages and its Node.
//   steps/sbom.ts VERSION ARCH EPOCH OUT PACKAGES.tsv…
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface Component {
  readonly type: 'library' | 'application' | 'operating-system' | 'framework'
  readonly name: string
  readonly version: string
  readonly purl: string
}

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly dev?: boolean; readonly optional?: boolean }>>
}

const PROJECT = join(import.meta.dirname, '../..')
const [version = '', arch = '', epoch = '', out = '', ...lists] = process.argv.slice(2)

function debian(list: string): Component[] {
  const lines = readFileSync(list, 'utf8').split('\n').filter((line) => line !== '')
  return lines.map((line) => {
    const [name = '', packageVersion = '', source = name] = line.split('\t')
    const upstream = source === name ? '' : `&upstream=${encodeURIComponent(source)}`
    return { type: 'library', name, version: packageVersion, purl: `pkg:deb/debian/${name}@${encodeURIComponent(packageVersion)}?arch=${arch}&distro=debian-13${upstream}` }
  })
}

/** Those that the gateway runs with: the lock file marks what only tests need. */
function npm(): Component[] {
  const lock = JSON.parse(readFileSync(join(PROJECT, 'package-lock.json'), 'utf8')) as LockFile
  return Object.entries(lock.packages).flatMap(([path, { version: packageVersion, dev }]) => {
    if (path === '' || dev === true || packageVersion === undefined) return []
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    return [{ type: name === 'node' ? 'framework' : 'library', name, version: packageVersion, purl: `pkg:npm/${name.replace('@', '%40')}@${packageVersion}` } as const]
  })
}

const components = [...lists.flatMap(debian), ...npm()]
const unique = [...new Map(components.map((component) => [component.purl, component])).values()].sort((a, b) => (a.purl < b.purl ? -1 : 1))
const document = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  version: 1,
  metadata: {
    timestamp: new Date(Number(epoch) * 1000).toISOString(),
    component: { type: 'operating-system', name: `sandpiper-image-${arch}`, version, 'bom-ref': `sandpiper-image-${arch}@${version}` },
  },
  components: unique.map((component) => ({ 'bom-ref': component.purl, ...component })),
}
writeFileSync(out, `${JSON.stringify(document, null, 2)}\n`)
