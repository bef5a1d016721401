//! Reports as the servers of this world write them, made up for these tests, and what is no report at all.

use proptest::prelude::*;

use super::*;

const ID: &str = "c0a8d9a2-77f1-5a43-8f58-6a0f5f9d0001@fxlabs.example";

/// A report with these fields of its recipient, and the headers of the mail it is about.
fn report(fields: &str) -> String {
    let mail = format!(
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example (Mail Delivery System)\nTo: alerts@fxlabs.example\n\
         Subject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\nMessage-Id: <1234@mx.example>\n\
         MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status;\n\tboundary=\"4Xy/mx\"\n\n\
         This is a MIME-encapsulated message.\n\n--4Xy/mx\nContent-Description: Notification\n\
         Content-Type: text/plain; charset=us-ascii\n\nI'm sorry to have to inform you.\n\n--4Xy/mx\n\
         Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\nX-Postfix-Queue-ID: 4Xy\n\
         Arrival-Date: Wed,  4 Mar 2026 13:00:02 +0000 (UTC)\n\n{fields}\n\n--4Xy/mx\n\
         Content-Description: Undelivered Message Headers\nContent-Type: text/rfc822-headers\n\n\
         From: FXLabs <alerts@fxlabs.example>\nTo: asha@people.example\nMessage-ID: <{ID}>\n\
         Subject: FXLabs: EUR/USD RSI overbought (1H)\n\n--4Xy/mx--\n"
    );
    mail.replace('\n', "\r\n")
}

/// What follows from the only recipient of a mail.
fn weighed(mail: &str) -> Option<Verdict> {
    let report = Report::read(mail.as_bytes()).unwrap();
    assert_eq!((report.message_id.as_str(), report.fates.len()), (format!("<{ID}>").as_str(), 1));
    let Fate { recipients, action, status, diagnostic } = &report.fates[0];
    assert_eq!(recipients[0], "asha@people.example");
    verdict(*action, *status, diagnostic.as_deref())
}

fn follows(fields: &str) -> Option<(Effect, &'static str)> {
    weighed(&report(fields)).map(|verdict| (verdict.effect, verdict.event))
}

const TO: &str = "Final-Recipient: rfc822; asha@people.example\n";

#[test]
fn who_has_no_mailbox_is_suppressed_with_the_reason() {
    let postfix = format!(
        "{TO}Original-Recipient: rfc822;asha@people.example\nAction: failed\nStatus: 5.1.1\nRemote-MTA: dns; \
         mx.people.example\nDiagnostic-Code: smtp; 550 5.1.1 <asha@people.example>: Recipient address\n    rejected: \
         User unknown in virtual mailbox table"
    );
    let verdict = weighed(&report(&postfix)).unwrap();
    assert_eq!(verdict.effect, Effect::Suppress);
    assert_eq!(
        verdict.reason,
        "bounced: no such mailbox (5.1.1; smtp; 550 5.1.1 <asha@people.example>: Recipient address rejected: User \
         unknown in virtual mailbox table)"
    );
    for (status, words) in [("5.1.2", "no such domain"), ("5.1.10", "takes no mail"), ("5.2.1", "disabled")] {
        let verdict = weighed(&report(&format!("{TO}Action: failed\nStatus: {status}"))).unwrap();
        assert!(verdict.effect == Effect::Suppress && verdict.reason.contains(words), "{verdict:?}");
    }
}

#[test]
fn what_may_get_better_is_only_noted_and_what_arrived_not_even_that() {
    let of = |action: &str, status: &str| follows(&format!("{TO}Action: {action}\nStatus: {status}"));
    assert_eq!(of("delayed", "4.4.1"), Some((Effect::Note, "delayed")));
    assert_eq!(of("Delayed (will retry)", "4.2.2 (full)"), Some((Effect::Note, "delayed")));
    assert_eq!(of("failed", "4.4.7"), Some((Effect::Note, "bounced")), "given up in time");
    assert_eq!(of("failed", "5.2.2"), Some((Effect::Full, "mailbox full")));
    for action in ["delivered", "relayed", "expanded"] {
        assert_eq!(of(action, "2.0.0"), None);
    }
}

#[test]
fn a_server_that_gives_no_status_is_understood_by_what_it_said() {
    let of = |said: &str| follows(&format!("{TO}Action: failed\nDiagnostic-Code: {said}"));
    assert_eq!(of("smtp; 550-5.1.1 no such user"), Some((Effect::Suppress, "bounced")));
    assert_eq!(of("smtp;550 No such user here"), Some((Effect::Suppress, "bounced")));
    assert_eq!(of("smtp;452 4.2.2 Mailbox full"), Some((Effect::Note, "bounced")));
    assert_eq!(Report::read(report(&format!("{TO}Action: failed")).as_bytes()), None, "nothing is guessed");
}

