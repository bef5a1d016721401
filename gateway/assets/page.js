// The page: one object a tenant, fed by /live.

import { behind, clock, clone, element, kindName, moment, percent, price, side, tone, trend, whole, zoneName }
  from "./parts.js";

const CLOSES = 60;
const LINES = 100;
const COUNTS = [["Ticks", (c) => c.ticks], ["Bars", (c) => c.bars], ["Triggers", (c) => c.triggers],
  ["Rows", (c) => c.rows], ["Mail groups", (c) => c.mail_groups], ["Mails sent", (c) => c.mails.sent],
  ["Held", (c) => c.mails.held], ["Suppressed", (c) => c.mails.suppressed], ["Failed", (c) => c.mails.failed]];

const tenants = new Map();

class Tenant {
  constructor(view) {
    this.zone = view.about.zone;
    this.symbols = [];
    [this.root, this.parts] = clone("tenant");
    this.root.setAttribute("aria-label", view.about.name);
    this.root.style.setProperty("--bar", view.about.bar);
    this.root.style.setProperty("--on-bar", view.about.on_bar);
    this.root.style.setProperty("--accent", view.about.accent);
    this.parts.name.textContent = view.about.name;
    this.counts = COUNTS.map(([name]) => this.countCell(name));
    this.makePrices(view.symbols);
    this.empty(this.parts.triggers, "No alert has fired yet.");
    this.empty(this.parts.mails, "No mail has arrived yet.");
    this.showRows([]);
    this.showStatuses([]);
  }

  countCell(name) {
    const cell = element("div");
    const value = element("dd", "", "0");
    cell.append(element("dt", "", name), value);
    this.parts.counts.append(cell);
    return value;
  }

  makePrices(symbols) {
    const half = Math.ceil(symbols.length / 2);
    for (const group of [symbols.slice(0, half), symbols.slice(half)]) {
      if (group.length === 0) continue;
      const [table] = clone("prices");
      for (const symbol of group) {
        const [row, parts] = clone("symbol");
        parts.name.textContent = symbol.name;
        this.symbols[symbol.index] = { parts, closes: [] };
        table.tBodies[0].append(row);
      }
      this.parts.prices.append(table);
    }
  }

  empty(list, text) {
    list.replaceChildren(element("li", "none", text));
  }

  apply(view) {
    if (view.event_time !== undefined) this.showTime(view.event_time);
    for (const symbol of view.symbols ?? []) this.showSymbol(this.symbols[symbol.index], symbol);
    for (const trigger of view.triggers ?? []) this.addTrigger(trigger);
    for (const mail of view.mails ?? []) this.addMail(mail);
    if (view.rows) this.showRows(view.rows);
    if (view.statuses) this.showStatuses(view.statuses);
    if (view.counts) this.showCounts(view.counts);
  }

  showTime(millis) {
    this.parts.clock.textContent = `${clock(this.zone, millis)} ${zoneName(this.zone, millis)}`;
    this.parts.clock.dateTime = new Date(millis).toISOString();
    this.parts.pace.textContent = behind(millis);
  }

  showSymbol(symbol, view) {
    if (!symbol) return;
    const { parts, closes } = symbol;
    if (view.closes) {
      closes.push(...view.closes);
      closes.splice(0, closes.length - CLOSES);
      parts.trend.setAttribute("points", trend(closes));
    }
    if (view.bid !== undefined) {
      symbol.bid = view.bid;
      parts.bid.textContent = view.bid.toFixed(view.digits);
    }
    if (symbol.bid !== undefined && closes.length > 0) {
      const share = symbol.bid / closes[0] - 1;
      const text = percent(share);
      parts.change.textContent = text;
      parts.change.parentElement.dataset.way = text === "0.00%" ? "" : share > 0 ? "up" : "down";
    }
    for (const frame of ["5M", "1H"]) {
      if (view.rsi?.[frame] !== undefined) this.showRsi(parts, frame, view.rsi[frame]);
    }
  }

