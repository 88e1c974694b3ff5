// A gateway, a cloud or an unpacker: its runs follow each other on one disk, and links lead to it.
import type { Clock } from '../../src/clock.ts'
import type { Link } from './link.ts'
import type { Life } from './sim-clock.ts'
import { Disk } from './sim-store.ts'
import { Site, type SiteOptions } from './site.ts'

export class Place {
  readonly disk: Disk
  /** null while it is down. */
  site: Site | null = null
  readonly name: string
  readonly links = new Set<Link>()
  readonly #clock: Clock
  #options: Omit<SiteOptions, 'disk'>
  #dropped = 0

  /** `life`: of the world, which outlives every run. */
  constructor(options: Omit<SiteOptions, 'disk'>, life: Life) {
    this.name = options.name
    this.#options = options
    this.#clock = options.clock.of(life, options.wall)
    this.disk = new Disk(this.#clock, options.random)
  }

  /** With what has changed in its configuration. */
  async start(changes: Partial<Omit<SiteOptions, 'disk'>> = {}): Promise<void> {
    this.#options = { ...this.#options, ...changes }
    this.site = await Site.start({ ...this.#options, disk: this.disk })
  }

  /** Messages a limit took, in all runs. A crash may come between the drop and its count. */
  get dropped(): number {
    return this.#dropped + (this.site?.counters.droppedQueueLimit ?? 0)
  }

  /** What the store has when nothing is under way any more, a sentence each. */
  async leftovers(): Promise<readonly string[]> {
    const { destinations, inflight, received } = await this.disk.memory.open()
    return [
      ...destinations.filter((d) => d.queued.count !== 0).map((d) => `the store has ${d.queued.count} messages for ${d.name} at the end`),
      ...inflight.map((row) => `the store has identifier ${row.packetIdentifier} of ${row.destination} in flight (${row.phase}) at the end`),
      ...received.map((row) => `the store has identifier ${row.packetIdentifier} of ${row.destination} received at the end`),
    ]
  }

  kill(): void {
    this.#dropped += this.site?.counters.droppedQueueLimit ?? 0
    this.site?.kill()
    this.site = null
  }

  /** `link` leads here: after `latencyMs` it is open, or broken when nobody is there to take it. */
  connect(link: Link, latencyMs: number): Link {
    this.links.add(link)
    for (const other of this.links) if (!other.open) this.links.delete(other)
    const { site } = this
    this.#clock.after(latencyMs, () => {
      if (this.site !== site || site === null) return link.break()
      site.accept(link.b)
      link.a.emit('connect')
    })
    return link
  }
}
