// Starts the program that every test talks to: `kosmo demo` as `make run` starts it, on free ports, in a folder of its own.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
/** The program that is tested. */
export const PROGRAM = process.env['KOSMO_BIN'] ?? join(root, 'target/debug/kosmo')
/** How long a start may take: a debug build writes a week of history. */
const PATIENCE = 180_000

/** A program that runs, and how to end it. */
export interface Running {
  readonly url: string
  /** The folder of all that is its own, its data among it. */
  readonly folder: string
  readonly pid: number
  readonly stop: () => Promise<void>
}

interface Start {
  /** The command that runs it, if any does. */
  readonly within?: readonly string[]
  /** The folder of one that ran before and was killed, whose data it takes over. */
  readonly folder?: string
}

/** Starts `kosmo demo`, and returns when it is ready. */
export async function startDemo({ within = [], folder: old }: Start = {}): Promise<Running> {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there: build it with \`cargo build -p kosmo\`, or name another with KOSMO_BIN`)
  const folder = old ?? (await mkdtemp(join(tmpdir(), 'kosmo-e2e-')))
  const ready = join(folder, 'ready.json')
  await rm(ready, { force: true })
  const [command, ...words] = [...within, PROGRAM]
  const child = spawn(
    command,
    [...words, 'demo', '--port-base', '0', '--mqtt-port', '0', '--radio-port', '0', '--every', '5', '--data', join(folder, 'data'), '--ready-file', ready, '--log', 'warn'],
    { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder },
  )
  let log = ''
  child.stderr.on('data', (text: Buffer) => { log = (log + text.toString()).slice(-20_000) })
  const ended = new Promise<void>((resolve) => child.once('exit', () => { resolve() }))
  const until = Date.now() + PATIENCE
  while (!existsSync(ready)) {
    if (child.exitCode !== null || Date.now() > until) {
      child.kill('SIGKILL')
      throw new Error(`kosmo demo did not start:\n${log}`)
    }
    await sleep(100)
  }
  const addresses = JSON.parse(await readFile(ready, 'utf8')) as { web: string }
  const stop = async () => {
    child.kill('SIGTERM')
    const outcome = await Promise.race([ended.then(() => 'ended'), sleep(20_000, 'late', { ref: false })])
    if (outcome === 'late') child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
  return { url: addresses.web, folder, pid: child.pid ?? 0, stop }
}

/** Where the app lies that is tested. */
const DIST = process.env['KOSMO__HTTP__WEB_DIR'] ?? join(root, 'web/dist')

/** What is compiled into the program must be what was built, or the tests would be about another app. */
async function checkApp(url: string): Promise<void> {
  const served = await (await fetch(url, { headers: { Accept: 'text/html' } })).text()
  const built = await readFile(join(DIST, 'index.html'), 'utf8').catch(() => '')
  if (built === '') throw new Error('the app is not built: run `make web`, then `cargo build -p kosmo`')
  if (served !== built) throw new Error(`the program serves another app than ${DIST}: build it anew, or set KOSMO__HTTP__WEB_DIR`)
}

export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  // Against a server that runs already, as while one works on a page.
  if (process.env['KOSMO_URL'] !== undefined) return undefined
  const demo = await startDemo()
  try {
    await checkApp(demo.url)
  } catch (error) {
    await demo.stop()
    throw error
  }
  process.env['KOSMO_URL'] = demo.url
  return demo.stop
}
