// A patient of a test: a configuration as text, a machine that is an empty tree where a test does not say more, time that stands still.
import { checkText } from '../../../src/config/load.ts'
import { examine } from '../../../src/doctor/doctor.ts'
import type { Finding } from '../../../src/doctor/finding.ts'
import { type GatewayView, noGateway } from '../../../src/doctor/gateway-view.ts'
import type { Edges, Patient } from '../../../src/doctor/patient.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FileTree } from '../../support/tree.ts'

/** A machine on which nothing is wrong. */
const WELL: Edges = {
  space: () => Promise.resolve({ bytes: 32e9, freeBytes: 20e9, files: 1e6, freeFiles: 9e5 }),
  isSynced: () => true,
  lookup: () => Promise.resolve(['127.0.0.1']),
  addresses: () => ['127.0.0.1', '::1', '192.168.7.2'],
}

export class DoctorBed implements Disposable {
  readonly tree: FileTree
  readonly clock = new FakeClock()
  readonly patient: Patient

  constructor(yaml: string, more: Partial<Omit<Patient, 'edges'>> & { readonly edges?: Partial<Edges>; readonly tree?: string; readonly board?: string } = {}) {
    const { edges, tree = '', board, ...rest } = more
    this.tree = new FileTree(tree)
    const checked = checkText(`site: test\nstore: { path: ${this.tree.root}/store }\n${yaml}`, `${this.tree.root}/gateway.yaml`, { secrets: 'skip', ...(board === undefined ? {} : { board }) })
    if ('problems' in checked) throw new Error(checked.problems[0]!.message)
    const file = { name: 'gateway.yaml', problems: [], warnings: [] }
    this.patient = { clock: this.clock, root: this.tree.root, config: checked.config, file, gateway: null, noGateway: noGateway('no gateway runs there', 'ENOENT', false), edges: { ...WELL, ...edges }, ...rest }
  }

  async all(): Promise<readonly Finding[]> {
    return examine(this.patient)
  }

  /** What is not in order, but for the gateway that does not run and a supply that nobody tells of. */
  async ill(): Promise<Finding[]> {
    return (await this.all()).filter(({ name, verdict }) => verdict !== 'ok' && name !== 'gateway' && !(name === 'power' && verdict === 'unknown'))
  }

  [Symbol.dispose](): void {
    this.tree[Symbol.dispose]()
  }
}

export function viewOfGateway(more: Partial<GatewayView> = {}): GatewayView {
  return { pid: 4711, timeSynced: true, config: { source: 'file', whole: true, trouble: null }, listeners: [{ port: 1883, host: '127.0.0.1' }], store: { bytes: 1e6, trouble: null }, uplinks: [], sensors: [], ...more }
}

/** One finding, and none else that is not in order. */
export function only(findings: readonly Finding[]): Finding {
  if (findings.length !== 1) throw new Error(`one finding was expected: ${JSON.stringify(findings, null, 1)}`)
  return findings[0]!
}
