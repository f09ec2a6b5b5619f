import { useCallback, useState } from 'react'

const name = (user: string, node: string) => `kosmo.draft.${user}.${node}`

function read(user: string, node: string): string {
  try { return localStorage.getItem(name(user, node)) ?? '' } catch { return '' }
}

function write(user: string, node: string, text: string): void {
  try {
    if (text === '') localStorage.removeItem(name(user, node))
    else localStorage.setItem(name(user, node), text)
  } catch { /* a full or forbidden storage costs the draft its life beyond this page, and nothing else */ }
}

/**
 * What a member is writing to a node, which survives a reload: one draft for each conversation and member. It is read once:
 * give what uses it a key of both.
 */
export function useDraft(user: string, node: string): readonly [string, (text: string) => void] {
  const [text, setText] = useState(() => read(user, node))
  const change = useCallback((next: string) => {
    setText(next)
    write(user, node, next)
  }, [user, node])
  return [text, change]
}
