/** What the server answers when it refuses: RFC 9457, with a code that stays the same. */
export interface ProblemBody {
  readonly code: string
  readonly title: string
  readonly status: number
  readonly detail?: string
  readonly field?: string
  readonly limit?: unknown
  readonly request_id?: string
}

/** An answer that is a refusal. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly body: ProblemBody
  /** Seconds after which to ask again, if the server said so. */
  readonly retryAfter: number | null

  constructor(body: ProblemBody, retryAfter: number | null = null) {
    super(body.detail ?? body.title)
    this.body = body
    this.retryAfter = retryAfter
  }

  get code(): string {
    return this.body.code
  }

  get status(): number {
    return this.body.status
  }
}

/** No answer: the server, or the way to it, is away. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

/** Makes a problem of whatever came instead of an answer. */
export function toProblem(response: Response, body: unknown): Problem {
  const given: Partial<ProblemBody> = typeof body === 'object' && body !== null ? body : {}
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  const requestId = response.headers.get('x-request-id')
  return new Problem(
    {
      ...given,
      code: typeof given.code === 'string' ? given.code : `http_${String(response.status)}`,
      title: typeof given.title === 'string' ? given.title : response.statusText || `HTTP ${String(response.status)}`,
      status: response.status,
      ...(requestId === null ? {} : { request_id: requestId }),
    },
    Number.isFinite(seconds) ? seconds : null,
  )
}
