import { expect, test } from 'vitest'
import { parseCommand } from '../../../src/outputs/command.ts'

const of = (text: string) => parseCommand(Buffer.from(text))

test.each([
  ['on', true],
  ['OFF', false],
  ['true', true],
  ['False', false],
  ['1', true],
  ['0', false],
  [' on \n', true],
  ['"on"', true],
  ['toggle', null],
  ['{"value":true}', true],
  ['{"value":0}', false],
  ['{"value":"off"}', false],
  ['{"value":"toggle"}', null],
])('%j', (text, on) => expect(of(text)).toEqual({ on, forMs: null }))

test.each([
  ['{"value":true,"for":"10s"}', 10_000],
  ['{"for":"500ms","value":"on"}', 500],
  ['{"value":1,"for":"1.5m"}', 90_000],
])('%j', (text, forMs) => expect(of(text)).toEqual({ on: true, forMs }))

test.each([
  ['', 'write on, off, toggle'],
  ['maybe', 'write on, off, toggle'],
  ['2', 'write on, off, toggle'],
  ['null', 'write on, off, toggle'],
  ['[true]', 'write on, off, toggle'],
  ['{', 'this is not JSON'],
  ['{}', '"value" is'],
  ['{"value":2}', '"value" is'],
  ['{"value":null}', '"value" is'],
  ['{"value":{}}', '"value" is'],
  ['{"value":"constructor"}', '"value" is'],
  ['{"value":true,"for":10}', '"for" is a duration'],
  ['{"value":true,"for":"0"}', '"for" is a duration'],
  ['{"value":true,"for":"-5s"}', '"for" is a duration'],
  ['{"value":true,"for":"32d"}', '"for" is a duration'],
  // An answer of an output, which somebody has sent here.
  ['{"status":"done","value":true}', 'a command has no "status"'],
  ['x'.repeat(1001), 'a command has 1000 bytes at most'],
])('%j is none', (text, why) => expect(of(text)).toContain(why))
