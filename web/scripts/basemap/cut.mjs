// Natural Earth's countries as world-atlas packs them, made fit for a flat map. The rings of world-atlas run across the
// antimeridian (Russia, Fiji, Antarctica): drawn flat, such a ring is a streak around the world. Projecting them to plain
// degrees with d3-geo cuts them there, as it does with any spherical polygon.
import { geoArea, geoEquirectangular } from 'd3-geo';
import { geoProject } from 'd3-geo-projection';
import polylabel from 'polylabel';
import { feature, mesh } from 'topojson-client';

/** Plain degrees: longitude to the right, latitude up, and no points added between those that are there. */
const degrees = () => geoEquirectangular().scale(180 / Math.PI).translate([0, 0]).precision(0).reflectY(true);

/** Returns the GeoJSON object cut where it crosses the antimeridian. */
export function cut(object) {
  return geoProject(object, degrees());
}

/** Counts the segments that jump further than half around the world, which no line on a flat map does. */
export function jumps(geometry) {
  if (!geometry) return 0;
  if (geometry.type === 'FeatureCollection') return sum(geometry.features, jumps);
  if (geometry.type === 'Feature') return jumps(geometry.geometry);
  if (geometry.type === 'GeometryCollection') return sum(geometry.geometries, jumps);
  return inLines(geometry.coordinates);
}

function inLines(coordinates) {
  if (typeof coordinates[0]?.[0] !== 'number') return sum(coordinates.filter(Array.isArray), (part) => (typeof part[0] === 'number' ? 0 : inLines(part)));
  return coordinates.slice(1).filter(([longitude], i) => Math.abs(longitude - coordinates[i][0]) > 180).length;
}

const sum = (list, of) => list.reduce((total, item) => total + of(item), 0);

/** Returns the layers of the map: land, the coast, the borders between countries, and a point for the name of each. */
export function layers(atlas, nameOf) {
  const { countries, land } = atlas.objects;
  const lines = (keep) => ({ type: 'Feature', properties: {}, geometry: mesh(atlas, countries, keep) });
  return {
    land: collection(cut(feature(atlas, land))),
    coast: collection(cut(lines((a, b) => a === b))),
    borders: collection(cut(lines((a, b) => a !== b))),
    countries: collection(feature(atlas, countries).features.flatMap((country) => label(country, nameOf) ?? [])),
  };
}

function collection(from) {
  if (Array.isArray(from)) return { type: 'FeatureCollection', features: from };
  return from.type === 'FeatureCollection' ? from : { type: 'FeatureCollection', features: [from] };
}

/** Returns the point at which a country's name stands: deepest inside its greatest part. */
function label(country, nameOf) {
  const names = nameOf(country);
  const flat = cut(country).geometry;
  if (!names || !flat) return null;
  const polygons = flat.type === 'Polygon' ? [flat.coordinates] : flat.coordinates;
  const greatest = polygons.reduce((best, polygon) => (extent(polygon) > extent(best) ? polygon : best));
  // Steradians: Russia has 0.42, Czechia 0.0019, Malta 0.000008. The rank says from which zoom on there is room for the name.
  const area = geoArea(country);
  const rank = area > 0.05 ? 1 : area > 0.008 ? 2 : area > 0.0015 ? 3 : area > 0.0002 ? 4 : 5;
  const [longitude, latitude] = polylabel(greatest, 0.1);
  return { type: 'Feature', properties: { ...names, rank }, geometry: { type: 'Point', coordinates: [longitude, latitude] } };
}

/** Returns the area of a flat polygon's outer ring. */
function extent([ring]) {
  let twice = 0;
  for (let i = 1; i < ring.length; i += 1) twice += ring[i - 1][0] * ring[i][1] - ring[i][0] * ring[i - 1][1];
  return Math.abs(twice) / 2;
}
