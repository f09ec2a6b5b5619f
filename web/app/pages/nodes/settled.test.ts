import { act, renderHook } from '@testing-library/react'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { useSettled } from './settled'

const rows = (...ids: string[]) => ids.map((node_id) => ({ node: { node_id } }))
const ids = (of: readonly { node: { node_id: string } }[]) => of.map((row) => row.node.node_id).join('')

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

test('rows keep their places until they are sorted otherwise, or half a minute has gone', () => {
  const hook = renderHook(({ now, key }) => useSettled(now, key), { initialProps: { now: rows('a', 'b', 'c'), key: 'heard' } })
  expect(ids(hook.result.current)).toBe('abc')
  hook.rerender({ now: rows('c', 'a', 'b'), key: 'heard' })
  expect(ids(hook.result.current)).toBe('abc')
  hook.rerender({ now: rows('d', 'c', 'b'), key: 'heard' })
  expect(ids(hook.result.current), 'new ones come last, who is gone is gone').toBe('bcd')
  hook.rerender({ now: rows('d', 'c', 'b'), key: 'name' })
  expect(ids(hook.result.current)).toBe('dcb')
  hook.rerender({ now: rows('b', 'c', 'd'), key: 'name' })
  expect(ids(hook.result.current)).toBe('dcb')
  act(() => { vi.advanceTimersByTime(30_000) })
  expect(ids(hook.result.current)).toBe('bcd')
})

test('rows that come later than the page are taken as they come', () => {
  const hook = renderHook(({ now }) => useSettled(now, ''), { initialProps: { now: rows() } })
  hook.rerender({ now: rows('b', 'a') })
  expect(ids(hook.result.current)).toBe('ba')
})
