// A farm with devices of many makers: what a broker between them hears in an ordinary hour.
//
//   3 thermostats    60 s    {"battery":87,"linkquality":112,"local_temperature":20.4,"occupied_heating_setpoint":21,"running":true,"system_mode":"heat"}
//   2 doors          30 s*   {"battery":97,"contact":true,"linkquality":93,"voltage":3005}        * only when something happened, or every tenth time
//   GPS tracker      30 s    {"lat":53.118274,"lon":8.602741,"alt":12.4,"speed":8.3,"course":271.5,"sat":9,"hdop":0.9,"fix":true}; no course while it stands
//   2 smart plugs    10 s    {"Time":"2026-11-21T06:00:10","ENERGY":{"Total":81.337,"Power":82,"Voltage":231,"Current":0.372}}
//   pump             15 s    {"state":"running","rpm":1450,"pressure":3.42,"starts":1234,"runtime_s":456789,"fault":false}
//   weather station  30 s    {"temp":7.3,"hum":81,"wind":4.2,"gust":6.9,"dir":243,"rain_mm":12.4,"uv":0.3,"bat_ok":true}; no uv in the dark
//   milk tank        20 s    4.12 (plain number, °C)
//   gate              5 s*   open, closed (plain text)                                            * when it changes
//
// Noise: about 13 bits a reading, a third of them in the time of arrival; and what is no noise but news: where the tractor drives, when a
// load is switched.
import type { Noise } from '../noise.ts'
import { type Device, START_MS } from './device.ts'

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value))

function thermostat(name: string, noise: Noise): Device {
  let temperature = noise.between(18, 21)
  const setpoint = Math.round(noise.between(19, 22) * 2) / 2
  const battery = Math.round(noise.between(60, 99))
  const link = noise.between(60, 180)
  let runs = false
  return {
    topic: `zigbee/thermostat_${name}`,
    periodMs: 60_000,
    read(atSec, n) {
      if (temperature < setpoint - 0.4) runs = true
      if (temperature > setpoint + 0.2) runs = false
      temperature += (runs ? 0.05 : -0.03) + n.hidden(0.01)
      const values = { battery: battery - Math.floor(atSec / 200_000), linkquality: Math.round(clamp(link + n.normal(4, 1), 0, 255)), local_temperature: round(temperature + n.normal(0.05, 0.1), 1) }
      return JSON.stringify({ ...values, occupied_heating_setpoint: setpoint, running: runs, system_mode: 'heat' })
    },
  }
}

function door(name: string, noise: Noise): Device {
  let contact = true
  let turn = 0
  const link = noise.between(60, 140)
  return {
    topic: `zigbee/door_${name}`,
    periodMs: 30_000,
    read(_, n) {
      const changes = n.chance(contact ? 0.02 : 0.6)
      if (changes) contact = !contact
      if (!changes && ++turn % 10 !== 0) return null
      return JSON.stringify({ battery: 97, contact, linkquality: Math.round(link + n.normal(4, 1)), voltage: 5 * Math.round((3005 + n.normal(4, 5)) / 5) })
    },
  }
}

/** A tractor on its fields: it drives, turns and stands; the receiver's error wanders over minutes, and little of it is new from fix to fix. */
function tracker(): Device {
  let [lat, lon, course, speed, moves] = [53.118274, 8.602741, 90, 0, true]
  let [errorNorth, errorEast] = [0, 0]
  const metre = 1 / 111_320
  return {
    topic: 'tractor/position',
    periodMs: 30_000,
    read(_, n) {
      if (n.between(0, 1) < (moves ? 0.04 : 0.1)) moves = !moves
      speed = moves ? clamp(speed + n.hidden(0.5) + (8 - speed) * 0.2, 0.5, 14) : 0
      if (moves && n.between(0, 1) < 0.2) course = (course + 180 + n.hidden(3)) % 360 // at the end of a row
      const radians = (course * Math.PI) / 180
      lat += ((speed / 3.6) * 30 * Math.cos(radians)) * metre
      lon += (((speed / 3.6) * 30 * Math.sin(radians)) * metre) / 0.6
      errorNorth = errorNorth * 0.9 + n.hidden(0.6)
      errorEast = errorEast * 0.9 + n.hidden(0.6)
      const north = lat + (errorNorth + n.normal(0.05, 0.11)) * metre
      const east = lon + ((errorEast + n.normal(0.05, 0.067)) * metre) / 0.6
      const heading = moves ? { course: round(((course + n.normal(0.8, 0.1)) % 360 + 360) % 360, 1) } : {}
      const sat = Math.round(clamp(9 + n.normal(0.4, 1), 4, 12))
      const values = { lat: Number(north.toFixed(6)), lon: Number(east.toFixed(6)), alt: round(12 + n.normal(0.15, 0.1), 1), speed: round(Math.max(0, speed + (moves ? n.normal(0.1, 0.1) : 0)), 1) }
      return JSON.stringify({ ...values, ...heading, sat, hdop: sat > 8 ? 0.9 : 1.2, fix: true })
    },
  }
}

