// The client over readers that answer as they are told: what it does about holes, failures, repeats and jumps.
//   node alone.mjs LINE.ts
import assert from "node:assert/strict";

import { client } from "./client.mjs";

const { follow, supabase } = await client(process.argv[2]);

// A thousand times as fast unless a case says otherwise, and what was waited for is written down.
const real = globalThis.setTimeout;
let waits = [];
let speed = 1_000;
globalThis.setTimeout = (then, milliseconds) => {
  waits.push(milliseconds);
  return real(then, milliseconds / speed);
};
const until = async (condition) => {
  for (let tries = 0; !condition(); tries++) {
    assert(tries < 2_000, `waited in vain: ${condition}`);
    await new Promise((resolve) => real(resolve, 1));
  }
};
const event = (seq) => ({ seq });
const table = (first, next) => ({
  first,
  next,
  asked: [],
  async events(after, limit) {
    this.asked.push(after);
    const all = Array.from({ length: this.next - this.first }, (_, place) => event(this.first + place));
    return all.filter(({ seq }) => seq > after).slice(0, limit);
  },
  async line() {
    return { first_seq: this.first, next_seq: this.next };
  },
});
const cases = {
  async "every page is read, and then only what is new"() {
    const reader = table(1, 1_201);
    const given = [];
    const line = follow({ reader, after: 0, onEvent: ({ seq }) => given.push(seq) });
    await until(() => given.length === 1_200);
    assert.deepEqual(reader.asked.slice(0, 3), [0, 500, 1_000]);
    reader.next = 1_203;
    line.wake();
    await until(() => given.length === 1_202);
    line.stop();
    assert.deepEqual(given, Array.from({ length: 1_202 }, (_, place) => place + 1));
  },
  async "without a number it begins with what is new"() {
    const reader = table(1, 8);
    const given = [];
    const line = follow({ reader, onEvent: ({ seq }) => given.push(seq) });
    await until(() => line.last === 7);
    reader.next = 10;
    await until(() => given.length === 2);
    line.stop();
    assert.deepEqual(given, [8, 9]);
  },
  async "a hole is noticed, told and filled"() {
    const reader = table(1, 6);
    const whole = reader.events.bind(reader);
    let asked = 0;
    reader.events = async (after, limit) => {
      const events = await whole(after, limit);
      return asked++ === 0 ? events.filter(({ seq }) => seq !== 3) : events;
    };
    const [given, told] = [[], []];
    const onError = (error) => told.push(error.message);
    const line = follow({ reader, after: 0, onEvent: ({ seq }) => given.push(seq), onError });
    await until(() => given.length === 5);
    line.stop();
    assert.deepEqual([given, told], [[1, 2, 3, 4, 5], ["event 3 is missing before 4"]]);
  },
  async "a repeat is given once"() {
    const reader = table(1, 4);
    reader.events = async (after) => (after < 3 ? [event(1), event(1), event(2), event(2), event(3)] : [event(3)]);
    const given = [];
    const line = follow({ reader, after: 0, onEvent: ({ seq }) => given.push(seq) });
    await until(() => given.length >= 3);
    line.wake();
    await until(() => waits.length > 2);
    line.stop();
    assert.deepEqual(given, [1, 2, 3]);
  },
  async "what its handler refuses is given again, and nothing before it"() {
    const reader = table(1, 4);
    const given = [];
    const onEvent = async ({ seq }) => {
      given.push(seq);
      if (seq === 2 && given.length < 4) throw new Error("not now");
    };
    const line = follow({ reader, after: 0, onEvent });
    await until(() => line.last === 3);
    line.stop();
    assert.deepEqual(given, [1, 2, 2, 2, 3]);
  },
  async "who asks from before the first is told, and goes on there"() {
    for (const [after, first, next, jump, expected] of [
      [2, 5, 7, { asked: 3, next: 5, reason: "retired" }, [5, 6]],
      [9, 1, 4, { asked: 10, next: 4, reason: "replaced" }, []],
      [3, 1, 4, undefined, []],
    ]) {
      const reader = table(first, next);
      const [given, jumps] = [[], []];
      const line = follow({
        reader,
        after,
        onEvent: ({ seq }) => given.push(seq),
        onJump: (one) => jumps.push(one),
      });
      await until(() => line.last === next - 1);
      line.stop();
      assert.deepEqual([given, jumps], [expected, jump ? [jump] : []]);
    }
  },
  async "what is retired while it follows is told too"() {
    const reader = table(1, 3);
    const jumps = [];
    const line = follow({ reader, after: 0, onEvent: () => {}, onJump: (one) => jumps.push(one) });
    await until(() => line.last === 2);
    reader.first = 6;
    reader.next = 8;
    line.wake();
    await until(() => line.last === 7);
    line.stop();
    assert.deepEqual(jumps, [{ asked: 3, next: 6, reason: "retired" }]);
  },
  async "failures are waited out longer and longer, hints or not"() {
    let [asked, wake] = [0, () => {}];
    const reader = {
      line: async () => (asked++, Promise.reject(new Error("away"))),
      events: async () => [],
      hints: (hinted) => ((wake = hinted), () => {}),
    };
    const told = [];
    speed = 100;
    const began = performance.now();
    const line = follow({ reader, onEvent: () => {}, onError: (_, wait) => told.push(wait) });
    const hinting = setInterval(() => wake(), 1);
    await until(() => told.length === 9);
    line.stop();
    clearInterval(hinting);
    const waited = told.slice(0, -1).reduce((sum, wait) => sum + wait, 0);
    // A timer may fire some milliseconds early; a hint that cut waits short would leave next to nothing of them.
    assert(performance.now() - began >= waited / speed / 2, "it looked again before it had waited");
    told.forEach((wait, place) => {
      const most = Math.min(1_000 * 2 ** place, 60_000);
      assert(wait >= most / 2 && wait <= most, `${place}: ${wait}`);
    });
    assert.equal(asked, 9);
  },
  async "an answer that never comes is asked for again"() {
    let asked = 0;
    const reader = table(1, 2);
    const whole = reader.events.bind(reader);
    reader.events = (after, limit) => (asked++ === 0 ? new Promise(() => {}) : whole(after, limit));
    const line = follow({ reader, after: 0, onEvent: () => {} });
    await until(() => line.last === 1);
    line.stop();
    assert.equal(asked, 2);
  },
  async "a thousand hints are few looks, and none is lost"() {
    let wake = () => {};
    const reader = { ...table(1, 1), hints: (hinted) => ((wake = hinted), () => {}) };
    const line = follow({ reader, after: 0, onEvent: () => {} });
    await until(() => reader.asked.length === 1);
    for (let hint = 0; hint < 1_000; hint++) wake();
    reader.next = 2;
    wake();
    await until(() => line.last === 1);
    line.stop();
    assert(reader.asked.length < 10, `${reader.asked.length} looks`);
  },
  async "a stopped line asks nothing and gives nothing"() {
    const reader = table(1, 1_000);
    const given = [];
    const line = follow({ reader, after: 0, onEvent: ({ seq }) => (given.push(seq), seq === 10 && line.stop()) });
    await until(() => given.length === 10);
    await new Promise((resolve) => real(resolve, 50));
    assert.deepEqual([given.length, reader.asked.length], [10, 1]);
  },
  async "supabase-js is told which channel, and what failed"() {
    const calls = [];
    const channel = { on: (...heard) => calls.push(heard.slice(0, 2)), subscribe: (told) => told("SUBSCRIBED") };
    const answer = Promise.resolve({ data: null, error: { message: "no" } });
    const query = { select: () => query, gt: () => query, order: () => query, limit: () => answer };
    const like = { from: () => query, channel: (...how) => (calls.push(how), channel), removeChannel: () => {} };
    let woken = 0;
    supabase(like, "u").hints(() => woken++);
    supabase(like, "u", "broadcast").hints(() => woken++);
    const inserts = { event: "INSERT", schema: "public", table: "user_events", filter: "user_id=eq.u" };
    assert.deepEqual(calls, [
      ["user_events:u", { config: { private: false } }],
      ["postgres_changes", inserts],
      ["user_events:u", { config: { private: true } }],
      ["broadcast", { event: "INSERT" }],
    ]);
    assert.equal(woken, 2);
    assert.equal(supabase(like, "u", "none").hints, undefined);
    await assert.rejects(supabase(like, "u").events(0, 1), { message: "no" });
  },
};

for (const [name, run] of Object.entries(cases)) {
  waits = [];
  speed = 1_000;
  try {
    await run();
  } catch (error) {
    console.error(`${name}: ${error.stack}`);
    process.exit(1);
  }
}
console.log(`${Object.keys(cases).length} cases`);
process.exit(0);
