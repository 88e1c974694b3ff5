// What the kernel's numbers mean, and what we make of them: one table for each interface. The kernel counts in the smallest unit that needs no
// fraction; people do not. `factor` times the kernel's number is a value in `unit`.
export interface Unit {
  readonly unit: string | null
  readonly factor: number
}

/** Units after offset and scale, or of `_input` (Documentation/ABI/testing/sysfs-bus-iio). A kind that is not here comes as the kernel gives it. */
export const IIO_UNITS: Readonly<Record<string, Unit>> = {
  accel: { unit: 'm/s²', factor: 1 },
  altcurrent: { unit: 'A', factor: 0.001 }, // mA
  altvoltage: { unit: 'V', factor: 0.001 }, // mV
  angl: { unit: '°', factor: 180 / Math.PI }, // rad
  anglvel: { unit: '°/s', factor: 180 / Math.PI }, // rad/s
  capacitance: { unit: 'nF', factor: 1 },
  colortemp: { unit: 'K', factor: 1 },
  concentration: { unit: 'ppm', factor: 10_000 }, // %
  count: { unit: null, factor: 1 },
  current: { unit: 'A', factor: 0.001 }, // mA
  distance: { unit: 'm', factor: 1 },
  electricalconductivity: { unit: 'S/m', factor: 1 },
  energy: { unit: 'J', factor: 1 },
  gravity: { unit: 'm/s²', factor: 1 },
  humidityrelative: { unit: '%', factor: 0.001 }, // m%
  illuminance: { unit: 'lx', factor: 1 },
  incli: { unit: '°', factor: 1 },
  magn: { unit: 'µT', factor: 100 }, // Gauss
  massconcentration: { unit: 'µg/m³', factor: 1 },
  ph: { unit: 'pH', factor: 1 },
  positionrelative: { unit: '%', factor: 0.001 }, // m%
  power: { unit: 'W', factor: 0.001 }, // mW
  pressure: { unit: 'hPa', factor: 10 }, // kPa
  resistance: { unit: 'Ω', factor: 1 },
  temp: { unit: '°C', factor: 0.001 }, // m°C
  velocity: { unit: 'm/s', factor: 1 },
  voltage: { unit: 'V', factor: 0.001 }, // mV
}

/** Documentation/hwmon/sysfs-interface.rst */
export const HWMON_UNITS: Readonly<Record<string, Unit>> = {
  curr: { unit: 'A', factor: 0.001 }, // mA
  energy: { unit: 'J', factor: 1e-6 }, // µJ
  fan: { unit: 'rpm', factor: 1 },
  freq: { unit: 'Hz', factor: 1 },
  humidity: { unit: '%', factor: 0.001 }, // m%
  in: { unit: 'V', factor: 0.001 }, // mV
  power: { unit: 'W', factor: 1e-6 }, // µW
  temp: { unit: '°C', factor: 0.001 }, // m°C
}

/** Documentation/ABI/testing/sysfs-class-power, by attribute; `field` is what we call it. Texts and yes or no have no factor. */
export const SUPPLY_ATTRIBUTES: readonly { readonly attribute: string; readonly field: string; readonly unit: string | null; readonly as: number | 'text' | 'yes-or-no' }[] = [
  { attribute: 'voltage_now', field: 'voltage', unit: 'V', as: 1e-6 }, // µV
  { attribute: 'current_now', field: 'current', unit: 'A', as: 1e-6 }, // µA
  { attribute: 'power_now', field: 'power', unit: 'W', as: 1e-6 }, // µW
  { attribute: 'charge_now', field: 'charge', unit: 'Ah', as: 1e-6 }, // µAh
  { attribute: 'energy_now', field: 'energy', unit: 'Wh', as: 1e-6 }, // µWh
  { attribute: 'capacity', field: 'capacity', unit: '%', as: 1 },
  { attribute: 'temp', field: 'temperature', unit: '°C', as: 0.1 }, // tenths
  { attribute: 'cycle_count', field: 'cycles', unit: null, as: 1 },
  { attribute: 'time_to_empty_now', field: 'timeToEmpty', unit: 's', as: 1 },
  { attribute: 'time_to_full_now', field: 'timeToFull', unit: 's', as: 1 },
  { attribute: 'status', field: 'status', unit: null, as: 'text' },
  { attribute: 'health', field: 'health', unit: null, as: 'text' },
  { attribute: 'online', field: 'online', unit: null, as: 'yes-or-no' },
  { attribute: 'present', field: 'present', unit: null, as: 'yes-or-no' },
]
