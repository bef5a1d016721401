-- A user with an RSI alert that fires often: something to watch when the roles run one by one. Safe to run again.
insert into auth.users (id, email, email_confirmed_at)
values ('b0c5e3a4-53c1-4d0e-9d5e-3f5d2f6f7a11', 'asha@users.example', now())
on conflict (id) do nothing;

insert into public.rsi_tracker_alerts (user_id, timeframe, rsi_period, rsi_overbought, rsi_oversold)
values ('b0c5e3a4-53c1-4d0e-9d5e-3f5d2f6f7a11', '5M', 14, 60, 40)
on conflict (user_id) do nothing;
