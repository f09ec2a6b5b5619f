// A demo for a bench: `KOSMO_BIN`, or the release build, on free ports and in a folder of its own.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const program = process.env['KOSMO_BIN'] ?? fileURLToPath(new URL('../../target/release/kosmo', import.meta.url))
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })

/** Starts it, and returns its address and how to end it. */
export async function startDemo() {
  const folder = await mkdtemp(join(tmpdir(), 'kosmo-bench-'))
  const ready = join(folder, 'ready.json')
  const demo = spawn(program, ['demo', '--port-base', '0', '--mqtt-port', '0', '--radio-port', '0', '--data', join(folder, 'data'), '--ready-file', ready, '--log', 'error'], { stdio: 'ignore', cwd: folder })
  const stop = async () => {
    const ended = demo.exitCode !== null || new Promise((resolve) => { demo.once('exit', resolve) })
    demo.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  while (!existsSync(ready)) {
    if (demo.exitCode !== null) throw new Error(`${program} did not start`)
    await sleep(100)
  }
  // A demo that has just begun writes its first minute's worth: what is measured is a server at rest.
  await sleep(5000)
  return { url: JSON.parse(await readFile(ready, 'utf8')).web, stop }
}
