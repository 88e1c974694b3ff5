// Carries out a plan: writes what has changed, removes what is of a configuration before, and tells the programs whose files these are.
//
// What is always true: done twice, the second time does nothing; what cannot be done is told and the rest is done all the same; at the start of the
// machine nobody is told anything, for those who read these files start after it.
import type { Machine } from './machine.ts'
import type { Concern, Connection, Plan } from './plan.ts'

const HOSTNAME_OF_KERNEL = '/proc/sys/kernel/hostname'

export interface CarriedOut {
  /** Paths that were written or removed. */
  readonly changed: readonly string[]
  /** What could not be done, in a sentence each. */
  readonly failures: readonly string[]
}

interface Changes {
  readonly paths: readonly string[]
  readonly concerns: ReadonlySet<Concern>
  readonly failures: readonly string[]
}

export async function carryOut(plan: Plan, machine: Machine, isFirst: boolean): Promise<CarriedOut> {
  const { paths, concerns, failures } = writeFiles(plan, machine)
  const told: string[] = [...failures]
  const attempt = async (what: string, program: string, args: readonly string[]): Promise<void> => {
    const { ok, output } = await machine.run(program, args)
    if (!ok) told.push(`${what}: ${output}`)
  }
  if (machine.read(HOSTNAME_OF_KERNEL)?.trim() !== plan.hostname) {
    try {
      machine.order(HOSTNAME_OF_KERNEL, plan.hostname)
    } catch {
      await attempt('the host name was not set', 'hostname', [plan.hostname])
    }
  }
  if (plan.country !== null) await attempt(`the radio was not told that this is ${plan.country}`, 'iw', ['reg', 'set', plan.country])
  if (!isFirst) {
    if (concerns.has('time')) await attempt('chrony was not started anew', 'systemctl', ['--no-block', 'try-restart', 'chrony.service'])
    if (concerns.has('ssh')) await attempt('SSH was not told', 'systemctl', ['--no-block', 'start', 'ssh.service'])
    // Anew rather than told: its name and its networks are read at a start only. Without its file it stays ended.
    if (concerns.has('discovery')) await attempt('Avahi was not started anew', 'systemctl', ['--no-block', 'restart', 'avahi-daemon.service'])
    if (concerns.has('network')) await tellNetworkManager(plan.connections, paths, attempt)
  }
  return { changed: paths, failures: told }
}

function writeFiles({ files, folders }: Plan, machine: Machine): Changes {
  const paths: string[] = []
  const concerns = new Set<Concern>()
  const failures: string[] = []
  const planned = new Set(files.map((file) => file.path))
  const attempt = (path: string, concern: Concern, change: () => void): void => {
    try {
      change()
      paths.push(path)
      concerns.add(concern)
    } catch (error) {
      failures.push(`${path} was not written: ${(error as Error).message}`)
    }
  }
  for (const { path, content, mode, concern } of files) {
    if (machine.read(path) !== content) attempt(path, concern, () => machine.write(path, content, mode))
  }
  for (const { path: folder, prefix, concern } of folders) {
    for (const name of machine.list(folder)) {
      const path = `${folder}/${name}`
      if (name.startsWith(prefix) && !planned.has(path)) attempt(path, concern, () => machine.remove(path))
    }
  }
  return { paths, concerns, failures }
}

/** It reads its files when it is told; a connection that is up keeps what it had, so those that have changed are brought up anew. */
async function tellNetworkManager(connections: readonly Connection[], changed: readonly string[], attempt: (what: string, program: string, args: readonly string[]) => Promise<void>): Promise<void> {
  await attempt('NetworkManager was not told', 'nmcli', ['connection', 'reload'])
  for (const { uuid, name, isAutomatic } of connections) {
    if (!isAutomatic || !changed.some((path) => path.includes(uuid))) continue
    await attempt(`${name} was not brought up`, 'nmcli', ['--wait', '0', 'connection', 'up', 'uuid', uuid])
  }
}
