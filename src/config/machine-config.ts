// The shape of what a configuration says of the machine itself: its name, its network, its clock, who may log in. The image applies it
// (appliance/); elsewhere the machine's own system decides these.

/** An address of an interface, and how many of its bits are the network's. */
export interface InterfaceAddressConfig {
  readonly address: string
  readonly prefix: number
  readonly family: 'ipv4' | 'ipv6'
}

/** How an interface gets its addresses: those given here, and by DHCP or router advertisement for a family with none. */
export interface AddressingConfig {
  readonly addresses: readonly InterfaceAddressConfig[]
  /** At most one a family. */
  readonly gateways: readonly string[]
  /** Name servers; those given hold instead of what the network tells. */
  readonly dns: readonly string[]
}

export interface EthernetConfig extends AddressingConfig {
  /** null: every one that no other entry names. */
  readonly interface: string | null
}

/** A Wi-Fi network to join. */
export interface WifiConfig extends AddressingConfig {
  readonly ssid: string
  /** null for an open network, or when it could not be read and the gateway had to come up all the same. */
  readonly password: string | null
  readonly isOpen: boolean
  readonly security: 'wpa2' | 'wpa3'
  readonly hidden: boolean
  readonly interface: string | null
}

/** A Wi-Fi network of the gateway's own, for the devices around. */
export interface HotspotConfig {
  readonly ssid: string
  readonly password: string | null
  readonly interface: string | null
  readonly band: '2.4GHz' | '5GHz'
  /** null: the system chooses. */
  readonly channel: number | null
  readonly address: InterfaceAddressConfig
}

/** A cellular modem that ModemManager drives. */
export interface ModemConfig {
  readonly name: string
  /** null: what the network gives. */
  readonly apn: string | null
  readonly pin: string | null
  readonly user: string | null
  readonly password: string | null
  /** A link dials it; else it is connected all the time. */
  readonly isDialled: boolean
}

/** A modem at a serial port that pppd dials. */
export interface DialupConfig {
  readonly name: string
  readonly device: string
  readonly baud: number
  readonly hardwareFlow: boolean
  readonly number: string
  readonly user: string | null
  readonly password: string | null
  /** AT commands before the number is dialled. */
  readonly init: readonly string[]
  readonly answerTimeoutMs: number
}

export interface MachineNetworkConfig {
  /** ISO 3166: what Wi-Fi channels may be used; null leaves it to the radio. */
  readonly country: string | null
  readonly ethernet: readonly EthernetConfig[]
  /** The first that can be reached is joined. */
  readonly wifi: readonly WifiConfig[]
  readonly hotspot: HotspotConfig | null
  readonly modems: readonly ModemConfig[]
  readonly dialup: readonly DialupConfig[]
}

export interface TimeConfig {
  /** NTP servers and pools, by name or address. */
  readonly servers: readonly { readonly host: string; readonly isPool: boolean }[]
  /** A sensor whose satellites' time sets the machine's clock; null for none. */
  readonly gpsSensor: string | null
  /** Seconds by which its sentences come late. */
  readonly gpsDelaySec: number
  /** When the clock is set at once instead of being led there. */
  readonly step: 'start' | 'always' | 'never'
}

export interface MachineConfig {
  readonly hostname: string
  readonly ssh: { readonly keys: readonly string[] }
  readonly network: MachineNetworkConfig
  readonly time: TimeConfig
}
