// The shape of the checked section `http`.
import type { TlsConfig } from './config.ts'

/** viewer looks. operator also publishes, disconnects, empties queues, and says when links are used. admin also changes the configuration and installs updates. */
export const API_ROLES = ['viewer', 'operator', 'admin'] as const

export type ApiRole = (typeof API_ROLES)[number]

export interface HttpConfig {
  readonly listeners: readonly HttpListenerConfig[]
  /** By name, each once. */
  readonly tokens: readonly ApiTokenConfig[]
  /** What whoever comes from this machine and does not say who it is may do; null for nothing. */
  readonly anonymous: ApiRole | null
  /** Requests of one address in any minute. */
  readonly requestsPerMinuteMax: number
}

export interface HttpListenerConfig {
  readonly port: number
  readonly host: string
  /** Only programs of this machine come by it. */
  readonly isLoopback: boolean
  /** own: a key and certificate that the gateway makes for itself; null for none. */
  readonly tls: HttpTlsConfig | 'own' | null
}

/** Clients of the API show no certificates. */
export type HttpTlsConfig = Pick<TlsConfig, 'keyFile' | 'certFile' | 'minVersion'>

export interface ApiTokenConfig {
  readonly name: string
  /** null: it could not be read, and the gateway had to come up all the same. Nobody comes in by it. */
  readonly token: Buffer | null
  readonly role: ApiRole
}
