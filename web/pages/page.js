// The status page: asks the APIs of its own origin, and shows what they answer. Names come from radios and may hold
// anything a person can type, so nothing is ever parsed as markup: text goes in as text.

import { age, cells, compass, format, isStation, measuredAt } from "./show.js";

/** How often what changes fast is asked for, in milliseconds. */
const FAST = 5_000;
/** How often the list of nodes is. */
const SLOW = 60_000;
/** After how many seconds without a reading a station is marked as silent. */
const SILENT_AFTER_S = 2 * 3600;
/** The most pages of nodes that are fetched; a page that lists more is not read by anybody. */
const MOST_PAGES = 20;

const byId = (id) => document.getElementById(id);
const names = new Map();
const cards = new Map();

async function ask(path) {
  const response = await fetch(path, { headers: { accept: "application/json" }, signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${path} answers ${response.status}`);
  return response.json();
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Sets a text, and lets it glow once if it replaces another one. */
function setText(target, text) {
  if (target.textContent === text) return;
  const replaces = target.textContent !== "";
  target.textContent = text;
  if (!replaces || !target.classList) return;
  target.classList.remove("changed");
  void target.offsetWidth;
  target.classList.add("changed");
}

function showStations(readings) {
  const now = Date.now();
  const shown = new Set();
  const list = byId("station-list");
  const sorted = readings.filter(isStation).sort((a, b) => nameOf(a.node_id).localeCompare(nameOf(b.node_id)) || a.node_id.localeCompare(b.node_id));
  sorted.forEach((reading, place) => {
    shown.add(reading.node_id);
    const card = cards.get(reading.node_id) ?? newCard(reading.node_id);
    if (list.children[place] !== card.root) list.insertBefore(card.root, list.children[place] ?? null);
    fillCard(card, reading, now);
  });
  for (const [id, card] of cards) {
    if (shown.has(id)) continue;
    card.root.remove();
    cards.delete(id);
  }
  byId("no-stations").hidden = sorted.length > 0;
  const reporting = sorted.filter((reading) => now - Date.parse(measuredAt(reading)) < SILENT_AFTER_S * 1000).length;
  count("count-stations", reporting, sorted.length);
  if (sorted.length > 0) {
    const day = 24 * 3600 * 1000;
    const query = new URLSearchParams({
      node_id: sorted[0].node_id,
      start: new Date(now - day).toISOString(),
      end: new Date(now).toISOString(),
      interval: "1h",
    });
    byId("history-link").href = `/api/v1/weather/history?${query}`;
  }
}

function newCard(id) {
  const root = byId("station").content.firstElementChild.cloneNode(true);
  const card = {
    root,
    name: root.querySelector("h3"),
    id: root.querySelector(".id"),
    age: root.querySelector(".age"),
    temperature: root.querySelector(".number"),
    headline: root.querySelector(".temperature"),
    values: root.querySelector("dl"),
    cells: new Map(),
  };
  card.id.textContent = id;
  cards.set(id, card);
  return card;
}

function fillCard(card, reading, now) {
  const measured = measuredAt(reading);
  const at = Date.parse(measured);
  card.name.textContent = nameOf(reading.node_id);
  card.id.hidden = card.name.textContent === reading.node_id;
  card.age.textContent = age(now - at);
  card.age.dateTime = measured;
  card.age.title = new Date(at).toLocaleString();
  card.root.dataset.state = now - at > SILENT_AFTER_S * 1000 ? "warn" : "good";
  card.headline.hidden = reading.temperature_c == null;
  if (reading.temperature_c != null) setText(card.temperature, format(reading.temperature_c, 1));
  const wanted = cells(reading);
  for (const [label, cell] of card.cells) {
    if (wanted.some((want) => want.label === label)) continue;
    cell.row.remove();
    card.cells.delete(label);
  }
  wanted.forEach((want, place) => {
    const cell = card.cells.get(want.label) ?? newCell(card, want);
    if (card.values.children[place] !== cell.row) card.values.insertBefore(cell.row, card.values.children[place] ?? null);
    setText(cell.text, want.text);
    if (want.from !== undefined) pointArrow(cell, want.from);
  });
}

function newCell(card, want) {
  const row = element("div");
  const value = element("dd");
  const text = element("span");
  value.append(text);
  row.append(element("dt", "", want.label), value);
  const cell = { row, value, text, arrow: null };
  card.cells.set(want.label, cell);
  return cell;
}

/** Points to where the wind blows: the direction is where it comes from. */
function pointArrow(cell, from) {
  if (!cell.arrow) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 16 16");
    svg.setAttribute("class", "arrow");
    svg.setAttribute("role", "img");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", "M8 15 3 3l5 3 5-3z");
    svg.append(path);
    cell.value.prepend(svg);
    cell.arrow = svg;
  }
  cell.arrow.style.transform = `rotate(${Math.round(from)}deg)`;
  cell.arrow.setAttribute("aria-label", `wind from ${compass(from)}`);
}

function nameOf(id) {
  return names.get(id) || id;
}

function count(id, value, outOf) {
  const target = byId(id);
  const small = outOf !== undefined && outOf !== value ? element("small", "", ` of ${outOf}`) : "";
  target.replaceChildren(String(value), small);
}

async function readNodes() {
  let next = null;
  let heard = 0;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const path = next ? `/api/v1/nodes?cursor=${encodeURIComponent(next)}` : "/api/v1/nodes";
    const nodes = await ask(path);
    heard += nodes.data.length;
    for (const node of nodes.data) names.set(node.node_id, node.long_name || node.short_name || "");
    next = nodes.next;
    if (!next) break;
  }
  count("count-nodes", next ? `${heard}+` : heard);
}

function showStatus(status) {
  setText(byId("version"), status.version);
  const online = status.bridges.filter((bridge) => bridge.state === "good").length;
  count("count-bridges", online, status.bridges.length);
  count("count-rejects", status.rejects_open ?? "–");
  showRows("bridge-list", status.bridges, (bridge) => ({ state: bridge.state, title: bridge.id, detail: bridge.detail, says: bridge.says }));
  byId("no-bridges").hidden = status.bridges.length > 0;
  showRows("service-list", status.services, (service) => ({ state: "good", title: service.name, detail: service.does, says: service.address }));
}

function showRows(listId, items, describe) {
  const list = byId(listId);
  while (list.children.length > items.length) list.lastElementChild.remove();
  items.forEach((item, place) => {
    const row = list.children[place] ?? list.appendChild(byId("row").content.firstElementChild.cloneNode(true));
    const { state, title, detail, says } = describe(item);
    row.dataset.state = state;
    row.querySelector("h3").textContent = title;
    row.querySelector(".what p").textContent = detail ?? "";
    row.querySelector(".state").textContent = says ?? "";
  });
}

async function readHealth() {
  const pill = byId("health");
  const response = await fetch("/readyz", { signal: AbortSignal.timeout(10_000) });
  if (response.ok) {
    pill.dataset.state = "good";
    setText(byId("health-text"), "Everything runs");
    return;
  }
  const problem = await response.json().catch(() => ({}));
  const what = (problem.not_ready ?? []).map(({ name, reason }) => `${name} ${reason}`).join(", ");
  pill.dataset.state = "warn";
  setText(byId("health-text"), what ? `Not ready: ${what}` : "Not ready");
}

async function readFast() {
  const asked = [readHealth(), ask("/status.json").then(showStatus), ask("/api/v1/weather/latest").then((latest) => showStations(latest.data))];
  const outcomes = await Promise.allSettled(asked);
  const notice = byId("notice");
  if (outcomes.every(({ status }) => status === "rejected")) {
    byId("health").dataset.state = "bad";
    setText(byId("health-text"), "No answer");
    notice.textContent = "The server does not answer. What is shown here may be old; the page goes on trying.";
    notice.hidden = false;
    return;
  }
  notice.hidden = true;
  byId("updated").textContent = `as of ${new Date().toLocaleTimeString()}`;
}

async function repeat(read, every) {
  for (;;) {
    if (!document.hidden) await read().catch((error) => console.warn(error.message));
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

await readNodes().catch((error) => console.warn(error.message));
repeat(readFast, FAST);
setTimeout(() => repeat(readNodes, SLOW), FAST);
