/**
 * Fetches the parts of the app that are loaded when they are needed. A server that is busy or starts anew may not hand one out: it is
 * asked again, each time later, and a server that has another version by then has the page loaded anew.
 */

/** How long it waits before it asks again, in milliseconds. */
const WAITS = [400, 1_200, 3_000, 6_000]
/** What the page was loaded anew for lies here, so that it is not done twice for the same. */
const RENEWED = 'kosmo.renewed'

/** A part of the app did not come, however often it was asked for. */
export class PartMissing extends Error {
  override readonly name = 'PartMissing'
}

const sleep = (time: number) => new Promise((resolve) => { window.setTimeout(resolve, time) })

/** Returns what `load` imports, or throws `PartMissing`. */
export async function fetched<Part>(load: () => Promise<Part>): Promise<Part> {
  let failure: Error | null = null
  for (const wait of [0, ...WAITS]) {
    if (failure !== null) await sleep(wait)
    try {
      return await (failure === null ? load() : loadAnew(load, failure))
    } catch (error) {
      if (!isMissing(error)) throw error
      failure = error
    }
    // What is on its way out needs nothing more.
    if (await isRenewed()) return new Promise<Part>(() => undefined)
  }
  throw new PartMissing(failure?.message)
}

/** Whether a file was not there; else the part is there and fails. */
function isMissing(error: unknown): error is Error {
  return error instanceof Error && /dynamically imported module|importing a module script|unable to preload css/i.test(error.message)
}

/** Some browsers keep in mind that a file did not come, and ask for it no more under the same name. They say which it was. */
async function loadAnew<Part>(load: () => Promise<Part>, { message }: Error): Promise<Part> {
  const style = /unable to preload css for (\S+)/i.exec(message)?.[1]
  if (style !== undefined) {
    await styled(style, message)
    return load()
  }
  const file = /https?:\/\/[^\s?]+\.js/.exec(message)?.[0]
  if (file === undefined || new URL(file).origin !== location.origin) return load()
  return import(/* @vite-ignore */ `${file}?again=${String(Date.now())}`) as Promise<Part>
}

/** Puts a style sheet into the page that did not come before. */
function styled(href: string, message: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const link = document.createElement('link')
    link.rel = 'stylesheet'
    link.href = href
    link.addEventListener('load', () => { resolve() })
    link.addEventListener('error', () => { link.remove(); reject(new Error(message)) })
    document.head.append(link)
  })
}

/** The file with which a page of the app begins: another in each version. */
const entryOf = (page: ParentNode) => page.querySelector('script[type="module"][src]')?.getAttribute('src') ?? ''

/** Asks the server for the page itself, and returns which file it begins with; null where there is no answer to be had. */
async function entryThere(): Promise<string | null> {
  try {
    const response = await fetch('/', { cache: 'no-store', headers: { Accept: 'text/html' } })
    return response.ok ? entryOf(new DOMParser().parseFromString(await response.text(), 'text/html')) : null
  } catch {
    return null
  }
}

/** Loads the page anew, once, where the server has another version of the app: the files of this one are gone. */
async function isRenewed(): Promise<boolean> {
  const there = await entryThere()
  if (there === null || there === '' || there === entryOf(document)) return false
  try {
    if (sessionStorage.getItem(RENEWED) === there) return false
    sessionStorage.setItem(RENEWED, there)
  } catch {
    // Without storage nothing would tell that it was done before.
    return false
  }
  location.reload()
  return true
}

/** Loads the page anew if the server answers, and returns whether it does. What was written and not sent is kept by the browser. */
export async function openAnew(): Promise<boolean> {
  if (await entryThere() === null) return false
  location.reload()
  return true
}
