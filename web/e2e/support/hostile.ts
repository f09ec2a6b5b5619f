// A mesh of a thousand nodes, of which no name, place, value or clock can be relied on.
import type { Bridge } from './house'

/** What any script that came in by a name would set. */
export const MARK = '__came_in'

const filled = (piece: string, bytes: number): string => {
  let text = ''
  while (Buffer.byteLength(text + piece) <= bytes) text += piece
  return text
}

/** Names, each of at most the 64 bytes that a record may carry. */
export const NAMES: readonly string[] = [
  `<img src=x onerror="${MARK}=1">`,
  `<script>${MARK}=1</script>`,
  `"><svg onload=${MARK}=1>`,
  `'"><b onclick=${MARK}=1>bold`,
  `<a href="javascript:${MARK}=1">link</a>`,
  `\${${MARK}=1}{{${MARK}=1}}`,
  '<style>*{display:none}</style>',
  '</title></textarea><h1>big',
  '&lt;b&gt;&amp;&#x3c;',
  `"double" 'single' \`tick\` \\`,
  'מרחב פתוח (3) 12',
  'مرحبا بالعالم 42%',
  'abc\u202egnp.exe',
  'a\u2067b\u2066c\u200fd',
  '\u200b\u200b\u200b',
  '\u200bzero\u200bwidth\ufeff',
  `Z${filled('\u0335\u0300\u0489', 60)}`,
  filled('ก\u0e49\u0e49', 63),
  filled('W', 64),
  filled('﷽', 63),
  filled('👩‍👩‍👧‍👦', 60),
  filled('نص', 64),
  'line\r\nbreak\tand tab',
  "=HYPERLINK(\"http://x\")",
  '../../../../etc/passwd',
  'null', 'undefined', 'NaN', '__proto__', 'constructor', '%s%n%00',
  "Robert'); drop table nodes;--",
  '   ',
]

const DAY = 86_400_000

/** Node ids, in order. */
export const nodeId = (index: number): string => `!${(0x1000_0000 + index).toString(16).padStart(8, '0')}`
/** How many nodes there are, and how many of them measure. */
export const NODES = 1000
export const STATIONS = 20
export const RADIO = '!4daa1001'

/** Places that maps trip over, then a crowd. */
const PLACES: readonly (readonly [number, number])[] = [[90, 180], [-90, -180], [0.0001, 179.9999], [-0.0001, -179.9999], [0, 0], [85.1, 0], [50.9, 6.9], [50.9, 6.9], [50.9, 6.9]]

const CLOCKS = [
  () => new Date().toISOString(),
  () => new Date(0).toISOString(),
  () => new Date(Date.now() + 400 * DAY).toISOString(),
  () => '2099-12-31T23:59:59Z',
  () => new Date(Date.now() - 9 * DAY).toISOString(),
  () => new Date(Date.now() - 3 * 3_600_000).toISOString(),
]

const VALUES: readonly object[] = [
  { temperature_c: 21.5, humidity_pct: 48, pressure_hpa: 1013.2, wind_speed_ms: 3.5, wind_direction_deg: 270 },
  { temperature_c: -80, humidity_pct: 0, pressure_hpa: 300, wind_speed_ms: 0, wind_direction_deg: 0 },
  { temperature_c: 85, humidity_pct: 100, pressure_hpa: 1100, wind_speed_ms: 100, wind_gust_ms: 120, wind_direction_deg: 359.99, gas_resistance_ohm: 1e9 },
  { temperature_c: -0.04 },
  { co2_ppm: 40_000, pm25_ugm3: 0.0001, uptime_s: 4_294_967_295 },
  { temperature_c: 400, humidity_pct: -5, pressure_hpa: 1e300 },
  { rain_mm: 0, rain_1h_mm: 0 },
  { illuminance_lux: 1e-9, battery_pct: 100, battery_voltage_v: 0 },
]