#[test]
fn a_mail_that_comes_back_whole_is_known_by_its_own_id_and_not_by_that_of_what_it_holds() {
    let inner = format!(
        "Content-Type: message/rfc822\r\n\r\nMessage-ID: <{ID}>\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n\
         --in\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <inner@elsewhere.example>\r\n\r\nx\r\n--in--\r\n"
    );
    let mail = report(&format!("{TO}Action: failed\nStatus: 5.1.1"));
    let (before, _) = mail.split_once("Content-Description: Undelivered").unwrap();
    let mail = format!("{before}{inner}\r\n--4Xy/mx--\r\n");
    assert_eq!(weighed(&mail).unwrap().effect, Effect::Suppress);
}

#[test]
fn addresses_are_found_whatever_stands_around_them_and_a_forwarded_mail_has_two() {
    let read = |fields: &str| {
        Report::read(report(fields).as_bytes()).map(|report| report.fates[0].recipients.clone())
    };
    let rest = "Action: failed\nStatus: 5.1.1";
    let two = format!(
        "Original-Recipient: rfc822;asha@people.example\nFinal-Recipient: RFC822; <asha@new.example>\n{rest}"
    );
    assert_eq!(read(&two).unwrap(), ["asha@new.example", "asha@people.example"]);
    assert_eq!(read(&format!("Final-Recipient: x400; /C=US/\n{rest}")), None);
    assert_eq!(read(rest), None);
}

#[test]
fn what_is_no_report_is_none() {
    let good = report(&format!("{TO}Action: failed\nStatus: 5.1.1"));
    assert!(Report::read(good.as_bytes()).is_some());
    for bad in [
        String::new(),
        "Subject: out of office\r\n\r\nI am away until Monday.\r\n".into(),
        good.replace("Message-ID:", "X-Message:"),
        good.replace("message/delivery-status", "text/plain"),
        good.replace("Action: failed", "Action: exploded"),
        good.replace("Status: 5.1.1", "Status: 9.1.1"),
    ] {
        assert_eq!(Report::read(bad.as_bytes()), None, "{bad}");
    }
}

#[test]
fn two_reports_of_one_fate_have_one_key_and_others_have_others() {
    let key = |mail: &str| {
        let report = Report::read(mail.as_bytes()).unwrap();
        report.key(&report.fates[0])
    };
    let mail = report(&format!("{TO}Action: failed\nStatus: 5.1.1"));
    assert_eq!(key(&mail), key(&format!("Received: from elsewhere\r\n{mail}")), "it came another way");
    for other in [
        mail.replace("1234@mx.example", "1235@mx.example"),
        mail.replace("Status: 5.1.1", "Status: 5.1.2"),
        mail.replace(ID, "another@fxlabs.example"),
    ] {
        assert_ne!(key(&mail), key(&other));
    }
}

/// Mails inside mails, without end.
fn nested(levels: usize, kind: &str) -> String {
    format!("Content-Type: {kind}\r\n\r\n").repeat(levels)
}

#[test]
fn mails_inside_mails_without_end_are_no_report_and_take_no_stack() {
    for kind in ["message/rfc822", "MESSAGE/Global", "message/rfc822; x=y"] {
        assert_eq!(Report::read(nested(30_000, kind).as_bytes()), None);
    }
    let parts: String = (0..20_000)
        .map(|n| format!("Content-Type: multipart/digest; boundary=b{n}\r\n\r\n--b{n}\r\n"))
        .collect();
    assert_eq!(Report::read(parts.as_bytes()), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 300 } else { 3_000 }))]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = Report::read(&bytes);
    }

    #[test]
    fn a_report_that_was_cut_or_damaged_is_read_without_a_panic(
        end in 0usize..1_700,
        damage in prop::collection::vec((0usize..1_700, any::<u8>()), 0..12),
    ) {
        let mut mail = report(&format!("{TO}Action: failed\nStatus: 5.1.1")).into_bytes();
        for (at, byte) in damage {
            if let Some(place) = mail.get_mut(at) {
                *place = byte;
            }
        }
        mail.truncate(end.max(1));
        if let Some(report) = Report::read(&mail) {
            prop_assert!(report.fates.len() <= 64);
            prop_assert!(report.fates.iter().all(|fate| fate.recipients.iter().all(|one| one.len() <= 254)));
        }
    }

    #[test]
    fn any_pieces_of_reports_in_any_order_are_read_without_a_panic(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60),
    ) {
        let _ = Report::read(pieces.concat().as_bytes());
    }
}

const PIECES: &[&str] = &[
    "Content-Type: multipart/report; boundary=b\r\n",
    "Content-Type: multipart/digest; boundary=\"\"\r\n",
    "Content-Type: message/delivery-status\r\n",
    "Content-Type: message/rfc822\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    "Content-Transfer-Encoding: quoted-printable\r\n",
    "Message-ID: <a@b>\r\n",
    "Message-ID: \r\n",
    "Final-Recipient: rfc822;a@b\r\n",
    "Final-Recipient: ;\r\n",
    "Action: failed\r\n",
    "Status: 5.1.1\r\n",
    "--b\r\n",
    "--b--\r\n",
    "--\r\n",
    "\r\n",
    "\n",
    " folded\r\n",
    "=0",
    "QQ==",
    "é",
];
