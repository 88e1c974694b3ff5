// Wi-Fi on the booted image, with the kernel's simulated radios (mac80211_hwsim): the gateway joins a network and has a hotspot of its own; a device of
// that hotspot, which lives in a network namespace, reaches the broker and nothing else. `npm run test:image` runs it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { BOOT_MS_MAX, Machine } from './machine.ts'
import { BUILD_MS_MAX, isLongRun, prepareImage, skipNote } from './prepare.ts'
import { configuration, HOST } from './scene.ts'

const NETWORK = { ssid: 'Pump house', password: 'correct horse' }
const HOTSPOT = { ssid: 'pumps', password: 'battery staple', address: '10.42.0.1' }
const WIFI_MS_MAX = 180_000

/** A router next door (radio 2) and a device of the hotspot (radio 3), each in a namespace, each with a wpa_supplicant of its own. */
const AIR = `
set -e
modprobe mac80211_hwsim radios=4
for n in 2 3; do
  phy=$(basename "$(readlink -f /sys/class/net/wlan$n/phy80211)")
  ip netns add air$n
  iw phy "$phy" set netns name air$n
  ip netns exec air$n ip link set lo up
done
cat > /run/router.conf <<END
network={
  ssid="${NETWORK.ssid}"
  mode=2
  frequency=2437
  key_mgmt=WPA-PSK
  proto=RSN
  pairwise=CCMP
  psk="${NETWORK.password}"
}
END
cat > /run/device.conf <<END
network={
  ssid="${HOTSPOT.ssid}"
  psk="${HOTSPOT.password}"
}
END
ip netns exec air2 wpa_supplicant -B -i wlan2 -c /run/router.conf
ip netns exec air2 ip addr add 192.168.77.1/24 dev wlan2
printf 'start 192.168.77.10\\nend 192.168.77.20\\ninterface wlan2\\nlease_file /run/leases\\noption subnet 255.255.255.0\\n' > /run/udhcpd.conf
: > /run/leases
ip netns exec air2 busybox udhcpd -S /run/udhcpd.conf
ip netns exec air3 wpa_supplicant -B -i wlan3 -c /run/device.conf
`

/** As a device does it: an address by DHCP, CONNECT, and what comes back, in hexadecimal. */
const DEVICE = `
printf '#!/bin/sh\\n[ "$1" = bound ] && { ip addr add $ip/$mask dev $interface; [ -z "$router" ] || ip route add default via $router; }\\nexit 0\\n' > /run/bound
chmod +x /run/bound
ip netns exec air3 ip addr flush dev wlan3
ip netns exec air3 busybox udhcpc -i wlan3 -n -q -t 5 -s /run/bound >/dev/null 2>&1 || exit 1
ip netns exec air3 /usr/lib/sandpiper/node -e '
  const socket = require("net").connect(1883, "${HOTSPOT.address}", () => socket.write(Buffer.from("100f00044d515454040200000003616972", "hex")))
  socket.on("data", (bytes) => { console.log(bytes.toString("hex")); process.exit(0) })
  socket.on("error", ({ message }) => { console.log(message); process.exit(1) })
  setTimeout(() => process.exit(2), 30000)
'
`

describe.skipIf(!isLongRun)(`Wi-Fi${skipNote}`, { timeout: 2 * BOOT_MS_MAX }, () => {
  let machine: Machine

  beforeAll(async () => {
    machine = await Machine.flash(await prepareImage('pc'), { model: 'pc' })
    const network = `network:
  country: DE
  wifi: [{ ssid: "${NETWORK.ssid}", password: "${NETWORK.password}", interface: wlan0 }]
  hotspot: { ssid: ${HOTSPOT.ssid}, password: "${HOTSPOT.password}", interface: wlan1 }
`
    machine.card.write('gateway.yaml', configuration(machine.key, network))
    await machine.start()
    await machine.untilSsh()
    await machine.sh(AIR)
  }, BUILD_MS_MAX + BOOT_MS_MAX)
  afterAll(async () => await machine?.[Symbol.asyncDispose]())

  test('the gateway joins the network of its file, and gets an address there', async () => {
    await until(async () => /inet 192\.168\.77\.1\d\//.test(await machine.sh('ip -4 -o addr show dev wlan0')), 'an address of the router', WIFI_MS_MAX)
    expect(await machine.sh('iw dev wlan0 link')).toContain(`SSID: ${NETWORK.ssid}`)
    expect(await machine.sh('iw reg get | head -2 | tail -1')).toMatch(/country DE/)
  })

  test('its hotspot gives a device an address, and the broker answers it', async () => {
    await until(async () => (await machine.sh('iw dev wlan1 info')).includes('type AP'), 'the hotspot', WIFI_MS_MAX)
    const connack = await until(async () => /^20[0-9a-f]{6}$/m.exec((await machine.ssh(DEVICE)).output)?.[0], 'a CONNACK over the air', WIFI_MS_MAX)
    expect(connack).toBe('20020000')
  })

  test('behind the gateway nothing is reached from there', async () => {
    expect(await machine.sh('cat /proc/sys/net/ipv4/ip_forward')).toBe('0')
    // The emulator's host answers the gateway itself.
    expect((await machine.ssh(`ping -c 2 -W 5 ${HOST}`)).status).toBe(0)
    expect((await machine.ssh(`ip netns exec air3 ping -c 2 -W 5 ${HOST}`)).status).not.toBe(0)
  })

  test('both passwords leave the file', async () => {
    await machine.sh('systemctl start sandpiper-card.service')
    const text = await until(async () => {
      const written = await machine.sh('cat /boot/gateway/gateway.yaml')
      return written.includes(NETWORK.password) ? null : written
    }, 'the passwords to be moved', WIFI_MS_MAX)
    expect(text.match(/\{ stored: g[0-9a-f]{20} \}/g)).toHaveLength(2)
  })
})