/** Has the bridge tell of the whole mesh, and of some things that cannot be. */
export async function tell(bridge: Bridge): Promise<void> {
  await bridge.says({
    version: '<b>9</b>', uptime_s: 4_294_967_295, problems: [`<img src=x onerror="${MARK}=1">`, 'دیسک پر است', filled('W', 200), '\u202eright to left'],
    radio: { link: 'ready', node_id: RADIO, firmware: '<i>2.7</i>', region: filled('R', 40), modem_preset: 'שלום' },
    queues: { ingest: { waiting: 9_007_199_254_740_991, in_flight: 500 }, gateway: { waiting: 0, in_flight: 0 }, outbound: { waiting: 1, in_flight: 1 } },
    counters: { packets_received: 9_007_199_254_740_991, records_dropped_at_cap: 12, telemetry_lost: 1, '<b>x</b>': 1 },
  })
  const told: Promise<void>[] = []
  for (let index = 0; index < NODES; index += 1) {
    const id = nodeId(index)
    const name = NAMES[index % NAMES.length] ?? ''
    const packet = { from: id, to: '!ffffffff', id: 1000 + index, port: 4, snr_db: (index % 40) - 30, rssi_dbm: -130 + (index % 100), hops_away: index % 8, transport: 'lora' }
    const short = Array.from(name).slice(0, 2).join('')
    const user = { kind: 'user', long_name: index < NAMES.length || index % 5 !== 0 ? name : undefined, short_name: Buffer.byteLength(short) > 16 ? 'x' : short, hardware: index % 7 === 0 ? '<u>HELTEC</u>' : 'T_DECK', role: 'CLIENT', licensed: false, unmessagable: index % 11 === 0 }
    // Some of them nobody has heard for long, and some have never said who they are.
    if (index % 13 !== 12) told.push(bridge.delivers('node', { node_id: id, report: user }, { packet, heard_at: (CLOCKS[index % CLOCKS.length] ?? CLOCKS[0])?.() }))
    const [latitude, longitude] = PLACES[index] ?? [50.9 + ((index * 37) % 400) / 1000, 6.9 + ((index * 53) % 600) / 1000]
    if (index % 3 !== 2 || index % 13 === 12) told.push(bridge.delivers('node', { node_id: id, report: { kind: 'position', latitude, longitude, altitude_m: index === 3 ? 1e9 : 53 } }))
  }
  for (let index = 0; index < STATIONS; index += 1) {
    for (let time = 0; time < CLOCKS.length; time += 1) {
      const device_time = (CLOCKS[(time + index) % CLOCKS.length] ?? CLOCKS[0])?.()
      told.push(bridge.delivers('reading', { node_id: nodeId(index), kind: 'environment', device_time, metrics: VALUES[index % VALUES.length] }))
    }
  }
  told.push(bridge.delivers('node', { node_id: nodeId(0), report: { kind: 'neighbors', neighbors: [{ node_id: nodeId(1), snr_db: -128 }, { node_id: '!deadbeef', snr_db: 127 }] } }))
  told.push(bridge.delivers('node', { node_id: nodeId(2001), report: { kind: 'user', long_name: filled('x', 200), short_name: 'x', licensed: false, unmessagable: false } }))
  await Promise.all(told)
  await garbage(bridge)
}

/** Publishes what is no record at all. */
export async function garbage(bridge: Bridge): Promise<void> {
  const topic = `kosmo/mesh/reading/${bridge.id}`
  await Promise.all([
    bridge.connection.publish(topic, 'not json'),
    bridge.connection.publish(topic, Buffer.from([0xff, 0xfe, 0])),
    bridge.connection.publish(topic, '{"v":7}'),
    bridge.connection.publish(topic, JSON.stringify({ v: 1, '<img src=x>': `<script>${MARK}=1</script>` })),
  ])
}

/** Texts as hostile people write them, each of at most 200 bytes. */
export const TEXTS: readonly string[] = [
  `<img src=x onerror="${MARK}=1"><script>${MARK}=1</script>`,
  filled('W', 200),
  filled('﷽', 200),
  `Z${filled('\u0335\u0300\u0489', 190)}`,
  'שלום (1) abc \u202egnp.exe',
  filled('مرحبا ', 200),
  `javascript:${MARK}=1 http://example.org/"onmouseover="${MARK}=1`,
  filled('👩‍👩‍👧‍👦', 200),
  'a\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nb',
]
