const encoder = new TextEncoder()

/** How many bytes of UTF-8 a text has: what a radio counts, whatever a keyboard shows. */
export function utf8Bytes(text: string): number {
  return encoder.encode(text).length
}
