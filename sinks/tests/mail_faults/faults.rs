//! Every verb and every way to fail at it.

use std::time::Duration;

use bellwether_runtime::config::Tls;

use crate::DEADLINE;
use crate::smtp::{At, Fault, Smtp};

/// One fault at one verb.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) at: At,
    pub(crate) fault: Fault,
}

/// What a server says that will never take it; the judge looks for it.
pub(crate) const NEVER: &str = "scripted refusal";

const VERBS: [At; 10] = [
    At::Greeting,
    At::Ehlo,
    At::StartTls,
    At::Auth,
    At::Mail,
    At::Rcpt,
    At::Data,
    At::Body,
    At::Dot,
    At::Quit,
];

/// That many faults: every pair of verb and fault in turn, shuffled by the seed.
pub(crate) fn plan(seed: usize, count: usize) -> Vec<Case> {
    let all: Vec<Case> = VERBS.into_iter().flat_map(cases).collect();
    let mut random = Random(seed as u64);
    let mut plan = Vec::new();
    while plan.len() < count {
        let mut round = all.clone();
        while !round.is_empty() {
            plan.push(round.swap_remove(random.below(round.len())));
        }
    }
    plan.truncate(count);
    plan
}

/// Each server's share; what only STARTTLS can meet goes where it is offered.
pub(crate) fn shares(plan: Vec<Case>, servers: &[(Smtp, Tls)]) -> Vec<Vec<Case>> {
    let mut shares: Vec<Vec<Case>> = servers.iter().map(|_| Vec::new()).collect();
    for case in plan {
        let fits = |number: &usize| case.at != At::StartTls || servers[*number].1 == Tls::Required;
        let least = (0..servers.len()).filter(fits).min_by_key(|number| shares[*number].len());
        shares[least.unwrap()].push(case);
    }
    shares
}

fn cases(at: At) -> Vec<Case> {
    let case = |fault| Case { at, fault };
    if at == At::Body {
        return vec![case(Fault::Stall), case(Fault::Reset), case(Fault::Drop)];
    }
    let (yes, no) = (good(at), if at == At::Auth { "535 5.7.8" } else { "554 5.7.1" });
    let mut cases = vec![
        case(Fault::Say(format!("{no} {NEVER}"))),
        case(Fault::say("451 4.3.0 later")),
        case(Fault::say("421 4.3.2 closing")),
        case(Fault::Stall),
        case(Fault::Reset),
        case(Fault::Drop),
        case(Fault::Half(yes[..5].into())),
        case(Fault::Half(format!("{}-one\r\n", &yes[..3]))),
        case(Fault::Say(format!("{}-one\r\n550 two", &yes[..3]))),
        case(Fault::Late(DEADLINE + Duration::from_millis(300))),
        case(Fault::Drip(DEADLINE / 4)),
    ];
    if at == At::Dot {
        // Whether it has the mail is the server's secret in each of these: both are tried.
        let secret = cases[3..].to_vec();
        cases.extend(secret.into_iter().map(|case| Case { at, fault: Fault::Forget(Box::new(case.fault)) }));
    }
    cases
}

/// What a good server says.
fn good(at: At) -> &'static str {
    match at {
        At::Greeting | At::StartTls => "220 scripted",
        At::Auth => "235 welcome",
        At::Data => "354 go",
        At::Quit => "221 bye",
        At::Ehlo | At::Mail | At::Rcpt | At::Body | At::Dot => "250 kept as 1",
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }
}
