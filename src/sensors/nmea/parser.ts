// What a sentence says, through @signalk/nmea0183-signalk, and the only importer of that package: it brings 25 MB of libraries into memory, so this
// file is loaded by the first sensor of its kind.
// Rules:
// - The package's units are those of physics (radians, kelvins, pascals); ours are those that people use. The table says both.
// - It takes an empty field for 0 in some sentences, and the system's clock for the time of a receiver that has none: BLANK names those fields,
//   and times are never taken from it (sentence.ts).
// - It throws at what is cut short, with a right checksum too: that is no reading.
import { Parser } from '@signalk/nmea0183-signalk'
import type { Raw, Units } from '../sensor.ts'
import { fixOf, type Sentence } from './sentence.ts'

interface Path {
  readonly field: string
  readonly unit?: string
  readonly factor: number
  readonly offset?: number
  /** Digits behind the point that receivers have. */
  readonly decimals: number
}

const DEGREES = 180 / Math.PI

/** By the package's path. */
const PATHS: Readonly<Record<string, Path>> = {
  'navigation.gnss.antennaAltitude': { field: 'altitude', unit: 'm', factor: 1, decimals: 2 },
  'navigation.gnss.satellites': { field: 'satellites', factor: 1, decimals: 0 },
  'navigation.gnss.horizontalDilution': { field: 'hdop', factor: 1, decimals: 2 },
  'navigation.speedOverGround': { field: 'speed', unit: 'm/s', factor: 1, decimals: 3 },
  'navigation.courseOverGroundTrue': { field: 'course', unit: '°', factor: DEGREES, decimals: 2 },
  'navigation.headingTrue': { field: 'headingTrue', unit: '°', factor: DEGREES, decimals: 2 },
  'navigation.headingMagnetic': { field: 'headingMagnetic', unit: '°', factor: DEGREES, decimals: 2 },
  'navigation.rateOfTurn': { field: 'rateOfTurn', unit: '°/s', factor: DEGREES, decimals: 3 },
  'navigation.speedThroughWater': { field: 'waterSpeed', unit: 'm/s', factor: 1, decimals: 3 },
  'environment.depth.belowTransducer': { field: 'depth', unit: 'm', factor: 1, decimals: 2 },
  'environment.depth.belowSurface': { field: 'depthBelowSurface', unit: 'm', factor: 1, decimals: 2 },
  'environment.depth.belowKeel': { field: 'depthBelowKeel', unit: 'm', factor: 1, decimals: 2 },
  'environment.water.temperature': { field: 'waterTemperature', unit: '°C', factor: 1, offset: -273.15, decimals: 2 },
  'environment.wind.angleApparent': { field: 'windAngle', unit: '°', factor: DEGREES, decimals: 1 },
  'environment.wind.speedApparent': { field: 'windSpeed', unit: 'm/s', factor: 1, decimals: 2 },
  'environment.wind.angleTrueWater': { field: 'trueWindAngle', unit: '°', factor: DEGREES, decimals: 1 },
  'environment.wind.speedTrue': { field: 'trueWindSpeed', unit: 'm/s', factor: 1, decimals: 2 },
  'environment.wind.speedOverGround': { field: 'trueWindSpeed', unit: 'm/s', factor: 1, decimals: 2 },
  'environment.wind.directionTrue': { field: 'windDirection', unit: '°', factor: DEGREES, decimals: 1 },
  'environment.outside.temperature': { field: 'airTemperature', unit: '°C', factor: 1, offset: -273.15, decimals: 2 },
  'environment.outside.dewPointTemperature': { field: 'dewPoint', unit: '°C', factor: 1, offset: -273.15, decimals: 2 },
  'environment.outside.pressure': { field: 'pressure', unit: 'hPa', factor: 0.01, decimals: 2 },
  'environment.outside.humidity': { field: 'humidity', unit: '%', factor: 100, decimals: 1 },
}

