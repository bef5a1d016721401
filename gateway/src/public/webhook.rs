//! Requests that a provider has signed in the form of Standard Webhooks, <https://www.standardwebhooks.com>.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bellwether_runtime::secret::Secret;
use bellwether_schemas::Timestamp;
use ring::hmac;

/// How far the sender's clock may be from ours, seconds.
const TOLERANCE: i64 = 300;
/// Most bytes of an id.
const ID: usize = 256;
/// Most signatures that are tried: a sender has two while it changes its secret.
const SIGNATURES: usize = 8;

/// The request's id, if somebody who knows the secret signed it within the last five minutes. Takes the same time
/// whatever is wrong with a signature.
pub(super) fn verified(secret: &Secret, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Option<String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (id, sent) = (header("webhook-id")?, header("webhook-timestamp")?);
    let age = now.0.div_euclid(1_000_000).checked_sub(sent.parse().ok()?)?;
    if id.is_empty() || id.len() > ID || age.unsigned_abs() > TOLERANCE.unsigned_abs() {
        return None;
    }
    let key = STANDARD.decode(secret.reveal().strip_prefix("whsec_")?).ok()?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let signed = [id.as_bytes(), b".", sent.as_bytes(), b".", body].concat();
    let signatures = header("webhook-signature")?.split(' ').filter_map(|one| one.strip_prefix("v1,"));
    let mut decoded = signatures.take(SIGNATURES).filter_map(|one| STANDARD.decode(one).ok());
    decoded.any(|signature| hmac::verify(&key, &signed, &signature).is_ok()).then(|| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SENT: i64 = 1_614_265_330;
    // Python: base64.b64encode(hmac.new(base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    // b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}', "sha256").digest())
    const GOOD: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn asked(id: &str, sent: &str, signature: &str, body: &[u8], late: i64) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("webhook-id", id), ("webhook-timestamp", sent), ("webhook-signature", signature)]
        {
            headers.insert(name, value.parse().unwrap());
        }
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        verified(&secret, &headers, body, Timestamp((SENT + late) * 1_000_000)).is_some()
    }

    #[test]
    fn who_knows_the_secret_is_believed_for_five_minutes() {
        let sent = SENT.to_string();
        assert!(asked(ID, &sent, GOOD, BODY, 0));
        assert!(asked(ID, &sent, &format!("v1,AAAA v1a,xx {GOOD}"), BODY, 0), "one of several is enough");
        assert!(asked(ID, &sent, GOOD, BODY, 300) && asked(ID, &sent, GOOD, BODY, -300));
        assert!(!asked(ID, &sent, GOOD, BODY, 301) && !asked(ID, &sent, GOOD, BODY, -301));
    }

    #[test]
    fn nothing_of_a_request_can_be_changed() {
        let sent = SENT.to_string();
        assert!(!asked("msg_other", &sent, GOOD, BODY, 0));
        assert!(!asked(ID, &(SENT + 1).to_string(), GOOD, BODY, 0));
        assert!(!asked(ID, &sent, GOOD, br#"{"test": 2432232315}"#, 0));
        for bad in ["", "v1,", "v1,AAAA", &GOOD[3..], &GOOD.replace("v1,", "v2,"), &GOOD.replace('g', "h")] {
            assert!(!asked(ID, &sent, bad, BODY, 0), "{bad}");
        }
        for sent in ["", "yesterday", "-9223372036854775808", "9223372036854775807"] {
            assert!(!asked(ID, sent, GOOD, BODY, 0), "{sent}");
        }
    }
}