  showRsi(parts, frame, value) {
    const gauge = parts[`gauge${frame}`];
    parts[`rsi${frame}`].textContent = value === null ? "–" : value.toFixed(0);
    gauge.parentElement.dataset.side = side(value);
    gauge.toggleAttribute("data-known", value !== null);
    if (value !== null) gauge.style.setProperty("--rsi", value.toFixed(1));
  }

  addLine(list, line) {
    list.querySelector(".none")?.remove();
    list.prepend(line);
    while (list.childElementCount > LINES) list.lastElementChild.remove();
  }

  stamp(millis) {
    const time = element("time", "", moment(this.zone, millis));
    time.dateTime = new Date(millis).toISOString();
    return time;
  }

  addTrigger(trigger) {
    const line = element("li", `trigger ${tone(trigger.condition)}`);
    const text = element("span", "text", trigger.text);
    text.append(" ", element("span", "kind", kindName(trigger.kind)));
    line.append(this.stamp(trigger.at), text);
    this.addLine(this.parts.triggers, line);
  }

  addMail(mail) {
    const line = element("li", "mail");
    const link = element("a", "text", mail.subject);
    link.href = `/inbox/${mail.id}`;
    const text = element("span", "text");
    const to = element("span", "to", mail.to);
    to.append(" ", element("span", "kind", kindName(mail.kind)));
    text.append(link, to);
    line.append(this.stamp(mail.at), text);
    this.addLine(this.parts.mails, line);
  }

  showRows(rows) {
    this.fill(this.parts.rows, rows.map((row) => {
      const condition = element("td");
      condition.append(element("span", `tag ${tone(row.condition)}`, row.condition));
      return [this.at(row.at), element("td", "kind", kindName(row.kind)), element("td", "", row.symbol), condition,
        element("td", "says", row.text), element("td", "num", price(row.price)), element("td", "id", row.id.slice(0, 8))];
    }), "No row has been written yet.");
  }

  showStatuses(statuses) {
    this.fill(this.parts.statuses, statuses.map((status) => {
      const state = element("td");
      state.append(element("span", `tag ${status.state}`, status.state));
      const last = status.last === null ? element("td", "", "–") : this.at(status.last);
      return [state, element("td", "kind", kindName(status.kind)), element("td", "", status.user),
        element("td", "num", whole.format(status.triggers)), last, element("td", "says", status.reason ?? "")];
    }), "No alert is known yet.");
  }

  at(millis) {
    const cell = element("td");
    cell.append(this.stamp(millis));
    return cell;
  }

  // Rows of cells, or one that says there are none.
  fill(body, rows, without) {
    const none = element("td", "none", without);
    none.colSpan = 7;
    body.replaceChildren(...(rows.length === 0 ? [[none]] : rows).map((cells) => {
      const line = element("tr");
      line.append(...cells);
      return line;
    }));
  }

  showCounts(counts) {
    COUNTS.forEach(([name, of], i) => {
      const value = of(counts);
      this.counts[i].textContent = whole.format(value);
      this.counts[i].toggleAttribute("data-bad", name === "Failed" && value > 0);
    });
  }
}

function show(frame) {
  if (frame.type === "delta") {
    tenants.get(frame.tenant)?.apply(frame);
    return;
  }
  tenants.clear();
  for (const view of frame.tenants) {
    const tenant = new Tenant(view);
    tenant.apply(view);
    tenants.set(view.tenant, tenant);
  }
  document.getElementById("tenants").replaceChildren(...[...tenants.values()].map((tenant) => tenant.root));
}

function say(state, text) {
  const link = document.getElementById("link");
  if (link.dataset.state === state) return;
  link.dataset.state = state;
  link.textContent = text;
}

function connect(wait) {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  let next = Math.min(wait * 2, 5000);
  socket.onmessage = (message) => {
    next = 500;
    say("live", "Connected");
    show(JSON.parse(message.data));
  };
  socket.onclose = () => {
    say("lost", "Connection lost, trying again");
    setTimeout(connect, wait, next);
  };
}

connect(500);
