//! The page with made-up data, to look at: `cargo run -p bellwether-gateway --example preview -- [PORT]`.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bellwether_gateway::demo::view::{About, MailLine, RowLine, StatusLine, readable_on};
use bellwether_gateway::live::Quote;
use bellwether_gateway::{LiveState, MailHead, MailSource, MailView, Site, TenantInfo, router, serve};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Colour;
use bellwether_runtime::shutdown::{Shutdown, on_signals};
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::ids::GroupId;
use bellwether_schemas::settings::DEFAULT_SYMBOLS;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::triggers::{Cause, Condition, Group, TriggerFired};
use bellwether_schemas::{AlertId, TenantId, Timeframe, Timestamp, TriggerId, UserId};
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse())?;
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
    let address = listener.local_addr()?;
    let brands = [
        ("fxlabs", "FXLabs Prime", Colour::new(0x07, 0xc0, 0x5c), "#0b7a3e", "Asia/Kolkata"),
        ("hextech", "HexTech", Colour::new(0x2e, 0x10, 0x65), "#b45309", "Asia/Dubai"),
    ];
    let live = LiveState::new(brands.map(info));
    let mails = live.tenants().iter().enumerate().map(|(place, id)| sample_mail(place, id)).collect();
    let shutdown = Shutdown::new();
    on_signals(shutdown.clone())?;
    let players = live.tenants().to_vec().into_iter().zip(0u64..).map(|(tenant, seed)| {
        let market = Market::new(live.clone(), tenant, seed);
        tokio::spawn(market.play(shutdown.clone()))
    });
    let players: Vec<_> = players.collect();
    let site = Site { mails: Some(Arc::new(Samples(mails))), ..Site::new(live) };
    #[expect(clippy::print_stderr, reason = "the address is all this example has to say")]
    {
        eprintln!("http://{address}/");
    }
    serve(listener, router(site, shutdown.clone())?, shutdown).await?;
    for player in players {
        player.await?;
    }
    Ok(())
}

fn info((id, name, bar, accent, zone): (&str, &str, Colour, &str, &str)) -> TenantInfo {
    let about = About {
        name: name.into(),
        bar: bar.to_string(),
        on_bar: readable_on(bar),
        accent: accent.into(),
        zone: zone.into(),
    };
    let parse = |name: &str| format!("{name}m").parse().ok();
    let symbols = DEFAULT_SYMBOLS.into_iter().filter_map(parse).collect();
    TenantInfo { id: tenant(id), about, symbols, suffix: "m".into() }
}

#[expect(clippy::expect_used, reason = "constants of this example")]
fn tenant(id: &str) -> TenantId {
    id.parse().expect("a tenant's id")
}

/// A random walk of every symbol, a minute of it each second.
struct Market {
    live: LiveState,
    tenant: TenantId,
    random: u64,
    now: Timestamp,
    prices: Vec<(String, f64, u8)>,
    rsi: Vec<f64>,
    rows: Vec<RowLine>,
}

impl Market {
    fn new(live: LiveState, tenant: TenantId, seed: u64) -> Self {
        let price = |name: &&str| match *name {
            "BTCUSD" => (format!("{name}m"), 97_412.5, 1),
            "ETHUSD" => (format!("{name}m"), 3_318.42, 2),
            "XAUUSD" => (format!("{name}m"), 2_703.18, 2),
            "XAGUSD" => (format!("{name}m"), 31.284, 3),
            "USOIL" => (format!("{name}m"), 71.24, 2),
            yen if yen.ends_with("JPY") => (format!("{name}m"), 154.772, 3),
            _ => (format!("{name}m"), 1.08421, 5),
        };
        let now = Clock::system().now().plus(-73 * MINUTE);
        let prices: Vec<_> = DEFAULT_SYMBOLS.iter().map(price).collect();
        let rsi = vec![50.0; prices.len()];
        Self { live, tenant, random: seed * 7_919 + 1, now, prices, rsi, rows: Vec::new() }
    }

    async fn play(mut self, shutdown: Shutdown) {
        for _ in 0..60 {
            self.minute();
        }
        let mut wait = Duration::from_millis(250);
        while !shutdown.sleep(wait).await {
            self.tick(15);
            if self.now.0 % MINUTE < 15_000_000 {
                self.minute();
            }
            wait = Duration::from_millis(200 + self.chance() % 100);
        }
    }

