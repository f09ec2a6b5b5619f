import { transformAsync } from '@babel/core'
import linguiMacro from '@lingui/babel-plugin-lingui-macro'
import { lingui } from '@lingui/vite-plugin'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

/** Expands Lingui's macros; everything else about a file is left to the bundler. */
function macros(): Plugin {
  return {
    name: 'kosmo-lingui-macros',
    enforce: 'pre',
    async transform(code, id) {
      const file = id.split('?')[0] ?? id
      if (!/\.tsx?$/.test(file) || !code.includes('@lingui/') || !code.includes('/macro')) return null
      const result = await transformAsync(code, {
        filename: file,
        plugins: [linguiMacro],
        parserOpts: { plugins: file.endsWith('x') ? ['typescript', 'jsx'] : ['typescript'] },
        configFile: false,
        babelrc: false,
        sourceMaps: true,
      })
      return result?.code == null ? null : { code: result.code, map: result.map ?? null }
    },
  }
}

/** Has uPlot draw upon the app's own paper instead of a canvas; what it names is there, or the build ends. */
function paper(): Plugin {
  const own = { 'new Path2D': 'new Path', 'can.getContext("2d")': 'new Paper(can)' }
  return {
    name: 'kosmo-paper',
    transform(code, id) {
      if (!id.endsWith('/uPlot.esm.js')) return null
      const missing = Object.keys(own).filter((name) => !code.includes(name))
      if (missing.length > 0) this.error(`uPlot no longer says ${missing.join(', ')}: see app/charts/paper.ts`)
      const drawn = Object.entries(own).reduce((text, [theirs, ours]) => text.replaceAll(theirs, ours), code)
      return { code: `import { Paper, Path } from '@/charts/paper'\n${drawn}`, map: null }
    },
  }
}

/** Where the program answers that a development server asks: `KOSMO_URL=http://127.0.0.1:18000 npm run dev -- --port 5171`. */
const kosmo = process.env['KOSMO_URL'] ?? 'http://127.0.0.1:8000'
const proxied = ['/api', '/basemap', '/healthz', '/readyz', '/status.json', '/openapi.json']

export default defineConfig({
  plugins: [macros(), paper(), lingui(), react(), tailwindcss()],
  resolve: { alias: { '@': fileURLToPath(new URL('./app', import.meta.url)) } },
  worker: { format: 'es' },
  // While one develops, too, what is in it is changed.
  optimizeDeps: { exclude: ['uplot'] },
  // Whatever is inlined as `data:` would need a hole in the content security policy.
  build: {
    target: 'es2022', assetsInlineLimit: 0, sourcemap: false, reportCompressedSize: false, chunkSizeWarningLimit: 1200, manifest: true,
    // What pages have in common is two files, not forty small ones that a browser asks for six at a time.
    rolldownOptions: { output: { codeSplitting: { groups: [
      { name: 'lib', test: /node_modules\/(?!lucide-react|@tanstack\/(react-)?virtual)/, minShareCount: 2 },
      { name: 'parts', test: /node_modules\/lucide-react|\/web\/app\/(api|format|live|mine|shell|ui|charts\/(panels|range|search)\.ts|pages\/([\w/]+\/search|nodes\/columns)\.ts)/, minShareCount: 2 },
    ] } } },
  },
  server: { strictPort: true, proxy: Object.fromEntries(proxied.map((path) => [path, { target: kosmo }])) },
  test: { environment: 'jsdom', include: ['app/**/*.test.{ts,tsx}'], setupFiles: ['app/test-setup.ts'], restoreMocks: true },
})
