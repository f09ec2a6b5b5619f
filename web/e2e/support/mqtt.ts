// A publisher that speaks just enough MQTT 3.1.1 to be a bridge: it logs in, publishes at QoS 1, and waits for each answer.
import { connect, type Socket } from 'node:net'

/** How many messages may be unanswered. */
const WINDOW = 100

interface Login {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
}

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

function packet(head: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length: number[] = []
  let rest = body.length
  do {
    const digit = rest % 128
    rest = Math.floor(rest / 128)
    length.push(rest > 0 ? digit | 0x80 : digit)
  } while (rest > 0)
  return Buffer.concat([Buffer.from([head, ...length]), body])
}

/** A connection of a bridge to the broker. */
export class Publisher {
  private readonly socket: Socket
  private readonly waiting = new Map<number, () => void>()
  private readonly room: (() => void)[] = []
  private received = Buffer.alloc(0)
  private next = 1
  private welcome: ((code: number) => void) | null = null
  private pings: NodeJS.Timeout | null = null

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (data) => { this.take(data) })
    socket.on('error', () => { this.close() })
  }

  /** Logs in; `will` is what the broker says of this client when its connection breaks. */
  static async open(login: Login, will?: { readonly topic: string; readonly payload: string }): Promise<Publisher> {
    const socket = connect(login.port, login.host)
    const publisher = new Publisher(socket)
    const answer = new Promise<number>((resolve) => { publisher.welcome = resolve })
    const flags = 0xc2 | (will === undefined ? 0 : 0x2c)
    socket.write(packet(
      0x10, text('MQTT'), Buffer.from([4, flags, 0, 30]), text(`${login.user}-${String(Math.random()).slice(2)}`),
      ...(will === undefined ? [] : [text(will.topic), text(will.payload)]), text(login.user), text(login.password),
    ))
    const code = await answer
    if (code !== 0) throw new Error(`the broker refuses the login with ${String(code)}`)
    publisher.pings = setInterval(() => { socket.write(packet(0xc0)) }, 10_000)
    return publisher
  }

  /** Publishes, and waits until the broker has it; while many are unanswered it waits before. */
  async publish(topic: string, payload: string | Buffer, retain = false): Promise<void> {
    while (this.waiting.size >= WINDOW) await new Promise<void>((resolve) => this.room.push(resolve))
    const id = this.next
    this.next = (this.next % 65_535) + 1
    const answered = new Promise<void>((resolve) => this.waiting.set(id, resolve))
    this.socket.write(packet(retain ? 0x33 : 0x32, text(topic), Buffer.from([id >> 8, id & 0xff]), Buffer.from(payload)))
    await answered
  }

  /** Says farewell, so that no last will is published. */
  leave(): void {
    this.socket.write(packet(0xe0))
    this.close()
  }

  /** Breaks the connection without a word, as a bridge does that is killed. */
  drop(): void {
    this.socket.resetAndDestroy()
    this.close()
  }

  private close(): void {
    if (this.pings !== null) clearInterval(this.pings)
    this.socket.end()
    for (const answered of this.waiting.values()) answered()
    this.waiting.clear()
  }

  private take(data: Buffer): void {
    this.received = Buffer.concat([this.received, data])
    for (;;) {
      const [head, length] = [this.received[0], this.received[1]]
      if (head === undefined || length === undefined || this.received.length < 2 + length) return
      const body = this.received.subarray(2, 2 + length)
      this.received = this.received.subarray(2 + length)
      if (head >> 4 === 2) this.welcome?.(body[1] ?? 255)
      if (head >> 4 === 4) {
        const id = ((body[0] ?? 0) << 8) | (body[1] ?? 0)
        this.waiting.get(id)?.()
        this.waiting.delete(id)
        this.room.shift()?.()
      }
    }
  }
}
