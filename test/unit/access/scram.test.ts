import { describe, expect, test } from 'vitest'
import { ScramExchange } from '../../../src/access/scram.ts'
import { ScramClient } from '../../support/scram-client.ts'

const SECRET = Buffer.from('made up for the salts')

function exchange(users: Readonly<Record<string, string>> = { user: 'pencil' }): ScramExchange {
  return new ScramExchange({ passwordOf: (name) => (Object.hasOwn(users, name) ? Buffer.from(users[name]!) : null), secret: SECRET })
}

async function login(username: string, password: string, server = exchange()): Promise<boolean> {
  const client = new ScramClient(username, password)
  const { data } = await server.next(client.first)
  const last = await server.next(client.final(data))
  expect(last.username).toBe(username)
  return client.accepts(last.data)
}

test('the example of RFC 7677 section 3', async () => {
  const server = new ScramExchange({
    passwordOf: () => Buffer.from('pencil'),
    secret: SECRET,
    nonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
    salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
  })
  const first = await server.next(Buffer.from('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'))
  expect(first).toMatchObject({ username: null })
  expect(first.data.toString()).toBe('r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096')
  const last = await server.next(Buffer.from('c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ='))
  expect(last.username).toBe('user')
  expect(last.data.toString()).toBe('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
})

test.each(['user', 'with,comma', 'with=sign', 'Jürgen'])('a user called %s', async (name) => {
  expect(await login(name, 'pass word', exchange({ [name]: 'pass word' }))).toBe(true)
})

test('passwords are compared as SASLprep leaves them', async () => {
  expect(await login('user', 'a b', exchange({ user: 'a\u00A0b' }))).toBe(true)
  expect(await login('user', 'fi', exchange({ user: '\uFB01' }))).toBe(true)
})

describe('refused with 0x87', () => {
  test.each([
    ['a wrong password', 'user', 'pencils'],
    ['an unknown user', 'nobody', 'pencil'],
  ])('%s, at the end', async (_, name, password) => {
    const server = exchange()
    const client = new ScramClient(name, password)
    const { data } = await server.next(client.first)
    await expect(server.next(client.final(data))).rejects.toMatchObject({ reason: 0x87 })
  })

  test('an unknown user has a salt too, the same every time', async () => {
    const salt = async (name: string): Promise<string> => /s=([^,]+)/.exec((await exchange().next(new ScramClient(name, 'x').first)).data.toString())![1]!
    expect(await salt('nobody')).toBe(await salt('nobody'))
    expect(await salt('nobody')).not.toBe(await salt('user'))
  })

  test.each([
    ['nothing', null],
    ['empty', ''],
    ['no gs2 header', 'n=user,r=abc'],
    ['channel binding', 'p=tls-unique,,n=user,r=abc'],
    ['for somebody else', 'n,a=root,n=user,r=abc'],
    ['a mandatory extension', 'n,,m=x,n=user,r=abc'],
    ['no nonce', 'n,,n=user'],
    ['an empty nonce', 'n,,n=user,r='],
    ['an empty name', 'n,,n=,r=abc'],
    ['a wrong escape', 'n,,n=us=er,r=abc'],
    ['too long', `n,,n=user,r=${'a'.repeat(2000)}`],
    ['not text', Buffer.from([0xff, 0xfe, 0x2c])],
  ])('first message: %s', async (_, message) => {
    const server = exchange()
    await expect(server.next(typeof message === 'string' ? Buffer.from(message) : message)).rejects.toMatchObject({ reason: 0x87 })
    await expect(server.next(new ScramClient('user', 'pencil').first)).rejects.toMatchObject({ reason: 0x87 })
  })

  test.each([
    ['another nonce', (last: string) => last.replace(/r=./, (r) => (r === 'r=x' ? 'r=y' : 'r=x'))],
    ['another header', (last: string) => last.replace('c=biws', 'c=eSws')],
    ['no proof', (last: string) => last.replace(/,p=.*/, '')],
    ['a short proof', (last: string) => last.replace(/,p=.*/, ',p=AAAA')],
    ['something behind the proof', (last: string) => `${last},x=1`],
    ['the first message again', () => 'n,,n=user,r=abc'],
  ])('last message: %s', async (_, change) => {
    const server = exchange()
    const client = new ScramClient('user', 'pencil')
    const last = client.final((await server.next(client.first)).data).toString()
    await expect(server.next(Buffer.from(change(last)))).rejects.toMatchObject({ reason: 0x87 })
    await expect(server.next(Buffer.from(last))).rejects.toMatchObject({ reason: 0x87 })
  })
})
