import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { describe, expect, it, vi } from 'vitest'
import { readAgain } from './again'

/** A list that somebody looks at, whose answers the test gives. */
function looking() {
  const queries = new QueryClient()
  const asked: { answer: (value: number) => void; signal: AbortSignal }[] = []
  const queryFn = ({ signal }: { signal: AbortSignal }) => new Promise<number>((answer) => { asked.push({ answer, signal }) })
  const observer = new QueryObserver(queries, { queryKey: ['mine', 'list'], queryFn })
  return { queries, asked, observer, end: observer.subscribe(() => undefined) }
}

describe('what is out of date', () => {
  it('is read again, once for all that came meanwhile, and no read is given up', async () => {
    const { queries, asked, observer, end } = looking()
    for (let news = 0; news < 5; news += 1) readAgain(queries, ['mine'])
    expect(asked).toHaveLength(1)
    asked[0]?.answer(1)
    await vi.waitFor(() => { expect(asked).toHaveLength(2) })
    expect(asked[0]?.signal.aborted).toBe(false)
    expect(observer.getCurrentResult().data).toBe(1)
    asked[1]?.answer(2)
    await vi.waitFor(() => { expect(observer.getCurrentResult().data).toBe(2) })

    readAgain(queries, ['mine'])
    await vi.waitFor(() => { expect(asked).toHaveLength(3) })
    readAgain(queries, ['mine'])
    asked[2]?.answer(3)
    await vi.waitFor(() => { expect(asked).toHaveLength(4) })
    asked[3]?.answer(4)
    await vi.waitFor(() => { expect(observer.getCurrentResult().data).toBe(4) })
    await vi.waitFor(() => { expect(queries.isFetching()).toBe(0) })
    expect(asked).toHaveLength(4)
    end()
  })

  it('is read when somebody looks, if nobody does now', async () => {
    const { queries, asked, observer, end } = looking()
    asked[0]?.answer(1)
    await vi.waitFor(() => { expect(observer.getCurrentResult().data).toBe(1) })
    end()
    readAgain(queries, ['mine'])
    await Promise.resolve()
    expect(asked).toHaveLength(1)
    expect(queries.getQueryState(['mine', 'list'])?.isInvalidated).toBe(true)
  })
})
