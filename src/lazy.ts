// A set and a map that take memory only when something is in them: an idle connection has seven of them, and ten thousand idle
// connections would have 15 MB of nothing.

const EMPTY: readonly never[] = []

export class LazySet<T> implements Iterable<T> {
  #set: Set<T> | null = null

  get size(): number {
    return this.#set === null ? 0 : this.#set.size
  }

  has(item: T): boolean {
    return this.#set !== null && this.#set.has(item)
  }

  add(item: T): void {
    this.#set ??= new Set()
    this.#set.add(item)
  }

  /** True when it was there. */
  delete(item: T): boolean {
    return this.#set !== null && this.#set.delete(item)
  }

  clear(): void {
    this.#set = null
  }

  [Symbol.iterator](): Iterator<T> {
    return (this.#set ?? EMPTY)[Symbol.iterator]()
  }
}

export class LazyMap<K, V> implements Iterable<[K, V]> {
  #map: Map<K, V> | null = null

  get size(): number {
    return this.#map === null ? 0 : this.#map.size
  }

  has(key: K): boolean {
    return this.#map !== null && this.#map.has(key)
  }

  get(key: K): V | undefined {
    return this.#map === null ? undefined : this.#map.get(key)
  }

  set(key: K, value: V): void {
    this.#map ??= new Map()
    this.#map.set(key, value)
  }

  /** True when it was there. */
  delete(key: K): boolean {
    return this.#map !== null && this.#map.delete(key)
  }

  clear(): void {
    this.#map = null
  }

  keys(): Iterable<K> {
    return this.#map === null ? EMPTY : this.#map.keys()
  }

  values(): Iterable<V> {
    return this.#map === null ? EMPTY : this.#map.values()
  }

  [Symbol.iterator](): Iterator<[K, V]> {
    return (this.#map ?? EMPTY)[Symbol.iterator]()
  }
}
