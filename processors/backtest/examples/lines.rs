#![allow(clippy::all, clippy::unwrap_used, clippy::print_stderr, clippy::print_stdout)]
use bellwether_backtest::*;
fn main() {
    let mut inputs = vec![];
    let mut alerts = None;
    let mut readings = None;
    let mut triggers = None;
    let mut from = None;
    let mut to = None;
    let mut only = None;
    let mut anchor = vec![];
    let mut args = std::env::args().skip(1);
    while let Some(a) = args.next() {
        let mut v = || args.next().unwrap();
        match a.as_str() {
            "--input" => inputs.push(v().parse().unwrap()),
            "--alerts" => alerts = Some(v()),
            "--readings" => readings = Some(v()),
            "--triggers" => triggers = Some(v()),
            "--from" => from = Some(v().parse().unwrap()),
            "--to" => to = Some(v().parse().unwrap()),
            "--readings-only" => only = Some(v().parse().unwrap()),
            "--anchor-utc" => anchor.push(v()),
            x => panic!("{x}"),
        }
    }
    let alerts = alerts
        .map(|f: String| {
            alerts::read(
                f.as_ref(),
                &std::env::var("SWEEP").ok().map(|s| vec![s.parse().unwrap()]).unwrap_or_default(),
            )
            .unwrap()
        })
        .unwrap_or_default();
    let out = outputs::Outputs::open(
        readings.as_ref().map(|s: &String| s.as_ref()),
        only,
        triggers.as_ref().map(|s: &String| s.as_ref()),
    )
    .unwrap();
    let report: Option<String> = std::env::var("REPORT").ok();
    let run = run::Run::new(
        "backtest".parse().unwrap(),
        &alerts,
        from,
        out,
        report.is_some().then(|| study::Study::new(&alerts)),
    );
    let files = files::Files { inputs, form: None, anchor_utc: anchor, to };
    let s = files::play(&files, run, &mut run::Watch { shutdown: Default::default(), progress: &mut |_| {} })
        .unwrap();
    if let (Some(f), Some(study)) = (report, &s.study) {
        let provenance = report::Provenance {
            command: report::redact(&std::env::args().collect::<Vec<_>>()),
            sources: files.inputs.iter().map(|i| report::sha256_of(&i.file).unwrap()).collect(),
            version: "0.1.0".into(),
            engine: 1,
        };
        report::write(
            f.as_ref(),
            &report::Contents { alerts: &alerts, summary: &s.summary, study, provenance: &provenance },
        )
        .unwrap();
    }
    for a in &s.summary.alerts {
        eprintln!("{:8} {} {} {:?}", a.fired, a.name, a.state, a.reason);
    }
    eprintln!("{} ticks {} triggers {:?}", s.summary.ticks, s.summary.triggers, s.summary.refused);
}
