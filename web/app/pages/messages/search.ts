/** What of this page stands in the URL. */
export type MessagesSearch = Record<string, never>

/** Reads it; whatever is not right is left out. */
export function messagesSearch(_search: Record<string, unknown>): MessagesSearch {
  return {}
}
