// The dashboard in a real browser, served by a gateway as a site runs it, with a real client at its broker and a real Mosquitto as its cloud.
import { readFile } from 'node:fs/promises'
import axe from 'axe-core'
import { connect, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askHttp } from '../support/ask-socket.ts'
import { Browser, CountingProxy, type Tab } from '../support/browser.ts'
import { Mosquitto } from '../support/mosquitto.ts'
import { freePort } from '../support/ports.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'

const ADMIN = 'admin-0123456789ab'
const VIEWER = 'viewer-0123456789'
const VIEWS = ['', 'readings', 'messages', 'uplink', 'clients', 'configuration', 'updates', 'logs'] as const
const PHONE = { width: 360, height: 740 } as const
/** Of a first visit, all files and the first answers together. */
const VISIT_BYTES_MAX = 150_000
const IDLE_BYTES_PER_SEC_MAX = 1000

let site: Site
let cloud: Mosquitto
let browser: Browser
let device: MqttClient
let port: number
let url: string

beforeAll(async () => {
  ;[site, cloud, browser, port] = await Promise.all([Site.make(), Mosquitto.start(), Browser.start(), freePort()])
  url = `http://127.0.0.1:${port}/`
  await site.configure({
    site: 'well-07',
    http: { listeners: [{ port }], tokens: [{ name: 'root', token: ADMIN, role: 'admin' }, { name: 'screen', token: VIEWER, role: 'viewer' }] },
    access: { users: [{ name: 'ann', password: 'pump', roles: ['operator'] }, { name: 'device', password: 'tap' }], rules: [{ allow: 'all', topic: '#' }] },
    sensors: [{ name: 'tank', topic: 'sensors/tank', simulate: { kind: 'sine', every: '1s', min: 20, max: 80, period: '60s' }, values: { level: { from: 'value', unit: '%' } } }],
    history: { step: '10s', keep: '1h' },
    uplinks: [{ name: 'cloud', url: cloud.url, routes: [{ out: 'sensors/#' }], links: [{ name: 'lte', budget: { month: '20MB' } }] }],
  })
  await site.start()
  device = connect(site.url, { clientId: 'pump-7', username: 'device', password: 'tap', reconnectPeriod: 200 })
  device.on('error', () => {})
  await until(() => device.connected, 'the device to connect')
}, 40_000)

afterAll(async () => {
  await device.endAsync(true)
  await browser[Symbol.asyncDispose]()
  await site[Symbol.asyncDispose]()
  await cloud[Symbol.asyncDispose]()
})

const complaintsOf = (tab: Tab, expected: RegExp | null = null): string[] => tab.complaints.filter((one) => expected?.test(one) !== true)

/** Opens a view, and waits until it is there with its first answers. */
async function goTo({ page }: Tab, view: string): Promise<void> {
  await page.goto(`${page.url().split('#')[0]}#/${view}`)
  await page.locator(`nav a[href="#/${view}"][aria-current=page]`).waitFor({ state: 'attached' })
  await page.locator('.view > *').waitFor()
}

describe('who comes in', () => {
  test('a first visit: password, token, what is refused, and no more than 150 kB', async () => {
    await using proxy = await CountingProxy.before(port)
    await using tab = await browser.open(proxy.url)
    const { page } = tab
    await page.getByLabel('User name').fill('ann')
    await page.getByLabel('Password', { exact: true }).last().fill('wrong')
    await page.getByRole('button', { name: 'Log in' }).click()
    expect(await page.getByRole('alert').textContent()).toBe('Wrong user, password or token.')
    await page.getByLabel('Password', { exact: true }).last().fill('pump')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    expect(await page.locator('.who').textContent()).toBe('ann · operator')
    await page.getByText('tank', { exact: true }).waitFor()
    expect(proxy.bytes).toBeGreaterThan(20_000)
    expect(proxy.bytes).toBeLessThanOrEqual(VISIT_BYTES_MAX)
    expect(complaintsOf(tab, /status of 401 .*\/login$/)).toEqual([])
    expect(await page.title()).toBe('Overview · well-07')

    const first = proxy.bytes
    await page.reload()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    expect(proxy.bytes - first).toBeLessThan(first / 3) // the files stay in the browser
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('button', { name: 'Log in' }).waitFor()
    await page.reload()
    await page.getByRole('button', { name: 'Log in' }).waitFor()
    await page.getByText('Token', { exact: true }).first().click()
    await page.getByLabel('Token').last().fill(ADMIN)
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'Configuration' }).waitFor()
  })

  test('a viewer is not offered what it may not do', async () => {
    await using tab = await browser.open(url, { token: VIEWER })
    const { page } = tab
    await page.getByRole('link', { name: 'Overview' }).waitFor()
    expect(await page.getByRole('link', { name: 'Configuration' }).isVisible()).toBe(false)
    await goTo(tab, 'clients')
    await page.getByRole('rowheader', { name: 'pump-7' }).waitFor()
    expect(await page.getByRole('button', { name: /Disconnect/ }).count()).toBe(0)
    await goTo(tab, 'messages')
    expect(await page.getByRole('heading', { name: 'Publish' }).isVisible()).toBe(false)
    await goTo(tab, 'uplink')
    expect(await page.getByRole('button', { name: 'Pause' }).isVisible()).toBe(false)
    expect(complaintsOf(tab)).toEqual([])
  })
})

