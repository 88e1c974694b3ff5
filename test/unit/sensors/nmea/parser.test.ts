// What each kind of sentence says, in the units that people use, and that what it does not say is no 0.
import { expect, test } from 'vitest'
import { SentenceParser } from '../../../../src/sensors/nmea/parser.ts'
import { sentenceOf } from '../../../../src/sensors/nmea/sentence.ts'
import { seededRandom } from '../../../../src/sensors/simulate.ts'
import { sentence } from './log.ts'

const parser = new SentenceParser()

const parse = (body: string) => {
  const made = sentenceOf(sentence(body))
  if (typeof made === 'string') throw new Error(made)
  return parser.parse(made)
}

test.each([
  ['GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,', { latitude: 48.1173, longitude: 11.5166667, altitude: 545.4, satellites: 8, hdop: 0.9 }],
  ['GPGGA,123519,4807.038,S,01131.000,W,1,08,0.9,-3.5,M,46.9,M,,0000', { latitude: -48.1173, longitude: -11.5166667, altitude: -3.5, satellites: 8, hdop: 0.9 }],
  ['GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,,M,46.9,M,,0000', { latitude: 48.1173, longitude: 11.5166667, altitude: null, satellites: 8, hdop: 0.9 }],
  ['GPGGA,,,,,,0,03,99.99,,,,,,', { latitude: null, longitude: null, altitude: null, hdop: null, satellites: 3 }],
  ['GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230326,003.1,W', { latitude: 48.1173, longitude: 11.5166667, speed: 11.524, course: 84.4 }],
  ['GPRMC,123519,A,4807.038,N,01131.000,E,0.02,,230326,,', { latitude: 48.1173, longitude: 11.5166667, speed: 0.01, course: null }],
  ['GPRMC,123519,V,4807.038,N,01131.000,E,022.4,084.4,230326,003.1,W', { latitude: null, longitude: null, speed: null, course: null }],
  ['GNGNS,014035.00,4332.69262,S,17235.48549,E,RR,13,0.9,25.63,11.24,,', { latitude: -43.544877, longitude: 172.5914248, satellites: 13, altitude: 25.63, hdop: 0.9 }],
  ['GPGLL,4916.45,N,12311.12,W,225444,A', { latitude: 49.2741667, longitude: -123.1853333 }],
  ['GPGLL,4916.45,N,12311.12,W,225444,V', { latitude: null, longitude: null }],
  ['GPVTG,054.7,T,034.4,M,005.5,N,010.2,K', { course: 54.7, speed: 2.833 }],
  ['SDDBT,8.1,f,2.4,M,1.3,F', { depth: 2.4 }],
  ['SDDPT,2.4,0.5', { depth: 2.4, depthBelowSurface: 2.9 }],
  ['SDDPT,2.4,-0.5', { depth: 2.4, depthBelowKeel: 1.9 }],
  ['IIMWV,045.0,R,12.5,N,A', { windAngle: 45, windSpeed: 6.43 }],
  ['IIMWV,045.0,T,10,M,A', { trueWindAngle: 45, trueWindSpeed: 10 }],
  ['IIMWV,,R,,N,A', { windAngle: null, windSpeed: null }],
  ['HEHDT,274.07,T', { headingTrue: 274.07 }],
  ['IIHDG,98.3,0.0,E,12.6,W', { headingMagnetic: 98.3, headingTrue: 85.7 }],
  ['IIVHW,245.1,T,243.1,M,1.0,N,1.85,K', { headingTrue: 245.1, headingMagnetic: 243.1, waterSpeed: 0.514 }],
  ['IIMTW,17.75,C', { waterTemperature: 17.75 }],
  ['IIMTW,,C', { waterTemperature: null }],
  ['WIMDA,30.2269,I,1.0236,B,17.7,C,,,43.3,,5.0,C,131.5,T,128.6,M,0.8,N,0.4,M', { airTemperature: 17.7, pressure: 1023.6, humidity: 43.3, dewPoint: 5, windDirection: 131.5, trueWindSpeed: 0.4 }],
  ['GPZDA,201530.00,04,07,2026,00,00', {}],
  ['GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1', {}],
  ['GPGSV,1,1,00', {}],
])('%s', (body, fields) => {
  expect(parse(body)).toEqual(fields)
})

test.each(['CDDSC,20,3380400790,00,21,26,1423108312,2021,,, B, E', 'GPRMB,A,0.66,L,003,004,4917.24,N,12309.57,W,001.3,052.5,000.5,V', 'GPTXT,01,01,01,ANTENNA OK', 'PUBX,00,1', 'GPXYZ,1,2,3', 'GPVTG,,,,,,,,,N', 'GPRMC,123519,A', 'IIMWV,45,R,10,M,V', 'GPconstructor', 'GP__proto__,1'])('nothing is known from %s', (body) => {
  const made = sentenceOf(sentence(body))
  expect(typeof made === 'string' ? null : parser.parse(made)).toBeNull()
})

test('sentences that noise has changed, with a right checksum, give numbers that can be or nothing', () => {
  const bodies = ['GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,', 'GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230326,003.1,W', 'GNGNS,014035.00,4332.69262,S,17235.48549,E,RR,13,0.9,25.63,11.24,,', 'GPGLL,4916.45,N,12311.12,W,225444,A', 'IIMWV,045.0,R,12.5,N,A', 'IIHDG,98.3,0.0,E,12.6,W', 'SDDPT,2.4,0.5']
  const random = seededRandom('noise')
  const noise = '0123456789.,-AVNSEWKM '
  for (let i = 0; i < 20_000; i++) {
    let body = bodies[i % bodies.length]!
    for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes--) {
      const at = 6 + Math.floor(random() * (body.length - 6))
      const put = random() < 0.3 ? '' : noise[Math.floor(random() * noise.length)]!
      body = body.slice(0, at) + put + body.slice(at + (random() < 0.8 ? 1 : 0))
    }
    const made = sentenceOf(sentence(body))
    if (typeof made === 'string') continue
    for (const value of Object.values(parser.parse(made) ?? {})) expect(value === null || Number.isFinite(value), body).toBe(true)
    const { latitude = 0, longitude = 0 } = parser.parse(made) ?? {}
    expect(Math.abs(Number(latitude)) <= 90 && Math.abs(Number(longitude)) <= 180, body).toBe(true)
  }
})
