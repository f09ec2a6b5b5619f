import createClient, { type Middleware } from 'openapi-fetch'
import { preferences } from '@/shell/preferences'
import { reachability } from './reachability'
import { Problem, toProblem, Unreachable } from './problem'
import type { paths } from './schema'

/** Headers that say who asks; every request carries them, the stream of live events too. */
export function callerHeaders(): Record<string, string> {
  const { caller } = preferences()
  return caller === null ? {} : { 'X-User-ID': caller }
}

const identify: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(callerHeaders())) request.headers.set(name, value)
    return request
  },
  onResponse() {
    reachability.heard()
  },
  onError({ error }) {
    // Whoever gave up waiting says nothing about the server.
    if (error instanceof DOMException && error.name === 'AbortError') return error
    reachability.failed()
    return new Unreachable('the server cannot be reached', { cause: error })
  },
}

/** How long an answer may take, however slow the line: what hangs for ever would keep everything from being read again. */
const PATIENCE = 120_000

/** Asks, and gives up what hangs; a browser that cannot tell two reasons to give up apart waits as long as it likes. */
function ask(request: Request): Promise<Response> {
  const signal = 'any' in AbortSignal ? AbortSignal.any([request.signal, AbortSignal.timeout(PATIENCE)]) : request.signal
  return fetch(request, { signal })
}

/** The API, typed after its document. `take` makes its answers into what queries want: data, or an exception. */
export const api = createClient<paths>({ baseUrl: location.origin, fetch: ask })
api.use(identify)

interface Answer<Data> {
  data?: Data | undefined
  error?: unknown
  response: Response
}

/** Returns the data of an answer, or throws its problem. */
export async function take<Data>(answer: Promise<Answer<Data>>): Promise<NonNullable<Data>> {
  const { data, error, response } = await answer
  if (data == null || !response.ok) throw toProblem(response, error)
  return data
}

/**
 * Tells whether asking again may help: not where the server has understood and refused. A server that cannot be reached is asked
 * once more at once; from then on the page says so, and everything is read again when it is back.
 */
export function isWorthRetrying(failures: number, error: unknown): boolean {
  if (failures >= (error instanceof Unreachable ? 1 : 3)) return false
  return !(error instanceof Problem) || error.status >= 500 || error.status === 429
}