    fn chance(&mut self) -> u64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.random >> 33
    }

    fn step(&mut self) -> f64 {
        let chance = u32::try_from(self.chance() % 2_001).unwrap_or(0);
        (f64::from(chance) - 1_000.0) / 1_000.0
    }

    fn tick(&mut self, seconds: i64) {
        self.now = self.now.plus(seconds * 1_000_000);
        for place in 0..self.prices.len() {
            let move_by = self.step() * 0.000_12;
            self.prices[place].1 *= 1.0 + move_by;
        }
        let quotes =
            self.prices.iter().map(|(symbol, bid, digits)| Quote { symbol, bid: *bid, digits: *digits });
        self.live.quotes(&self.tenant, quotes);
        self.live.event_time(&self.tenant, self.now);
        self.live.count(&self.tenant, |counts| counts.ticks += 33 * 7);
    }

    fn minute(&mut self) {
        self.tick(60);
        for place in 0..self.prices.len() {
            let (symbol, close, _) = self.prices[place].clone();
            self.live.close(&self.tenant, &symbol, close);
            let before = self.rsi[place];
            let after = (before + self.step() * 6.0).clamp(12.0, 88.0);
            self.rsi[place] = after;
            self.live.rsi(&self.tenant, &symbol, Timeframe::M5, Some(after));
            self.live.rsi(&self.tenant, &symbol, Timeframe::H1, Some(50.0 + (after - 50.0) * 0.6));
            if before < 70.0 && after >= 70.0 {
                self.fire(&symbol, Condition::Overbought, before, after, close);
            }
            if before > 30.0 && after <= 30.0 {
                self.fire(&symbol, Condition::Oversold, before, after, close);
            }
        }
        self.live.rows(&self.tenant, self.rows.clone());
        self.live.count(&self.tenant, |counts| counts.bars += 33);
    }

    fn fire(&mut self, symbol: &str, condition: Condition, before: f64, after: f64, price: f64) {
        let id = Uuid::new_v5(&Uuid::NAMESPACE_DNS, format!("{symbol}{}", self.now).as_bytes());
        let Ok(name) = symbol.parse() else { return };
        let trigger = TriggerFired {
            id: TriggerId(id),
            tenant: self.tenant.clone(),
            kind: AlertKind::RsiTracker,
            alert_id: AlertId(id),
            alert_version: 1,
            user_id: UserId(id),
            symbol: Some(name),
            pair: None,
            timeframe: Some(Timeframe::M5),
            open_time: self.now.floor(MINUTE),
            close_time: self.now,
            condition,
            value: Some(after),
            previous: Some(before),
            threshold: Some(if condition == Condition::Overbought { 70.0 } else { 30.0 }),
            price: Some(price),
            detail: r#"{"rsi_period":14,"overbought":70,"oversold":30}"#.into(),
            cause: Cause { offset: 0, index: 0 },
            engine_version: 1,
            group: Group { id: GroupId(id), index: 0, size: 1 },
        };
        self.live.trigger(&self.tenant, &trigger);
        self.keep(&trigger);
    }

    fn keep(&mut self, trigger: &TriggerFired) {
        let symbol = trigger.symbol.as_ref().map(|symbol| symbol.display("m")).unwrap_or_default();
        let row = RowLine {
            id: trigger.id.to_string(),
            kind: trigger.kind.name().into(),
            at: trigger.close_time.into(),
            symbol: symbol.clone(),
            condition: trigger.condition.to_string(),
            text: trigger.sentence().unwrap_or_default(),
            price: trigger.price,
        };
        self.rows.insert(0, row);
        self.rows.truncate(50);
        let id = self.live.tenants().iter().position(|id| *id == self.tenant).unwrap_or(0) as u64 + 1;
        let subject = format!("{}: {symbol} RSI {} (5M)", self.tenant, trigger.condition);
        let (kind, to) = (trigger.kind.name().into(), "ada@users.example".into());
        self.live.mail(&self.tenant, MailLine { id, kind, subject, to, at: trigger.close_time.into() });
        self.live.statuses(&self.tenant, AlertKind::ALL.map(|kind| self.status(kind)).into());
        self.live.count(&self.tenant, |counts| {
            counts.triggers += 1;
            counts.rows += 1;
            counts.mail_groups += 1;
            counts.mails.sent += 1;
        });
    }
}

impl Market {
    /// Each kind in another state.
    fn status(&self, kind: AlertKind) -> StatusLine {
        let (state, reason) = match kind {
            AlertKind::HeatmapTracker => ("warming", None),
            AlertKind::PriceAlert => {
                ("refused", Some("\"DOGE/USD\" is no symbol that is watched here".into()))
            }
            AlertKind::CurrencyStrengthTracker => ("inactive", None),
            _ => ("active", None),
        };
        StatusLine {
            id: kind.name().into(),
            kind: kind.name().into(),
            user: "ada".into(),
            state: state.into(),
            reason,
            last: (state == "active").then(|| self.now.into()),
            triggers: self.rows.len() as u64,
        }
    }
}

struct Samples(Vec<MailView>);

impl MailSource for Samples {
    fn list(&self, limit: usize) -> Vec<MailHead> {
        self.0.iter().take(limit).map(|mail| mail.head.clone()).collect()
    }

    fn get(&self, id: u64) -> Option<MailView> {
        self.0.iter().find(|mail| mail.head.id == id).cloned()
    }
}

fn sample_mail(place: usize, tenant: &TenantId) -> MailView {
    let head = MailHead {
        id: place as u64 + 1,
        subject: format!("{tenant}: EUR/USD RSI overbought (5M) • 2026-01-02 • 09:05 IST"),
        from: format!("{tenant} alerts <alerts@{tenant}.example>"),
        to: "Ada <ada@users.example>".into(),
        received_at: Clock::system().now(),
    };
    let html = "<meta name=color-scheme content='light dark'><body style='font:16px sans-serif;margin:24px'>\
        <h1 style='color:#047857'>EUR/USD entered overbought</h1><p>RSI went from 68.9 to 71.2.</p>\
        <script>parent.document.title='broken out'</script><img src='http://127.0.0.1:1/pixel.png'></body>";
    MailView {
        date: Some("2026-01-02T03:35:00Z".into()),
        headers: vec![
            ("Subject".into(), head.subject.clone()),
            ("From".into(), head.from.clone()),
            (
                "List-Unsubscribe".into(),
                format!("<https://{tenant}.example/unsubscribe?token={}>", "x".repeat(90)),
            ),
        ],
        text: Some("EUR/USD entered overbought\n\nRSI went from 68.9 to 71.2.\n".into()),
        html: Some(html.into()),
        raw: format!("Subject: {}\r\n\r\n{html}", head.subject),
        head,
    }
}
