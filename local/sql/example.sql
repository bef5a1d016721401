-- A user with an alert of each kind, of which some fire often: something to watch when the roles run one by one. Safe
-- to run again.
insert into auth.users (id, email, email_confirmed_at)
values ('b0c5e3a4-53c1-4d0e-9d5e-3f5d2f6f7a11', 'asha@users.example', now())
on conflict (id) do nothing;

insert into public.rsi_tracker_alerts (user_id, timeframe, rsi_period, rsi_overbought, rsi_oversold)
values ('b0c5e3a4-53c1-4d0e-9d5e-3f5d2f6f7a11', '5M', 14, 60, 40)
on conflict (user_id) do nothing;

insert into public.rsi_correlation_tracker_alerts (user_id, timeframe, mode, correlation_window)
values ('b0c5e3a4-53c1-4d0e-9d5e-3f5d2f6f7a11', '5M', 'real_correlation', 20)
on conflict (user_id) do nothing;

insert into public.heatmap_tracker_alerts (user_id, pairs, trading_style, buy_threshold, sell_threshold)
values ('b0c5e3a4-53c1-4d0e-9d5e-3f5d2f6f7a11', '["EUR/USD", "XAUUSD", "BTCUSD"]', 'scalper', 60, 60)
on conflict (user_id) do nothing;

insert into public.heatmap_indicator_tracker_alerts (user_id, pairs, timeframe, indicator)
values ('b0c5e3a4-53c1-4d0e-9d5e-3f5d2f6f7a11', '["EUR/USD", "GBP/USD"]', '5M', 'EMA21')
on conflict (user_id) do nothing;

insert into public.currency_strength_tracker_alerts (user_id, timeframe)
values ('b0c5e3a4-53c1-4d0e-9d5e-3f5d2f6f7a11', '5M')
on conflict (user_id) do nothing;

insert into public.price_alerts (id, user_id, symbol, above, below, on_close, fires)
values ('b0c5e3a4-53c1-4d0e-9d5e-3f5d2f6f7a12', 'b0c5e3a4-53c1-4d0e-9d5e-3f5d2f6f7a11', 'EUR/USD', 1.1, 1.1, '5M',
        'every')
on conflict (id) do nothing;
