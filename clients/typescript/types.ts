/**
 * What the tables of the line hold, and what users wish of their mail. Written from the migrations by the test `the_clients_types_are_the_tables`
 * (`make types` writes it anew): not to be edited.
 */

/** Kind of an alert. */
export type AlertKind =
  | "rsi_tracker"
  | "rsi_correlation_tracker"
  | "heatmap_tracker"
  | "heatmap_indicator_tracker"
  | "currency_strength_tracker"
  | "price_alert";

/** A row of `public.user_line`. */
export interface UserLine {
  tenant_id: string;
  user_id: string;
  next_seq: number;
  first_seq: number;
}

/** What every row of `public.user_events` has. */
interface AnyEvent {
  tenant_id: string;
  user_id: string;
  seq: number;
  at: string;
  kind: AlertKind;
  alert_id: string;
}

/** An event of type `trigger`, and what a page shows of it. */
export interface TriggerEvent extends AnyEvent {
  type: "trigger";
  trigger_id: string;
  payload: {
    alert_version: number;
    condition: string;
    pair: string | null;
    previous: number | null;
    price: number | null;
    symbol: string | null;
    text: string | null;
    threshold: number | null;
    timeframe: string | null;
    triggered_at: string;
    value: number | null;
  };
}

/** An event of type `status`, and what a page shows of it. */
export interface StatusEvent extends AnyEvent {
  type: "status";
  trigger_id: null;
  payload: {
    effective_at: string | null;
    reason: string | null;
    state: string;
    version: number;
    would_have?: WouldHave;
  };
}

/** A row of `public.alert_status`: where an alert stands. */
export interface AlertStatus {
  tenant_id: string;
  alert_id: string;
  kind: AlertKind;
  user_id: string;
  version: number;
  state: string;
  reason: string | null;
  effective_at: string | null;
  last_triggered_at: string | null;
  trigger_count: number;
  created_at: string;
  updated_at: string;
  would_have: WouldHave | null;
}

/** How often an alert's version would have fired in the thirty days before it was there. */
export interface WouldHave {
  by_minutes: boolean;
  followed: Followed[];
  from: string | null;
  last: WouldHaveFired[];
  per_week: number | null;
  state: "answered" | "not_enough_history";
  times: number;
  to: string | null;
  version: number;
}

/** One of the newest triggers that there would have been. */
export interface WouldHaveFired {
  at: string;
  condition: string;
  price: number | null;
  subject: string;
  value: number | null;
}

/** What the price did so many bars after: the middle of the moves, in percent. */
export interface Followed {
  bars: number;
  count: number;
  median_percent: number;
}

/** A row of `public.notification_preferences`: docs/PREFERENCES.md. */
export interface NotificationPreferences {
  tenant_id: string;
  user_id: string;
  kind: "all" | "daily_brief" | "digest" | "news_reminder" | "news_correction" | AlertKind;
  email: boolean;
  quiet_from: string | null;
  quiet_to: string | null;
  quiet_zone: string | null;
  digest: boolean;
  created_at: string;
  updated_at: string;
  muted_symbols: string[] | null;
  news_currencies: string[] | null;
  quiet_action: "hold" | "drop" | "digest";
}

/** A row of `public.user_events`. */
export type UserEvent = TriggerEvent | StatusEvent;
