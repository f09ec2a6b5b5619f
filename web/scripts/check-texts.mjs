// Fails if a text is in no catalogue, is in one that nothing uses, is not translated, or lost what is to be filled in.
// What is missing is added by `npm run i18n`.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const catalogues = () => {
  const names = readdirSync(root + 'app', { recursive: true }).filter((name) => /(^|\/)locales\/\w+\.po$/.test(name))
  return new Map(names.map((name) => [`app/${name}`, readFileSync(`${root}app/${name}`, 'utf8')]))
}

/** The entries of a catalogue: what is said, and how. */
function entries(text) {
  const unquote = (lines) => [...lines.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, part]) => part).join('')
  return text.split(/\n\n+/).flatMap((block) => {
    if (/^#~/m.test(block)) return []
    const id = /^msgid ((?:".*"\n?)+)/m.exec(block)
    const said = /^msgstr ((?:".*"\n?)+)/m.exec(block)
    return id === null || said === null || unquote(id[1]) === '' ? [] : [{ id: unquote(id[1]), said: unquote(said[1]) }]
  })
}

/** What a text has filled in: `{name}`, `{count, plural, …}` and the tags `<0>`. */
const holes = (text) => [...new Set([...text.matchAll(/\{\s*(\w+)\s*[,}]|<\/?(\d+)\/?>/g)].map(([, name, tag]) => name ?? `<${tag}>`))].sort().join(' ')

const withoutDate = (text) => text.replace(/^"POT-Creation-Date.*\n/m, '')
const faults = []
const before = catalogues()
try {
  execFileSync('npx', ['lingui', 'extract', '--clean'], { cwd: root, stdio: 'pipe' })
  for (const [name, after] of catalogues()) {
    if (withoutDate(after) !== withoutDate(before.get(name) ?? '')) faults.push(`${name} is out of date: run \`npm run i18n\``)
  }
} finally {
  for (const [name, text] of before) writeFileSync(root + name, text)
}
for (const [name, text] of before) {
  for (const { id, said } of entries(text)) {
    if (said === '') faults.push(`${name}: not translated: ${id}`)
    else if (holes(id) !== holes(said)) faults.push(`${name}: "${said}" does not fill in what "${id}" does`)
  }
}
if (faults.length > 0) {
  console.error(faults.join('\n'))
  process.exit(1)
}
console.log(`${before.size} catalogues are complete`)
