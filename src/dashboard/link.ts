// Makes one module of the page's many, so that a visit takes five requests and not fifty. Each becomes a function that is called once, in the order in
// which they need each other: names stay apart, and there is nothing to be renamed. Knows the forms that the page uses, and refuses any other. Pure.

export interface Linked {
  readonly code: string
  /** In the order in which they run. */
  readonly modules: readonly string[]
}

const IMPORT = /^import (?:(\w+)(?:,\s*)?)?(?:\{([^}]*)\})?\s*from '([^']+)'$/gm
const EXPORT = /^export ((?:async )?function|class|const) (\w+)/gm

/** `read`: a module as JavaScript, by its path. What is imported from a package stays imported. */
export function link(entry: string, read: (name: string) => string): Linked {
  const outside = new Set<string>()
  const written = new Map<string, string>()
  const open = new Set<string>()

  function visit(name: string): void {
    if (written.has(name)) return
    if (open.has(name)) throw new Error(`${name} needs itself, over ${[...open].join(', ')}`)
    open.add(name)
    const taken: string[] = []
    const body = read(name).replaceAll(IMPORT, (whole, alone: string | undefined, names: string | undefined, from: string) => {
      if (!from.startsWith('.')) {
        if (alone === undefined) throw new Error(`${name}: only a package's default is taken: ${whole}`)
        outside.add(`import ${alone} from '${from}'`)
        return ''
      }
      const to = new URL(from, `file:///${name}`).pathname.slice(1)
      visit(to)
      const parts = (names ?? '').split(',').map((part) => part.trim()).filter((part) => part !== '')
      if (parts.length > 0) taken.push(`const { ${parts.map((part) => part.replace(' as ', ': ')).join(', ')} } = ${variableOf(to)}`)
      return ''
    })
    const given: string[] = []
    const inner = body.replaceAll(EXPORT, (_, kind: string, of: string) => {
      given.push(of)
      return `${kind} ${of}`
    })
    const strange = /^(?:import|export)\b.*$/m.exec(inner)
    if (strange !== null) throw new Error(`${name} has a form that is not linked: ${strange[0]}`)
    open.delete(name)
    written.set(name, [`const ${variableOf(name)} = (() => {`, ...taken, inner.trim(), `return { ${given.join(', ')} }`, '})()'].join('\n'))
  }

  visit(entry)
  return { code: [...outside, ...written.values(), ''].join('\n'), modules: [...written.keys()] }
}

/** `parts/topic-tree.ts` → `$parts_topic_tree` */
function variableOf(name: string): string {
  return `$${name.replace(/\.\w+$/, '').replaceAll(/\W/g, '_')}`
}
