const encoder = new TextEncoder()

/** How many bytes of UTF-8 a text has: what a radio counts, whatever a keyboard shows. */
export function utf8Bytes(text: string): number {
  return encoder.encode(text).length
}

/** Returns the longest beginning of a text that fits, cut between characters and never inside one. */
export function cutToBytes(text: string, limit: number): string {
  if (utf8Bytes(text) <= limit) return text
  let bytes = 0
  let end = 0
  const segments = new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text)
  for (const { segment, index } of segments) {
    bytes += utf8Bytes(segment)
    if (bytes > limit) break
    end = index + segment.length
  }
  return text.slice(0, end)
}
