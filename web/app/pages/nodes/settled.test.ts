import { act, renderHook } from '@testing-library/react'
import { expect, test } from 'vitest'
import { useSettled } from './settled'

const rows = (...ids: string[]) => ids.map((node_id) => ({ node: { node_id } }))
const ids = (of: readonly { node: { node_id: string } }[]) => of.map((row) => row.node.node_id).join('')

test('rows keep their places until they are sorted otherwise, somebody asks, or comes back', () => {
  const hook = renderHook(({ now, key }) => useSettled(now, key), { initialProps: { now: rows('a', 'b', 'c'), key: 'heard' } })
  expect([ids(hook.result.current.rows), hook.result.current.isPast]).toEqual(['abc', false])
  hook.rerender({ now: rows('c', 'a', 'b'), key: 'heard' })
  expect([ids(hook.result.current.rows), hook.result.current.isPast]).toEqual(['abc', true])
  hook.rerender({ now: rows('d', 'c', 'b'), key: 'heard' })
  expect(ids(hook.result.current.rows), 'new ones come last, who is gone is gone').toBe('bcd')
  hook.rerender({ now: rows('d', 'c', 'b'), key: 'name' })
  expect(ids(hook.result.current.rows)).toBe('dcb')
  hook.rerender({ now: rows('b', 'c', 'd'), key: 'name' })
  expect(ids(hook.result.current.rows)).toBe('dcb')
  act(() => { hook.result.current.settle() })
  expect([ids(hook.result.current.rows), hook.result.current.isPast]).toEqual(['bcd', false])
  hook.rerender({ now: rows('d', 'b', 'c'), key: 'name' })
  expect(ids(hook.result.current.rows)).toBe('bcd')
  act(() => { document.dispatchEvent(new Event('visibilitychange')) })
  expect(ids(hook.result.current.rows)).toBe('dbc')
})

test('rows that come later than the page are taken as they come', () => {
  const hook = renderHook(({ now }) => useSettled(now, ''), { initialProps: { now: rows() } })
  hook.rerender({ now: rows('b', 'a') })
  expect(ids(hook.result.current.rows)).toBe('ba')
})
