export function tileId(z: number, x: number, y: number): number
export function archive(tiles: readonly { z: number; x: number; y: number; data: Uint8Array }[], about: { maxZoom: number; metadata: object; maxRoot?: number; leaf?: number }): Uint8Array
