// Writes a PMTiles archive, version 3 (https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md): one file of tiles
// that a browser reads in parts. No package writes one without a database or a native program.
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

const HEADER = 127;
/** The root directory has to fit into the first 16 KiB together with the header. */
const MAX_ROOT = 16_384 - HEADER;
const LEAF = 2_048;
const GZIP = 2;
const VECTOR = 1;

/** Returns the number of a tile on the Hilbert curve, after all those of lesser zooms. */
export function tileId(z, x, y) {
  let id = (4 ** z - 1) / 3;
  let [tx, ty] = [x, y];
  for (let s = 2 ** (z - 1); s >= 1; s /= 2) {
    const rx = (tx & s) > 0 ? 1 : 0;
    const ry = (ty & s) > 0 ? 1 : 0;
    id += s * s * ((3 * rx) ^ ry);
    if (ry === 0) {
      if (rx === 1) [tx, ty] = [s - 1 - (tx & (s - 1)), s - 1 - (ty & (s - 1))];
      [tx, ty] = [ty, tx];
    }
    tx &= s - 1;
    ty &= s - 1;
  }
  return id;
}

/** Returns the archive of these tiles, `{z, x, y, data}`; equal tiles are kept once. */
export function archive(tiles, { maxZoom, metadata, maxRoot = MAX_ROOT, leaf = LEAF }) {
  const sorted = tiles.map(({ z, x, y, data }) => ({ id: tileId(z, x, y), data })).sort((a, b) => a.id - b.id);
  const known = new Map();
  const contents = [];
  const entries = [];
  let length = 0;
  for (const { id, data } of sorted) {
    const hash = createHash('sha256').update(data).digest('base64');
    if (!known.has(hash)) {
      const packed = gzipSync(data, { level: 9 });
      known.set(hash, { offset: length, length: packed.length });
      contents.push(packed);
      length += packed.length;
    }
    const place = known.get(hash);
    const last = entries.at(-1);
    if (last && last.offset === place.offset && last.id + last.run === id) last.run += 1;
    else entries.push({ id, run: 1, ...place });
  }
  const { root, leaves } = directories(entries, maxRoot, leaf);
  const about = gzipSync(JSON.stringify(metadata), { level: 9 });
  const offsets = { root: HEADER, metadata: HEADER + root.length };
  offsets.leaves = offsets.metadata + about.length;
  offsets.data = offsets.leaves + leaves.length;
  const header = Buffer.alloc(HEADER);
  header.write('PMTiles', 0, 'ascii');
  header.writeUInt8(3, 7);
  const numbers = [offsets.root, root.length, offsets.metadata, about.length, offsets.leaves, leaves.length, offsets.data, length, sorted.length, entries.length, contents.length];
  numbers.forEach((number, i) => header.writeBigUInt64LE(BigInt(number), 8 + 8 * i));
  [1, GZIP, GZIP, VECTOR, 0, maxZoom].forEach((byte, i) => header.writeUInt8(byte, 96 + i));
  [-180, -85, 180, 85].forEach((degrees, i) => header.writeInt32LE(degrees * 1e7, 102 + 4 * i));
  header.writeUInt8(0, 118);
  return Buffer.concat([header, root, about, leaves, ...contents]);
}

function directories(entries, maxRoot, size) {
  const whole = directory(entries);
  if (whole.length <= maxRoot) return { root: whole, leaves: Buffer.alloc(0) };
  const [leaves, pointers] = [[], []];
  let offset = 0;
  for (let i = 0; i < entries.length; i += size) {
    const leaf = directory(entries.slice(i, i + size));
    pointers.push({ id: entries[i].id, run: 0, offset, length: leaf.length });
    leaves.push(leaf);
    offset += leaf.length;
  }
  return { root: directory(pointers), leaves: Buffer.concat(leaves) };
}

function directory(entries) {
  const bytes = [];
  const put = (number) => {
    for (let rest = number; ; rest = Math.floor(rest / 128)) {
      if (rest < 128) return bytes.push(rest);
      bytes.push((rest % 128) | 128);
    }
  };
  put(entries.length);
  entries.forEach(({ id }, i) => put(i === 0 ? id : id - entries[i - 1].id));
  entries.forEach(({ run }) => put(run));
  entries.forEach(({ length }) => put(length));
  entries.forEach(({ offset }, i) => {
    const follows = i > 0 && offset === entries[i - 1].offset + entries[i - 1].length;
    put(follows ? 0 : offset + 1);
  });
  return gzipSync(Buffer.from(bytes), { level: 9 });
}
