// What a value looks like. Data reaches the page through textContent and numbers only.

const formats = new Map();

function format(zone, options) {
  const key = zone + JSON.stringify(options);
  if (!formats.has(key)) {
    formats.set(key, new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options }));
  }
  return formats.get(key);
}

export function clock(zone, millis) {
  const parts = { weekday: "short", day: "numeric", month: "short", year: "numeric",
    hour: "2-digit", minute: "2-digit", second: "2-digit" };
  return format(zone, parts).format(millis);
}

// The labels that mails use.
const LABELS = { "Asia/Kolkata": "IST", "Asia/Dubai": "GST" };

export function zoneName(zone, millis) {
  if (LABELS[zone]) return LABELS[zone];
  const parts = format(zone, { timeZoneName: "shortOffset" }).formatToParts(millis);
  const offset = parts.find((part) => part.type === "timeZoneName")?.value ?? zone;
  return offset.replace("GMT", "UTC");
}

export function moment(zone, millis) {
  return format(zone, { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit" }).format(millis);
}

export function behind(millis) {
  const minutes = Math.round((Date.now() - millis) / 60000);
  if (minutes < 2) return "live";
  if (minutes < 60) return `catching up, ${minutes} min behind`;
  if (minutes < 48 * 60) return `catching up, ${Math.floor(minutes / 60)} h ${minutes % 60} min behind`;
  return `playing the past, ${Math.floor(minutes / 1440)} days ago`;
}

export const whole = new Intl.NumberFormat("en-GB");

export function percent(share) {
  const text = Math.abs(share * 100).toFixed(2);
  if (Number(text) === 0) return "0.00%";
  return `${share > 0 ? "+" : "−"}${text}%`;
}

// Prices as mails write them: at most five decimals, trailing zeros dropped.
export function price(value) {
  return value === null ? "–" : String(Number(value.toFixed(5)));
}

export function trend(closes) {
  if (closes.length < 2) return "";
  const low = Math.min(...closes);
  const range = Math.max(...closes) - low || 1;
  const step = 60 / (closes.length - 1);
  return closes.map((close, i) => `${(i * step).toFixed(1)},${(16.5 - (15 * (close - low)) / range).toFixed(1)}`).join(" ");
}

export function side(rsi) {
  if (rsi === null || rsi === undefined) return "";
  if (rsi >= 70) return "high";
  return rsi <= 30 ? "low" : "";
}

// Kinds of alerts and of mails in a word or two.
const KINDS = { rsi_tracker: "RSI", rsi_correlation_tracker: "Correlation", heatmap_tracker: "Heatmap",
  heatmap_indicator_tracker: "Indicator", currency_strength_tracker: "Strength", price_alert: "Price" };

export function kindName(kind) {
  return KINDS[kind] ?? kind.replaceAll("_", " ");
}

// Which way a condition points: up, down, or neither.
const TONES = { overbought: "high", buy: "high", above: "high", strongest: "high",
  oversold: "low", sell: "low", below: "low", weakest: "low" };

export function tone(condition) {
  return TONES[condition] ?? "even";
}

export function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// A clone of a template's first element and its named parts.
export function clone(id) {
  const root = document.getElementById(id).content.firstElementChild.cloneNode(true);
  const parts = {};
  for (const part of root.querySelectorAll("[data-part]")) parts[part.dataset.part] = part;
  return [root, parts];
}
