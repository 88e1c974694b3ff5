// One line: a sentence or why not, and what is read of it here: fix, moment and time.
import { describe, expect, test } from 'vitest'
import { epochOf, fixOf, type Sentence, sentenceOf, utcOf } from '../../../../src/sensors/nmea/sentence.ts'
import { recorded, rmc, sentence } from './log.ts'

const parsed = (line: string): Sentence => {
  const made = sentenceOf(line)
  if (typeof made === 'string') throw new Error(made)
  return made
}

test('a recorded log has no line that is none', () => {
  const lines = [...recorded('quectel-l76k').trimEnd().split('\r\n'), ...recorded('humminbird-m37').trimEnd().split('\r\n')]
  expect(lines.map((line) => sentenceOf(line)).filter((made) => typeof made === 'string')).toEqual([])
})

test.each([
  ['', 'not-nmea'],
  ['hello', 'not-nmea'],
  ['$GPGGA,1,2', 'not-nmea'],
  ['$GPGGA,1,2*4', 'not-nmea'],
  ['$INDPT,2.1,0.0*45', 'wrong-checksum'],
  ['$INDPT,2.2,0.0*44', 'wrong-checksum'],
  ['$GPGGA,\u0000,1*00', 'not-nmea'],
  [`$GPGGA,${'x'.repeat(5)}\u00e4*00`, 'not-nmea'],
  ['$GPGGA$GPGGA*00', 'not-nmea'],
  ['\u0000\u00ff$INDPT,2.1,0.0*44', { id: 'DPT', parts: ['2.1', '0.0'], text: '$INDPT,2.1,0.0*44' }],
  ['$GNRMC,0552$INDPT,2.1,0.0*44', { id: 'DPT', parts: ['2.1', '0.0'], text: '$INDPT,2.1,0.0*44' }],
  ['$INDPT,2.1,0.0*44  \r', { id: 'DPT', parts: ['2.1', '0.0'], text: '$INDPT,2.1,0.0*44' }],
  ['\\s:GN9999,n:46*3A\\$INDPT,2.1,0.0*44', { id: 'DPT', parts: ['2.1', '0.0'], text: '$INDPT,2.1,0.0*44' }],
  ['!AIVDM,1,1,,A,14eG;o@034o8sd<L9i:a;WF>062D,0*7D', { id: '!AIVDM', parts: ['1', '1', '', 'A', '14eG;o@034o8sd<L9i:a;WF>062D', '0'], text: '!AIVDM,1,1,,A,14eG;o@034o8sd<L9i:a;WF>062D,0*7D' }],
])('"%s"', (line, made) => {
  expect(sentenceOf(line)).toEqual(made)
})

test('a checksum in small letters', () => {
  expect(parsed('$GNZDA,055234.200,05,08,2026,00,00*44').id).toBe('ZDA')
  expect(parsed('$GNGGA,055234.200,4739.71890,N,12219.58362,W,1,14,0.9,76.5,M,-21.6,M,,*4a').id).toBe('GGA')
})

test.each([
  ['GPGGA,123519,4807.038,N,01131.000,E,4,08,0.9,545.4,M,46.9,M,,', 'rtk', '123519'],
  ['GPGGA,,,,,,0,00,99.99,,,,,,', 'none', null],
  ['GPGGA,123519,4807.038,N,01131.000,E,,08,0.9,545.4,M,46.9,M,,', 'none', '123519'],
  ['GPGGA,123519,4807.038,N,01131.000,E,9,08,0.9,545.4,M,46.9,M,,', 'none', '123519'],
  ['GPRMC,123519,V,,,,,,,230326,,', 'none', '123519'],
  ['GPGLL,4916.45,N,12311.12,W,225444,A', 'gps', '225444'],
  ['GPGLL,,,,,225444,V', 'none', '225444'],
  ['GNGNS,014035.00,,,,,NN,00,99.99,,,,', 'none', '014035.00'],
  ['GNGNS,014035.00,4332.69262,S,17235.48549,E,NA,13,0.9,25.63,11.24,,', 'gps', '014035.00'],
  ['SDDPT,2.4,', null, null],
  ['GPRMC,1', 'none', '1'],
])('fix and moment of %s', (body, fix, epoch) => {
  expect([fixOf(parsed(sentence(body))), epochOf(parsed(sentence(body)))]).toEqual([fix, epoch])
})

describe('time', () => {
  test.each([
    ['RMC', rmc('141503.250', '211126'), Date.UTC(2026, 10, 21, 14, 15, 3, 250)],
    ['ZDA', sentence('GPZDA,201530.00,04,07,2027,00,00'), Date.UTC(2027, 6, 4, 20, 15, 30)],
    ['a leap second', rmc('235960', '311226'), Date.UTC(2027, 0, 1)],
    ['the last day of a leap year', rmc('000000', '290228'), Date.UTC(2028, 1, 29)],
    ['without a fix', rmc('141503', '211126', 'V'), null],
    ['no time', rmc('', '211126'), null],
    ['no date', rmc('141503', ''), null],
    ['a day that is not', rmc('141503', '310226'), null],
    ['a month that is not', rmc('141503', '011326'), null],
    ['month 0', rmc('141503', '010026'), null],
    ['an hour that is not', rmc('241503', '211126'), null],
    ['letters', rmc('14150x', '211126'), null],
    ['a short year in ZDA', sentence('GPZDA,201530.00,04,07,27,00,00'), null],
    ['GGA has none', sentence('GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,'), null],
  ])('%s', (_name, line, utcMs) => {
    expect(utcOf(parsed(line))).toBe(utcMs)
  })
})
