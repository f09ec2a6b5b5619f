// A real `kosmo up` of a test's own: an empty data folder, free ports, and bridges that log in to its broker.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Publisher } from './mqtt'
import { PROGRAM } from './server'

const PATIENCE = 30_000

const run = promisify(execFile)

/** Waits until something is so. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE
  while (!(await isSo().catch(() => false))) {
    if (Date.now() > end) throw new Error(`it did not happen that ${what}`)
    await new Promise((resolve) => { setTimeout(resolve, 50) })
  }
}

export class House {
  readonly url: string
  private readonly folder: string
  private readonly process: ChildProcess
  private readonly mqtt: URL

  private constructor(folder: string, process: ChildProcess, addresses: Record<string, string>) {
    this.folder = folder
    this.process = process
    this.url = addresses['web'] ?? ''
    this.mqtt = new URL(addresses['mqtt'] ?? '')
  }

  /** Starts it, and waits until it is ready. */
  static async open(settings = ''): Promise<House> {
    const folder = await mkdtemp(join(tmpdir(), 'kosmo-page-'))
    const [ready, config] = [join(folder, 'ready.json'), join(folder, 'kosmo.toml')]
    await writeFile(config, `[data]\ndir = "${join(folder, 'data')}"\n[auth]\ndev_header = true\n${settings}`)
    const process = spawn(PROGRAM, ['up', '--config', config, '--port-base', '0', '--mqtt-port', '0', '--ready-file', ready], { stdio: ['ignore', 'ignore', 'pipe'] })
    let log = ''
    process.stderr.on('data', (data: Buffer) => { log = (log + data.toString()).slice(-20_000) })
    let addresses: Record<string, string> = {}
    await until(`kosmo is ready: ${log}`, async () => {
      addresses = JSON.parse(await readFile(ready, 'utf8')) as Record<string, string>
      return true
    }).catch((error: unknown) => { process.kill('SIGKILL'); throw new Error(`${String(error)}\n${log}`) })
    return new House(folder, process, addresses)
  }

  /** Runs a command of the program beside it. */
  async command(...words: readonly string[]): Promise<string> {
    const { stdout } = await run(PROGRAM, ['--config', join(this.folder, 'kosmo.toml'), ...words])
    return stdout
  }

  /** Adds a bridge, and logs in as it. */
  async bridge(id: string): Promise<Bridge> {
    const said = await this.command('bridge', 'add', id)
    const password = /^\s*([\w+/=-]{20,})\s*$/m.exec(said)?.[1]
    if (password === undefined) throw new Error(`no secret in: ${said}`)
    const will = { topic: `kosmo/bridge/${id}/status`, payload: JSON.stringify({ v: 1, bridge: id, state: 'offline' }) }
    return new Bridge(id, await Publisher.open({ host: this.mqtt.hostname, port: Number(this.mqtt.port), user: id, password }, will))
  }

  /** Asks the API. */
  async read<Answer>(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(this.url + path, { headers })
    if (!response.ok) throw new Error(`${path} answers ${String(response.status)}: ${await response.text()}`)
    return (await response.json()) as Answer
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve))
    this.process.kill('SIGTERM')
    await ended
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** A bridge as far as the server sees it: its records, numbered, and its status. */
export class Bridge {
  readonly id: string
  readonly connection: Publisher
  private readonly epoch = randomUUID()
  private readonly seq = { ingest: 0, gateway: 0 }

  constructor(id: string, connection: Publisher) {
    this.id = id
    this.connection = connection
  }

  /** Says something of itself. */
  async says(more: object): Promise<void> {
    const status = { v: 1, bridge: this.id, state: 'online', at: new Date().toISOString(), epoch: this.epoch, ...more }
    await this.connection.publish(`kosmo/bridge/${this.id}/status`, JSON.stringify(status), true)
  }

  /** Delivers a record. */
  async delivers(what: 'reading' | 'node' | 'inbound', body: object, more: object = {}): Promise<void> {
    const stream = what === 'inbound' ? 'gateway' : 'ingest'
    this.seq[stream] += 1
    const record = { v: 1, bridge: this.id, epoch: this.epoch, stream, seq: this.seq[stream], heard_at: new Date().toISOString(), ...more, body }
    await this.connection.publish(`kosmo/mesh/${what}/${this.id}`, JSON.stringify(record))
  }
}