function plug(name: string, watts: number, noise: Noise): Device {
  let total = noise.between(20, 400)
  let on = true
  return {
    topic: `tele/plug_${name}/SENSOR`,
    periodMs: 10_000,
    read(atSec, n) {
      if (n.between(0, 1) < 0.01) on = !on
      const power = on ? Math.max(0, Math.round(watts + n.normal(watts * 0.01, 1))) : 0
      total += power / 360_000
      const voltage = Math.round(231 + n.normal(0.7, 1))
      const Time = new Date(START_MS + Math.floor(atSec) * 1000).toISOString().slice(0, 19)
      return JSON.stringify({ Time, ENERGY: { Total: round(total, 3), Power: power, Voltage: voltage, Current: round(power / voltage, 3) } })
    },
  }
}

function pump(): Device {
  let [state, starts, runtime, pressure] = ['running', 1234, 456_789, 3.4]
  return {
    topic: 'well/pump',
    periodMs: 15_000,
    read(_, n) {
      if (pressure > 4 && state === 'running') state = 'idle'
      else if (pressure < 2.6 && state === 'idle') {
        state = 'running'
        starts++
      }
      pressure += (state === 'running' ? 0.035 : -0.02) + n.hidden(0.01)
      if (state === 'running') runtime += 15
      const rpm = state === 'running' ? 10 * Math.round((1450 + n.normal(6, 10)) / 10) : 0
      return JSON.stringify({ state, rpm, pressure: round(pressure + n.normal(0.01, 0.01), 2), starts, runtime_s: runtime, fault: false })
    },
  }
}

function weather(): Device {
  let [wind, direction, rain] = [4, 240, 12.4]
  return {
    topic: 'weather',
    periodMs: 30_000,
    read(atSec, n) {
      const sun = Math.max(0, Math.sin((2 * Math.PI * (atSec - 3600)) / 64_800))
      wind = clamp(wind + n.hidden(0.3) + (4 - wind) * 0.05, 0, 20)
      direction = (direction + n.hidden(4) + 360) % 360
      if (n.chance(0.02)) rain += 0.2
      const speed = Math.max(0, wind + n.normal(0.5, 0.1))
      const values = { temp: round(6 + 5 * sun + n.normal(0.05, 0.1), 1), hum: Math.round(85 - 15 * sun + n.normal(0.5, 1)), wind: round(speed, 1), gust: round(speed * 1.3 + Math.abs(n.normal(0.6, 0.1)), 1) }
      const more = { dir: Math.round((direction + n.normal(6, 1) + 360) % 360), rain_mm: round(rain, 1) }
      return JSON.stringify({ ...values, ...more, ...(sun > 0 ? { uv: round(2 * sun + Math.abs(n.normal(0.03, 0.1)), 1) } : {}), bat_ok: true })
    },
  }
}

function milkTank(): Device {
  let temperature = 4.6
  return {
    topic: 'dairy/tank/temperature',
    periodMs: 20_000,
    read(_, n) {
      temperature += n.between(0, 1) < 0.002 ? 6 : (4.1 - temperature) * 0.004
      return (temperature + n.normal(0.015, 0.01)).toFixed(2)
    },
  }
}

function gate(): Device {
  let open = false
  return {
    topic: 'yard/gate',
    periodMs: 5000,
    read(_, n) {
      if (!n.chance(open ? 0.05 : 0.003)) return null
      open = !open
      return open ? 'open' : 'closed'
    },
  }
}

export function mixed(noise: Noise): Device[][] {
  const indoor = ['kitchen', 'office', 'stable'].map((name) => thermostat(name, noise))
  const doors = ['front', 'barn'].map((name) => door(name, noise))
  const plugs = [plug('freezer', 82, noise), plug('charger', 1460, noise)]
  return [...indoor, ...doors, tracker(), ...plugs, pump(), weather(), milkTank(), gate()].map((device) => [device])
}

function round(value: number, digits: number): number {
  const text = value.toFixed(digits)
  return Number(text) === 0 ? 0 : Number(text) // no -0
}
