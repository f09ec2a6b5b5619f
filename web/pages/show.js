// How values are written for people. Pure functions: nothing here touches the page.

const NUMBER = new Map();

/** Writes a number with this many decimals, with a real minus sign. */
export function format(value, decimals) {
  if (!NUMBER.has(decimals)) {
    NUMBER.set(decimals, new Intl.NumberFormat("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals, signDisplay: "negative" }));
  }
  return NUMBER.get(decimals).format(value).replace("-", "−");
}

/** Writes how long ago something was. */
export function age(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} days ago`;
}

/** Names the direction that something comes from. */
export function compass(degrees) {
  const names = ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"];
  return names[Math.round(degrees / 22.5) % 16];
}

/** What a card shows besides temperature and wind direction: metric, label, unit and decimals, in this order. */
const SHOWN = [
  ["wind_speed_ms", "Wind", "m/s", 1],
  ["wind_gust_ms", "Gusts", "m/s", 1],
  ["humidity_pct", "Humidity", "%", 0],
  ["pressure_hpa", "Pressure", "hPa", 1],
  ["rain_mm", "Rain", "mm", 1],
  ["rain_1h_mm", "Rain 1 h", "mm", 1],
  ["rain_24h_mm", "Rain 24 h", "mm", 1],
  ["pm25_ugm3", "PM2.5", "µg/m³", 0],
  ["pm10_ugm3", "PM10", "µg/m³", 0],
  ["iaq", "Air quality", "IAQ", 0],
  ["illuminance_lux", "Light", "lx", 0],
  ["soil_temperature_c", "Soil", "°C", 1],
  ["soil_moisture_pct", "Soil moisture", "%", 0],
  ["radiation_urh", "Radiation", "µR/h", 1],
  ["co2_ppm", "CO₂", "ppm", 0],
];
/** How many cells a card has at most: three rows of three. */
const MOST = 9;

/** Tells whether a node measures its surroundings; every node has a battery, and that makes no station. */
export function isStation(reading) {
  return reading.temperature_c != null || SHOWN.some(([metric]) => reading[metric] != null);
}

/**
 * Returns when what a card shows was measured, as the API writes times: its temperature, which is what the card says
 * first, or without one the newest of the values it shows. A node sends its battery apart, and more often.
 */
export function measuredAt(reading) {
  const timeOf = (metric) => reading.observed_at?.[metric] ?? reading.at;
  if (reading.temperature_c != null) return timeOf("temperature_c");
  const times = SHOWN.filter(([metric]) => reading[metric] != null).map(([metric]) => timeOf(metric));
  return times.reduce((newest, time) => (Date.parse(time) > Date.parse(newest) ? time : newest), times[0] ?? reading.at);
}

/** Returns the cells of a card. */
export function cells(reading) {
  const cells = [];
  const from = reading.wind_direction_deg;
  if (from != null) cells.push({ label: "Wind from", text: compass(from), from });
  for (const [metric, label, unit, decimals] of SHOWN) {
    if (reading[metric] == null || cells.length >= MOST) continue;
    cells.push({ label, text: `${format(reading[metric], decimals)} ${unit}` });
  }
  if (reading.battery_pct != null && cells.length < MOST) {
    cells.push({ label: "Battery", text: `${format(reading.battery_pct, 0)} %` });
  }
  return cells;
}