describe('what is shown', () => {
  test('the traffic light, and readings that change', async () => {
    await using tab = await browser.open(url, { token: ADMIN })
    const { page } = tab
    const lamps = page.getByRole('list', { name: 'Traffic light' })
    await lamps.waitFor()
    expect(await lamps.locator('.lamp-name').allTextContents()).toEqual(['Site', 'Broker', 'Uplink', 'Store', 'Sensors'])
    expect(await lamps.getByRole('link', { name: /good: Sensors/ }).textContent()).toContain('1 sensor')
    await lamps.getByRole('link', { name: /good: Uplink/ }).waitFor()
    const tile = page.getByRole('link', { name: /^tank level/ })
    const first = await tile.locator('.tile-number').textContent()
    expect(await tile.locator('.tile-unit').textContent()).toBe('%')
    await page.mouse.click(2, 400) // a page in use looks more often
    await until(async () => (await tile.locator('.tile-number').textContent()) !== first, 'another value', 10_000)
    await until(async () => (await tile.locator('.line').getAttribute('d')) !== '', 'a line')
    await tile.click()
    await page.locator('.chart canvas').waitFor()
    expect(await page.getByLabel('What the chart shows').locator('option:checked').textContent()).toBe('tank · level, %')
    expect(complaintsOf(tab)).toEqual([])
  })

  test('messages of a device as they come, in a tree, as text whatever is in them; and one is sent', async () => {
    await using tab = await browser.open(`${url}#/messages`, { token: ADMIN })
    const { page } = tab
    const evil = '<img src=x onerror="document.title=1">'
    await device.publishAsync(`site/${evil}/state`, evil, { qos: 1, retain: true })
    await page.getByText('Listening.').waitFor()
    await device.publishAsync('pumps/7/flow', '{"litres":17.5}', { qos: 1 })
    await page.locator('.tail').getByRole('button', { name: 'pumps/7/flow' }).first().click()
    expect(await page.getByLabel('Payload', { exact: true }).first().textContent()).toBe('{\n  "litres": 17.5\n}')
    expect(await page.locator('button.topic[data-topic="pumps/7/flow"]').getAttribute('aria-current')).toBe('true')
    await page.locator('.topics').getByText(evil).first().waitFor()
    expect(await page.locator('img').count()).toBe(0)

    const heard = new Promise<string>((resolve) => device.once('message', (topic, payload, { qos, retain }) => resolve(`${topic} ${payload.toString()} ${qos} ${retain}`)))
    await device.subscribeAsync('cmd/#', { qos: 1 })
    await page.getByLabel('Topic', { exact: true }).fill('cmd/pump-7')
    await page.getByRole('textbox', { name: 'Payload' }).fill('start')
    await page.getByRole('button', { name: 'Publish', exact: true }).click()
    expect(await heard).toBe('cmd/pump-7 start 1 false')
    await page.getByText('one receiver').waitFor() // this page is none
    await page.getByLabel('Topic', { exact: true }).fill('cmd/#')
    await page.getByRole('button', { name: 'Publish', exact: true }).click()
    await page.locator('.toast[data-kind=bad]').waitFor()
    expect(complaintsOf(tab, /status of 400 .*\/publish$/)).toEqual([])
  })

  test('the uplink with its budget, and an order that is carried out', async () => {
    await using tab = await browser.open(`${url}#/uplink`, { token: ADMIN })
    const { page } = tab
    await page.getByText('connected over lte').waitFor()
    expect(await page.getByRole('meter', { name: 'This month' }).getAttribute('aria-valuemax')).toBe('20000000')
    await page.getByRole('list', { name: 'Dial log of cloud' }).getByText('uplink is up').first().waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByText(/ordered: pause/).waitFor()
    await page.getByText('no connection wanted').waitFor()
    await page.getByRole('button', { name: 'As configured' }).click()
    await page.getByText('connected over lte').waitFor()
    expect(complaintsOf(tab)).toEqual([])
  })

  test('clients: one is found, and disconnected after a question', async () => {
    await using tab = await browser.open(`${url}#/clients`, { token: ADMIN })
    const { page } = tab
    await page.getByRole('rowheader', { name: 'pump-7' }).waitFor()
    await page.getByLabel(/^Find/).fill('nobody')
    await page.getByText('Nobody is connected.').waitFor()
    await page.getByLabel(/^Find/).fill('PUMP')
    await page.getByRole('button', { name: 'Disconnect pump-7' }).click()
    await page.keyboard.press('Escape')
    expect(device.connected).toBe(true)
    const gone = new Promise((resolve) => device.once('close', () => resolve('gone')))
    await page.getByRole('button', { name: 'Disconnect pump-7' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click()
    expect(await gone).toBe('gone')
    await until(() => device.connected, 'the device to come back')
    expect(complaintsOf(tab)).toEqual([])
  })

  test('lines of the log as they are written, and those with a word in them', async () => {
    await using tab = await browser.open(`${url}#/logs`, { token: ADMIN })
    const { page } = tab
    const lines = page.getByRole('list', { name: /^Lines of the log/ })
    await lines.getByText('sandpiper is ready').waitFor()
    await page.getByText('Following.').waitFor()
    const wrong = connect(site.url, { clientId: 'intruder', username: 'nobody', password: 'x', reconnectPeriod: 0 })
    wrong.on('error', () => {})
    await lines.getByText('intruder').waitFor()
    await wrong.endAsync(true)
    await page.getByLabel('Find').fill('ready')
    expect(await lines.getByText('intruder').isVisible()).toBe(false)
    const saved = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Support bundle' }).click()
    const bundle = await saved
    expect(bundle.suggestedFilename()).toBe('sandpiper-well-07-support.tar.gz')
    expect((await readFile(await bundle.path())).subarray(0, 2).toString('hex')).toBe('1f8b')
    expect(complaintsOf(tab)).toEqual([])
  })
})

test('an alarm is told, in the light too, until somebody has seen it', async () => {
  await using ill = await Site.make()
  const at = await freePort()
  await ill.configure({
    http: { listeners: [{ port: at }], anonymous: 'operator' },
    alarms: { sensorGone: '1s' },
    sensors: [{ name: 'boiler', topic: 'sensors/boiler', serial: { path: '/dev/no-such-port', baud: 9600 } }],
  })
  await ill.start()
  await using tab = await browser.open(`http://127.0.0.1:${at}/`)
  const { page } = tab
  await page.getByRole('link', { name: /^bad: Sensors boiler cannot be read/ }).waitFor()
  await page.getByRole('heading', { name: 'Alarms' }).waitFor()
  expect(await page.locator('.light').textContent()).toMatch(/^bad: Sensors: boiler cannot be read · 1 alarm/)
  expect(await page.getByRole('link', { name: 'Overview' }).textContent()).toBe('Overview1')
  await page.getByRole('button', { name: 'Acknowledge sensor-gone/boiler' }).click()
  await page.getByText('acknowledged', { exact: true }).waitFor()
  await page.locator('nav .count').waitFor({ state: 'hidden' })
  expect(complaintsOf(tab)).toEqual([])
})

describe('the configuration', () => {
  test('a mistake is named with its line and what to write instead; what is right is tried, and kept', async () => {
    await using tab = await browser.open(`${url}#/configuration`, { token: ADMIN })
    const { page } = tab
    const editor = page.getByRole('textbox', { name: 'gateway.yaml' })
    const apply = page.getByRole('button', { name: 'Apply …' })
    await until(async () => (await editor.inputValue()) !== '', 'the configuration')
    const text = await editor.inputValue()
    expect(text).not.toContain(ADMIN)

    await editor.fill(text.replace('"roles"', '"rolls"'))
    const problem = page.locator('.problems li').first()
    await problem.waitFor()
    const line = text.split('\n').findIndex((one) => one.includes('"roles"')) + 1
    expect(await problem.textContent()).toContain(`Line ${line}, column `)
    expect(await problem.textContent()).toContain('roles')
    expect(await page.locator('.numbers [data-severity=error]').allTextContents()).toEqual([String(line)])
    expect(await editor.getAttribute('aria-invalid')).toBe('true')
    expect(await apply.isDisabled()).toBe(true)
    await problem.getByRole('button').click()
    expect(await page.evaluate("document.activeElement.value.slice(document.activeElement.selectionStart).split('\\n')[0]")).toContain('rolls')

    await editor.fill(text.replace('"ann"', '"anna"'))
    await page.getByText('good', { exact: true }).waitFor()
    await apply.click()
    await page.getByRole('dialog').getByRole('button', { name: 'Apply' }).click()
    await page.getByText(/on trial\. What was before comes back in/).waitFor()
    expect(await readFile(site.configFile, 'utf8')).not.toContain('anna')
    await page.getByRole('button', { name: 'Keep it' }).click()
    await page.getByText('The configuration stays.').waitFor()
    await until(async () => (await readFile(site.configFile, 'utf8')).includes('anna'), 'the file to say so')
    expect(await readFile(site.configFile, 'utf8')).toContain(ADMIN)
    expect(complaintsOf(tab)).toEqual([])
  })
})

test('a configuration that the gateway starts anew for: who had logged in by password does so again, and keeps it', async () => {
  await using own = await Site.make()
  const at = await freePort()
  await own.configure({ http: { listeners: [{ port: at }] }, access: { users: [{ name: 'ann', password: 'pump', roles: ['admin'] }] } })
  await own.start()
  await using tab = await browser.open(`http://127.0.0.1:${at}/#/configuration`)
  const { page } = tab
  const logIn = async (): Promise<void> => {
    await page.getByLabel('User name').fill('ann')
    await page.getByLabel('Password', { exact: true }).last().fill('pump')
    await page.keyboard.press('Enter')
  }
  await logIn()
  const editor = page.getByRole('textbox', { name: 'gateway.yaml' })
  await until(async () => (await editor.inputValue()) !== '', 'the configuration')
  const sensor = { name: 'demo', topic: 'sensors/demo', simulate: { kind: 'sine', every: '1s' } }
  await editor.fill((await editor.inputValue()).replace(/\}\s*$/, `, sensors: [${JSON.stringify(sensor)}] }`))
  await page.getByText('good', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Apply …' }).click()
  await page.getByRole('dialog').getByText(/The gateway starts anew for sensors/).waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Apply' }).click()

  await page.getByRole('button', { name: 'Log in' }).waitFor()
  await logIn()
  await page.getByText(/on trial\. What was before comes back in/).waitFor()
  await page.getByText(/another is in force, on trial/).waitFor()
  await goTo(tab, '')
  await page.getByText('demo', { exact: true }).waitFor()
  await page.getByRole('link', { name: /^needs attention: Site a configuration is on trial/ }).waitFor()
  await goTo(tab, 'configuration')
  await page.getByRole('button', { name: 'Keep it' }).click()
  await page.getByText('The configuration stays.').waitFor()
  expect(await readFile(own.configFile, 'utf8')).toContain('sensors/demo')
  expect(complaintsOf(tab, /ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|status of 401/)).toEqual([])
}, 40_000)

describe('however it is looked at', () => {
  test('by keyboard alone', async () => {
    await using tab = await browser.open(url, { token: ADMIN, viewport: PHONE })
    const { page } = tab
    const focused = (): Promise<string> => page.evaluate("(document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText).trim()")
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('Skip to the view')
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('Menu')
    await page.keyboard.press('Enter')
    expect(await focused()).toBe('Overview')
    await page.keyboard.press('Escape')
    expect(await focused()).toBe('Menu')
    expect(await page.getByRole('link', { name: 'Readings', exact: true }).isVisible()).toBe(false)
    await page.keyboard.press('Enter')
    for (const name of ['Readings', 'Messages', 'Uplink']) {
      await page.keyboard.press('Tab')
      expect(await focused()).toBe(name)
    }
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Uplink', level: 1 }).waitFor()
    expect(await page.evaluate('document.activeElement.id')).toBe('main')
    await page.getByText('connected over lte').waitFor()
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('Connect now')
    expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).toBe('solid')
  })

  test('light and dark: as the system says, or as was chosen, which stays', async () => {
    await using tab = await browser.open(url, { token: ADMIN, colorScheme: 'dark' })
    const { page } = tab
    const ground = (): Promise<string> => page.evaluate('getComputedStyle(document.documentElement).backgroundColor')
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    expect(await ground()).toBe('rgb(16, 21, 23)')
    await page.getByTitle('Light').click()
    expect(await ground()).toBe('rgb(244, 243, 239)')
    await page.reload()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    expect(await ground()).toBe('rgb(244, 243, 239)')
    await page.getByTitle('As the system').click()
    expect(await ground()).toBe('rgb(16, 21, 23)')
    await page.emulateMedia({ colorScheme: 'light' })
    expect(await ground()).toBe('rgb(244, 243, 239)')
  })

  test.each([['light', PHONE], ['dark', { width: 1280, height: 860 }]] as const)('%s, %o: nothing stands out, and every rule of accessibility holds', async (colorScheme, viewport) => {
    // The rules are looked at by a script that is not the page's.
    await using tab = await browser.open(url, { token: ADMIN, colorScheme, viewport, bypassCSP: true, reducedMotion: 'reduce' })
    const { page } = tab
    await page.evaluate(axe.source)
    for (const view of VIEWS) {
      await goTo(tab, view)
      await page.waitForLoadState('networkidle', { timeout: 300 }).catch(() => {}) // some views listen on
      expect(await tab.overflowPx, view).toBe(0)
      const { violations } = await page.evaluate<axe.AxeResults>("axe.run(document, { resultTypes: ['violations'] })")
      expect(violations.map(({ id, nodes }) => `${view}: ${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`)).toEqual([])
    }
    expect(complaintsOf(tab)).toEqual([])
  }, 40_000)
})

test('readings of before the page was opened, as lines and in a chart', async () => {
  const kept = async (): Promise<number> => {
    const { text } = await askHttp({ host: '127.0.0.1', port, path: '/api/v1/history/series?id=sensor/tank/level&forSec=3600', headers: { authorization: `Bearer ${ADMIN}` } })
    return (JSON.parse(text) as { series: readonly { mean: readonly (number | null)[] }[] }).series[0]!.mean.filter((mean) => mean !== null).length
  }
  await until(async () => (await kept()) >= 3, 'three steps of the history', 40_000)
  await using tab = await browser.open(url, { token: ADMIN })
  await goTo(tab, 'readings')
  await tab.page.locator('a.tile .sparkline .line[d*=L]').first().waitFor({ state: 'attached' })
  expect(await tab.page.locator('canvas').count()).toBe(1)
  await tab.page.getByRole('combobox', { name: 'What the chart shows' }).selectOption({ label: 'tank · level, %' })
  expect(complaintsOf(tab)).toEqual([])
}, 60_000)

describe('when nobody does anything', () => {
  test('it costs less than a kilobyte a second, and nothing at all when nobody can see it', async () => {
    await using proxy = await CountingProxy.before(port)
    await using tab = await browser.open('about:blank', { token: ADMIN })
    const { page } = tab
    await page.clock.install()
    await page.goto(proxy.url)
    await page.getByText('tank', { exact: true }).waitFor()
    await page.clock.runFor(60_000) // whoever has opened it has gone
    const lookFor = async (minutes: number): Promise<number> => {
      const before = proxy.bytes
      for (let i = 0; i < minutes * 30; i++) {
        await page.clock.runFor(2000)
        await new Promise((resolve) => setTimeout(resolve, 20)) // answers come in real time
      }
      return (proxy.bytes - before) / (minutes * 60)
    }
    const idle = await lookFor(3)
    expect(idle).toBeGreaterThan(50)
    expect(idle).toBeLessThanOrEqual(IDLE_BYTES_PER_SEC_MAX)
    await page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true }); document.dispatchEvent(new Event('visibilitychange'))")
    await lookFor(0.1) // what was on its way
    expect(await lookFor(1)).toBe(0)
  }, 40_000)

  test('a gateway that goes is missed, and found again when it is back', async () => {
    await using tab = await browser.open(url, { token: ADMIN })
    const { page } = tab
    await page.getByText('tank', { exact: true }).waitFor()
    await page.mouse.click(2, 400)
    await site.gateway.stop()
    await page.getByRole('alert').getByText(/^No answer from the gateway/).waitFor()
    await goTo(tab, 'messages')
    await site.start()
    await page.getByRole('alert').waitFor({ state: 'hidden' })
    await page.getByText('Listening.').waitFor()
    await until(() => device.connected, 'the device to come back')
    await device.publishAsync('pumps/8/flow', '3', { qos: 1 })
    await page.locator('.tail').getByRole('button', { name: 'pumps/8/flow' }).first().waitFor()
    await goTo(tab, '')
    await page.getByRole('link', { name: /^tank level/ }).waitFor()
    expect(complaintsOf(tab, /ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED_ENCODING/)).toEqual([])
  }, 40_000)
})
