// What the demo answered once, kept so that a page looks the same whenever it is asked: its weather is another each day.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page, Route } from '@playwright/test'

/** Whether answers are recorded in this run instead of replayed. */
export const isRecording = process.env['RECORD'] === '1'

interface Recording {
  /** The time of day of the page, in milliseconds; what it asks for depends on it. */
  at: number
  /** Status and body by method, path and query. */
  answers: Record<string, { status: number; body: unknown }>
}

const fileOf = (name: string) => fileURLToPath(new URL(`../recorded/${name}.json`, import.meta.url))

function keyOf(route: Route): string {
  const url = new URL(route.request().url())
  url.searchParams.sort()
  return `${route.request().method()} ${url.pathname}${url.search}`
}

/** A stream that greets and is silent, for live events would move what is to stand still. */
function silenceStream(): void {
  const original = window.fetch.bind(window)
  window.fetch = (input, init) => {
    const url = input instanceof Request ? input.url : String(input)
    if (!url.includes('/api/v1/stream')) return original(input, init)
    const hello = new TextEncoder().encode('event: hello\ndata: {"after":null,"member":null}\n\n')
    const body = new ReadableStream({ start(controller) { controller.enqueue(hello) } })
    return Promise.resolve(new Response(body, { headers: { 'content-type': 'text/event-stream' } }))
  }
}

export async function replay(page: Page, name: string): Promise<void> {
  const file = fileOf(name)
  const recording: Recording = isRecording
    ? { at: Math.floor(Date.now() / 60_000) * 60_000, answers: {} }
    : (JSON.parse(await readFile(file, 'utf8')) as Recording)
  await page.clock.setFixedTime(recording.at)
  await page.addInitScript(silenceStream)
  await page.route(/\/api\/v1\/(?!stream)|\/status\.json/, async (route) => {
    const key = keyOf(route)
    if (isRecording) {
      const response = await route.fetch()
      recording.answers[key] = { status: response.status(), body: await response.json() as unknown }
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, `${JSON.stringify(recording)}\n`)
      await route.fulfill({ response })
      return
    }
    const answer = recording.answers[key]
    if (answer === undefined) {
      // The page fails visibly, and the test with it: whoever changed what is asked for records anew.
      console.error(`${name}: no answer was recorded for ${key}; run \`npm run e2e:record\``)
      await route.abort()
      return
    }
    await route.fulfill({ status: answer.status, contentType: answer.status < 400 ? 'application/json' : 'application/problem+json', body: JSON.stringify(answer.body) })
  })
}
