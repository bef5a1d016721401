/**
 * The line without gaps: every event of the signed-in user, in order, each once, whatever happens to sockets and tabs.
 *
 * The table `user_events` numbers a user's events 1, 2, 3 … without holes. What Realtime announces is taken as a hint
 * to look; what `select … where seq > last order by seq` answers is the truth. So a hint that is lost costs time and no
 * event, and without any hints it works by polling. No dependency: copy this file and `types.ts`.
 */
import type { UserEvent, UserLine } from "./types.ts";

/** Where events are read from: `supabase()` below, or your own over any client. Calls that fail reject. */
export interface Reader {
  /** Events with a number above `after`, lowest first, at most `limit`. */
  events(after: number, limit: number): Promise<UserEvent[]>;
  /** The user's row of `user_line`; null before the first event. */
  line(): Promise<UserLine | null>;
  /** Calls `wake` whenever there may be something new; returns what ends that. Without it there is only polling. */
  hints?: ((wake: () => void) => () => void) | undefined;
}

/** What was asked for is not to be had; the next event has the number `next`. */
export interface Jump {
  /** The number that was asked for. */
  asked: number;
  next: number;
  /** `retired`: too old, no longer kept. `replaced`: the line ends before it; the database is another one, or older. */
  reason: "retired" | "replaced";
}

export interface Options {
  reader: Reader;
  /** The last number that was handled, as you stored it; 0 begins with the oldest event. Left out: only what is new. */
  after?: number;
  /** One event, in order. It counts as handled when this returns, or its promise resolves; else it is tried again. */
  onEvent(event: UserEvent): unknown;
  /** Events that will never come: load what you show anew. */
  onJump?(jump: Jump): unknown;
  /** Something failed and is tried again in so many milliseconds. */
  onError?(error: unknown, retryIn: number): unknown;
  /** Milliseconds between two looks without a hint: 30 s, or 5 s where there are no hints. */
  pollEvery?: number;
}

export interface Line {
  /** The last number that was handled; undefined until the line was first read. */
  readonly last: number | undefined;
  /** Looks now. */
  wake(): void;
  /** No event is begun after it. */
  stop(): void;
}

/** As much of a supabase-js client as is needed. */
export interface SupabaseClient {
  from(table: string): any;
  channel(name: string, options: { config: { private: boolean } }): Channel;
  removeChannel(channel: any): unknown;
}

interface Channel {
  on(type: any, filter: any, heard: Action): unknown;
  subscribe(told: (status: string) => unknown): unknown;
}

type Supabase = (client: SupabaseClient, userId: string, announce?: "publication" | "broadcast" | "none") => Reader;
type Rows = (answer: { data: any[] | null; error: { message: string } | null }) => any[];
type Follow = (options: Options) => Line;
type Within = <T>(milliseconds: number, work: Promise<T>) => Promise<T>;
type Action = () => void;
type Hear = (wake: Action) => Action;
type Work = () => Promise<void>;
type Nap = (milliseconds: number) => Promise<void>;
type Goes = (asked: number, line: UserLine | null) => Promise<boolean>;

/** Rows of one answer. */
const PAGE = 500;
/** An answer that takes longer is asked for again: a socket that was cut may say nothing for ever. */
const PATIENCE = 15_000;
/** Before the look that a hint asked for while another was under way. */
const CALM = 100;
/** Waits after failures: doubling from the one to the other, each cut by up to half at random. */
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 60_000;

/** Follows the line until it is stopped. */
export const follow: Follow = (options) => {
  const { reader, onEvent, onJump, onError } = options;
  const pollEvery = options.pollEvery ?? (reader.hints ? 30_000 : 5_000);
  let last: number | undefined;
  let stopped = false;
  let hinted = false;
  let failures = 0;
  let rouse: Action = () => {};

  const wake: Action = () => {
    hinted = true;
    rouse();
  };
  const nap: Nap = (milliseconds) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      rouse = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  /** Goes on where the line does, if what was asked for is not to be had. */
  const jumps: Goes = async (asked, line) => {
    const { first_seq: first, next_seq: next } = line ?? { first_seq: 1, next_seq: 1 };
    if (first <= asked && asked <= next) return false;
    const reason = asked < first ? "retired" : "replaced";
    const to = asked < first ? first : next;
    await onJump?.({ asked, next: to, reason });
    last = to - 1;
    return true;
  };
  const begin: Work = async () => {
    const line = await within(PATIENCE, reader.line());
    const asked = options.after === undefined ? (line?.next_seq ?? 1) : options.after + 1;
    if (!(await jumps(asked, line))) last = asked - 1;
  };
  const look: Work = async () => {
    if (last === undefined) await begin();
    for (let full = true; full && !stopped; ) {
      const events = await within(PATIENCE, reader.events(last ?? 0, PAGE));
      full = events.length >= PAGE;
      for (const event of events) {
        if (stopped) return;
        const asked = (last ?? 0) + 1;
        if (event.seq < asked) continue;
        if (event.seq > asked) {
          full = await jumps(asked, await within(PATIENCE, reader.line()));
          if (full) break;
          throw new Error(`event ${asked} is missing before ${event.seq}`);
        }
        await onEvent(event);
        last = event.seq;
      }
    }
  };
  const run: Work = async () => {
    while (!stopped) {
      hinted = false;
      let wait = pollEvery * (0.9 + Math.random() * 0.2);
      try {
        await look();
        failures = 0;
      } catch (error) {
        wait = Math.min(FIRST_WAIT * 2 ** failures++, LONGEST_WAIT) * (0.5 + Math.random() / 2);
        onError?.(error, wait);
        hinted = false;
      }
      if (!stopped && !hinted) await nap(wait);
      else if (!stopped) await nap(CALM);
    }
  };

  // While nothing works, hints do not make it work sooner.
  const unhint = reader.hints?.(() => failures === 0 && wake());
  const page = typeof document === "undefined" ? undefined : document;
  const shown: Action = () => page?.visibilityState === "visible" && wake();
  page?.addEventListener("visibilitychange", shown);
  if (page) addEventListener("online", wake);
  void run();
  return {
    get last() {
      return last;
    },
    wake,
    stop: () => {
      stopped = true;
      unhint?.();
      page?.removeEventListener("visibilitychange", shown);
      if (page) removeEventListener("online", wake);
      rouse();
    },
  };
};

/** Reads with supabase-js, as the user that `client` is signed in as. `announce` is what the tenant's file says. */
export const supabase: Supabase = (client, userId, announce = "publication") => {
  const hear: Hear = (wake) => {
    const channel = client.channel(`user_events:${userId}`, { config: { private: announce === "broadcast" } });
    const inserts = { event: "INSERT", schema: "public", table: "user_events", filter: `user_id=eq.${userId}` };
    if (announce === "broadcast") channel.on("broadcast", { event: "INSERT" }, wake);
    else channel.on("postgres_changes", inserts, wake);
    // What was announced before it was there nobody heard.
    channel.subscribe((status) => status === "SUBSCRIBED" && wake());
    return () => void client.removeChannel(channel);
  };
  return {
    events: async (after, limit) => {
      const query = client.from("user_events").select("*").gt("seq", after);
      return rows(await query.order("seq", { ascending: true }).limit(limit));
    },
    line: async () => rows(await client.from("user_line").select("*").limit(1))[0] ?? null,
    hints: announce === "none" ? undefined : hear,
  };
};

const rows: Rows = ({ data, error }) => {
  if (error || !data) throw new Error(error?.message ?? "no data");
  return data;
};

const within: Within = (milliseconds, work) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer in ${milliseconds} ms`)), milliseconds);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
