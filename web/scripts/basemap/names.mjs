// What countries are called in the languages of the app. world-atlas numbers them by ISO 3166-1; those without a number
// (Kosovo, Somaliland, Northern Cyprus) keep the English name that it gives.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const codes = require('i18n-iso-countries/codes.json');
const languages = { cs: 'i18n-iso-countries/langs/cs.json', de: 'i18n-iso-countries/langs/de.json', en: 'i18n-iso-countries/langs/en.json' };
const alpha2 = new Map(codes.map(([two, , number]) => [number, two]));

/** Returns a function from a country of world-atlas to its names: `name` in English, `name:cs`, `name:de`. */
export function namer() {
  const tables = Object.fromEntries(Object.entries(languages).map(([language, path]) => [language, require(path).countries]));
  const first = (entry) => (Array.isArray(entry) ? entry[0] : entry);
  return ({ id, properties }) => {
    const code = alpha2.get(String(id ?? '').padStart(3, '0'));
    const named = (language) => (code && first(tables[language][code])) || properties.name;
    return { name: short(named('en')) === named('en') ? named('en') : properties.name, 'name:cs': named('cs'), 'name:de': named('de') };
  };
}

/** Official names with a comma or brackets ("Iran, Islamic Republic of") are no names for a map. */
const short = (name) => name.replace(/[,(].*$/, '').trim();
