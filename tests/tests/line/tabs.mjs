// Tabs that follow their users' lines over a server like Supabase's, and write down what they were given.
//   node tabs.mjs LINE.ts PLAN.json OUT
// PLAN: {url, poll, tabs: [{user, mode, until}]}; a tab is done when it has been given the event with number `until`.
import { createWriteStream, readFileSync } from "node:fs";
import { once } from "node:events";

import { client } from "./client.mjs";

const [, , file, planned, written] = process.argv;
const { follow, supabase } = await client(file);
const { url, poll, tabs } = JSON.parse(readFileSync(planned, "utf8"));
const out = createWriteStream(written);
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** As much of supabase-js as the client uses, over fetch: its queries, and a channel that joins again by itself. */
function signedIn(user) {
  const ask = async (path, signal) => fetch(`${url}${path}`, { headers: { authorization: `Bearer ${user}` }, signal });
  const query = (table, filters) => ({
    select: () => query(table, filters),
    gt: (column, value) => query(table, [...filters, `${column}=gt.${value}`]),
    order: (column) => query(table, [...filters, `order=${column}.asc`]),
    limit: async (limit) => {
      try {
        const answer = await ask(`/rest/v1/${table}?${[...filters, `limit=${limit}`].join("&")}`);
        if (!answer.ok) return { data: null, error: { message: `status ${answer.status}` } };
        return { data: await answer.json(), error: null };
      } catch (error) {
        return { data: null, error };
      }
    },
  });
  return { from: (table) => query(table, []), channel: (topic) => channel(topic, ask), removeChannel: (one) => one.leave() };
}

function channel(topic, ask) {
  const left = new AbortController();
  let heard = () => {};
  const join = async (told) => {
    while (!left.signal.aborted) {
      try {
        const answer = await ask(`/realtime/v1/${topic}`, left.signal);
        told("SUBSCRIBED");
        for await (const hints of answer.body) for (const _ of hints.toString().trim().split("\n")) heard();
      } catch {}
      told("CHANNEL_ERROR");
      await sleep(50 + Math.random() * 200);
    }
  };
  return { on: (_type, _filter, wake) => (heard = wake), subscribe: (told) => void join(told), leave: () => left.abort() };
}

/** One tab, open until it was given its last event; a sleepy one closes now and then and goes on where it stood. */
async function open({ user, mode, until }) {
  let last = 0;
  let line;
  const about = (event) => event.trigger_id ?? `${event.payload.version} ${event.payload.state}`;
  const begin = () =>
    follow({
      reader: supabase(signedIn(user), user, mode === "poll" ? "none" : "broadcast"),
      after: last,
      pollEvery: mode === "poll" ? poll : 5_000,
      onEvent: (event) => {
        out.write(`${user} ${mode} ${event.seq} ${about(event)}\n`);
        last = event.seq;
      },
      onJump: ({ asked, next, reason }) => void out.write(`${user} ${mode} jump ${asked} ${next} ${reason}\n`),
    });
  line = begin();
  while (last < until) {
    await sleep(mode === "sleepy" ? 100 + Math.random() * 400 : 50);
    if (mode === "sleepy") {
      line.stop();
      await sleep(Math.random() * 600);
      line = begin();
    }
  }
  await sleep(200);
  line.stop();
}

await Promise.all(tabs.map(open));
out.end();
await once(out, "finish");
process.exit(0);
