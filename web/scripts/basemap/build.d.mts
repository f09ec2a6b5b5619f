export function build(atlas: unknown, maxZoom?: number): Uint8Array