export const NMEA_UNITS: Units = { latitude: '°', longitude: '°', ...Object.fromEntries(Object.values(PATHS).flatMap(({ field, unit }) => (unit === undefined ? [] : [[field, unit]]))) }

/** A centimetre. */
const POSITION_DECIMALS = 7

/** Fields that an empty part of the sentence leaves without a value, by its place. */
const BLANK: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  GGA: { satellites: 6, hdop: 7, altitude: 8 },
  GNS: { satellites: 6, hdop: 7, altitude: 8 },
  MWV: { windAngle: 0, windSpeed: 2, trueWindAngle: 0, trueWindSpeed: 2 },
}

/** What a sentence has only with a fix. */
const OF_A_FIX: Readonly<Record<string, readonly string[]>> = {
  GGA: ['latitude', 'longitude', 'altitude', 'hdop'],
  GNS: ['latitude', 'longitude', 'altitude', 'hdop'],
  GLL: ['latitude', 'longitude'],
  RMC: ['latitude', 'longitude', 'speed', 'course'],
}

/**
 * What is read: sentences that tell where we are and what is around us. The package knows more of them, which tell of others: DSC has the
 * position of a ship in distress.
 */
const POSITION = ['GGA', 'GLL', 'GNS', 'RMC', 'VTG']
const BOAT = ['HDG', 'HDM', 'HDT', 'ROT', 'VHW', 'DBK', 'DBS', 'DBT', 'DPT']
const WEATHER = ['MTW', 'MWD', 'MWV', 'VWR', 'VWT', 'MDA', 'MTA']
const OF_US: ReadonlySet<string> = new Set([...POSITION, ...BOAT, ...WEATHER])

/** They tell of satellites; we do not. */
const OF_SATELLITES: ReadonlySet<string> = new Set(['GSA', 'GSV', 'GST', 'GBS', 'GRS'])

export type NmeaFields = Record<string, Raw>

export class SentenceParser {
  readonly #parser = new Parser({ validateChecksum: false })

  /** null when it is a sentence that nothing is known of, or that has nothing in it. */
  parse(sentence: Sentence): NmeaFields | null {
    if (OF_SATELLITES.has(sentence.id) || sentence.id === 'ZDA') return {}
    if (!OF_US.has(sentence.id)) return null
    const fields: NmeaFields = {}
    const fix = fixOf(sentence)
    if (fix === 'none') {
      for (const field of OF_A_FIX[sentence.id] ?? []) fields[field] = null
      const satellites = sentence.id === 'GGA' ? Number.parseInt(sentence.parts[6] ?? '', 10) : NaN
      return Number.isNaN(satellites) ? fields : { ...fields, satellites }
    }
    for (const { path, value } of this.#values(sentence)) put(fields, path, value)
    for (const [field, part] of Object.entries(BLANK[sentence.id] ?? {})) if (field in fields && (sentence.parts[part] ?? '') === '') fields[field] = null
    return Object.keys(fields).length === 0 ? null : fields
  }

  #values({ text }: Sentence): readonly { readonly path: string; readonly value: unknown }[] {
    try {
      return (this.#parser.parse(text)?.updates ?? []).flatMap((update) => update.values)
    } catch {
      return []
    }
  }
}

function put(fields: NmeaFields, path: string, value: unknown): void {
  if (path === 'navigation.position') {
    const { latitude, longitude } = (value ?? {}) as { readonly latitude?: number; readonly longitude?: number }
    fields['latitude'] = rounded(latitude, POSITION_DECIMALS)
    fields['longitude'] = rounded(longitude, POSITION_DECIMALS)
    return
  }
  const known = Object.hasOwn(PATHS, path) ? PATHS[path]! : null
  if (known === null) return
  fields[known.field] = typeof value === 'number' ? rounded(value * known.factor + (known.offset ?? 0), known.decimals) : null
}

function rounded(value: number | undefined, decimals: number): number | null {
  return value === undefined || !Number.isFinite(value) ? null : Number(value.toFixed(decimals))
}
