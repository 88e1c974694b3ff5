// A boiler room: what changes slowly, measured by good parts. One board publishes the six messages every 10 s, one behind the other.
//
//   four DS18B20     {"temperature":54.3125}                                      12 bits: steps of 0.0625 °C, noise of a third of one
//   BME280           {"temperature":21.43,"humidity":44.71,"pressure":1013.25}    16-fold oversampling without filter, as its common driver has it:
//                                                                                 0.003 °C, 0.02 %RH, 1.3 Pa of noise, steps of 0.01
//   tank level       {"level_mm":1834}                                            a pressure transmitter, steps of 1 mm, noise of 0.7
//
// The burner heats to 65 °C and waits until 50 °C; flow and return follow with their time constants, the buffer tank with hours; the room
// follows the day; air pressure wanders as weather does; the water tank is drawn from now and then and filled by a float valve.
// Noise: about 5.5 bits a reading, 3.6 of them in the time of arrival.
import type { Noise } from '../noise.ts'
import type { Device } from './device.ts'

const PERIOD_SEC = 10
const DS18B20_STEP = 0.0625
const DS18B20_SIGMA = 0.02

class BoilerRoom {
  #atSec = 0
  #burns = true
  flow = 52
  back = 44
  top = 58
  bottom = 49
  pressure = 1013
  #trend = 0
  level = 1800
  #drawn = 0

  /** To this time, in whole steps. */
  advance(atSec: number, noise: Noise): void {
    while (this.#atSec < atSec) {
      this.#atSec += PERIOD_SEC
      if (this.flow > 65) this.#burns = false
      if (this.flow < 50) this.#burns = true
      this.flow += ((this.#burns ? 80 : 38) - this.flow) * (PERIOD_SEC / 600)
      this.back += (this.flow - 9 - this.back) * (PERIOD_SEC / 240)
      this.top += (this.flow - 1 - this.top) * (PERIOD_SEC / 3600)
      this.bottom += (this.back - this.bottom) * (PERIOD_SEC / 7200)
      this.#trend = this.#trend * 0.999 + noise.hidden(0.00004)
      this.pressure += this.#trend
      if (this.#drawn <= 0 && noise.between(0, 1) < 0.004) this.#drawn = noise.between(5, 60)
      if (this.#drawn-- > 0) this.level -= 1.4
      else if (this.level < 1900) this.level += 0.8
    }
  }
}

export function smooth(): Device[][] {
  const room = new BoilerRoom()
  const probe = (name: 'flow' | 'back' | 'top' | 'bottom'): Device => ({
    topic: `boiler/${{ flow: 'flow', back: 'return', top: 'tank_top', bottom: 'tank_bottom' }[name]}`,
    periodMs: PERIOD_SEC * 1000,
    read(atSec, noise) {
      room.advance(atSec, noise)
      return `{"temperature":${String(Math.round((room[name] + noise.normal(DS18B20_SIGMA, DS18B20_STEP)) / DS18B20_STEP) * DS18B20_STEP)}}`
    },
  })
  const climate: Device = {
    topic: 'boiler/room',
    periodMs: PERIOD_SEC * 1000,
    read(atSec, noise) {
      const day = Math.sin((2 * Math.PI * atSec) / 86_400)
      const temperature = 21.5 + 1.6 * day + noise.normal(0.003, 0.01)
      const humidity = 45 - 4 * day + noise.normal(0.02, 0.01)
      const pressure = room.pressure + noise.normal(0.013, 0.01)
      return `{"temperature":${temperature.toFixed(2)},"humidity":${humidity.toFixed(2)},"pressure":${pressure.toFixed(2)}}`
    },
  }
  const level: Device = {
    topic: 'boiler/water',
    periodMs: PERIOD_SEC * 1000,
    read: (_atSec, noise) => `{"level_mm":${Math.round(room.level + noise.normal(0.7, 1))}}`,
  }
  return [[probe('flow'), probe('back'), probe('top'), probe('bottom'), climate, level]]
}
