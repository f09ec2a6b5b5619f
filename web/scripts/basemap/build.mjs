// Makes the basemap that is always there: Natural Earth's coasts, borders and names as one PMTiles archive, of which a
// browser fetches the few kilobytes it looks at. `node scripts/basemap/build.mjs OUT` writes it unless it is newer than its makers.
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GeoJSONVT } from '@maplibre/geojson-vt';
import { fromGeojsonVt } from '@maplibre/vt-pbf';
import { layers } from './cut.mjs';
import { namer } from './names.mjs';
import { archive } from './pmtiles.mjs';

/** Natural Earth 1:10m is drawn to about a kilometre; a step of a tile of zoom 6 is 150 m. */
const MAX_ZOOM = 6;
const EXTENT = 4096;

const require = createRequire(import.meta.url);

/** Returns the archive made of an atlas. */
export function build(atlas, maxZoom = MAX_ZOOM) {
  const options = { maxZoom, indexMaxZoom: 4, indexMaxPoints: 0, tolerance: 3, extent: EXTENT, buffer: 64 };
  const indexes = Object.entries(layers(atlas, namer())).map(([name, geojson]) => [name, new GeoJSONVT(geojson, options)]);
  const tiles = [];
  for (let z = 0; z <= maxZoom; z += 1) {
    for (let x = 0; x < 2 ** z; x += 1) {
      for (let y = 0; y < 2 ** z; y += 1) {
        const found = indexes.map(([name, index]) => [name, index.getTile(z, x, y)]).filter(([, tile]) => tile?.features.length);
        if (found.length > 0) tiles.push({ z, x, y, data: fromGeojsonVt(Object.fromEntries(found), { version: 2, extent: EXTENT }) });
      }
    }
  }
  const metadata = {
    name: 'Natural Earth',
    attribution: 'Natural Earth',
    vector_layers: indexes.map(([id]) => ({ id, fields: id === 'countries' ? { name: 'String', rank: 'Number' } : {} })),
  };
  return archive(tiles, { maxZoom, metadata });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const out = process.argv[2] ?? fileURLToPath(new URL('../../public/world.pmtiles', import.meta.url));
  const makers = ['build.mjs', 'cut.mjs', 'names.mjs', 'pmtiles.mjs'].map((name) => fileURLToPath(new URL(name, import.meta.url)));
  const sources = [...makers, require.resolve('world-atlas/countries-10m.json'), require.resolve('i18n-iso-countries/codes.json')];
  const made = statSync(out, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (made < Math.max(...sources.map((path) => statSync(path).mtimeMs))) {
    const bytes = build(JSON.parse(readFileSync(require.resolve('world-atlas/countries-10m.json'), 'utf8')));
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, bytes);
    process.stdout.write(`${out}: ${(bytes.length / 1024).toFixed(0)} KiB\n`);
  }
}
