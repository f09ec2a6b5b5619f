/** Whether this browser can draw the map at all; asked before the library that draws is fetched. */
export function canDraw(): boolean {
  try {
    return document.createElement('canvas').getContext('webgl2') !== null
  } catch {
    return false
  }
}
