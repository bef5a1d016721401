//! Over real sockets: a raw client for what SMTP says, lettre for what a sender does.

use std::net::SocketAddr;
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_schemas::Timestamp;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, MultiPart, SinglePart};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::*;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

async fn start(dir: Option<PathBuf>, limits: Limits) -> Inbox {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    Inbox::start_with(any, dir, Clock::manual(NOW), limits).await.unwrap()
}

async fn plain() -> Inbox {
    start(None, Limits::default()).await
}

/// One connection, line by line.
struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(inbox: &Inbox) -> Self {
        let mut client = Self(BufReader::new(TcpStream::connect(inbox.addr).await.unwrap()));
        assert!(client.reply().await.starts_with("220"));
        client
    }

    async fn greeted(inbox: &Inbox) -> Self {
        let mut client = Self::connect(inbox).await;
        assert!(client.say("EHLO test").await.starts_with("250"));
        client
    }

    async fn send(&mut self, bytes: &str) {
        self.0.get_mut().write_all(bytes.as_bytes()).await.unwrap();
    }

    async fn say(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r\n")).await;
        self.reply().await
    }

    /// The next reply, all its lines; empty when the connection is gone.
    async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            let read = tokio::time::timeout(Duration::from_secs(10), self.0.read_line(&mut line));
            if matches!(read.await.expect("a reply in time"), Ok(0) | Err(_)) {
                return reply;
            }
            reply.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
        }
    }

    async fn mail(&mut self, data: &str) -> String {
        assert!(self.say("MAIL FROM:<a@fx.example>").await.starts_with("250"));
        assert!(self.say("RCPT TO:<b@user.example>").await.starts_with("250"));
        assert!(self.say("DATA").await.starts_with("354"));
        self.send(data).await;
        self.reply().await
    }
}

fn message(id: &str) -> Message {
    let logo = Attachment::new_inline("logo".into()).body(vec![1u8, 2, 3], "image/png".parse().unwrap());
    let other = Attachment::new_inline("logo2".into()).body(vec![9u8], "image/png".parse().unwrap());
    let html = "<p>Größe</p><img src=\"cid:logo\"><img src=\"cid:logo2\">".to_owned();
    let related = MultiPart::related().singlepart(SinglePart::html(html));
    let related = related.singlepart(logo).singlepart(other);
    let plain = SinglePart::builder().header(ContentType::TEXT_PLAIN).body("Größe\r\n.\r\n..end".to_owned());
    Message::builder()
        .from("FXLabs Alerts <alerts@fx.example>".parse().unwrap())
        .to("Ada <ada@user.example>".parse().unwrap())
        .subject("FXLabs: EUR/USD RSI overbought (1H) • überkauft")
        .message_id(Some(format!("<{id}@fx.example>")))
        .multipart(MultiPart::alternative().singlepart(plain).multipart(related))
        .unwrap()
}

async fn send(inbox: &Inbox, message: Message) -> Result<(), lettre::transport::smtp::Error> {
    let transport =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1").port(inbox.addr.port()).build();
    transport.send(message).await.map(|_| ())
}

#[tokio::test]
async fn a_mail_of_a_real_sender_reads_back_with_its_pictures() {
    let inbox = plain().await;
    let mut news = inbox.store.subscribe();
    send(&inbox, message("m1")).await.unwrap();
    let summary = news.recv().await.unwrap();
    assert_eq!(inbox.store.list().first(), Some(&summary));
    assert_eq!((summary.id, summary.received_at, summary.message_id.as_str()), (1, NOW, "m1@fx.example"));
    assert_eq!(summary.envelope.to, ["ada@user.example"]);
    assert_eq!(summary.subject, "FXLabs: EUR/USD RSI overbought (1H) • überkauft");
    let mail = inbox.store.get(1).unwrap();
    assert_eq!(mail.from, "FXLabs Alerts <alerts@fx.example>");
    assert_eq!(mail.to, "Ada <ada@user.example>");
    assert_eq!(mail.header("message-id"), Some("<m1@fx.example>"));
    assert_eq!(mail.text.as_deref().map(str::trim_end), Some("Größe\r\n.\r\n..end"));
    let html = mail.html.unwrap();
    assert!(html.contains("<p>Größe</p>"), "{html}");
    assert!(html.contains("src=\"data:image/png;base64,AQID\""), "{html}");
    assert!(html.contains("src=\"data:image/png;base64,CQ==\""), "{html}");
    assert!(inbox.store.get(2).is_none());
}

#[tokio::test]
async fn the_pages_see_what_the_store_keeps() {
    let inbox = plain().await;
    for id in ["m1", "m2", "m3"] {
        send(&inbox, message(id)).await.unwrap();
    }
    let source: &dyn bellwether_gateway::MailSource = &inbox.store;
    let listed: Vec<(u64, String)> = source.list(2).into_iter().map(|head| (head.id, head.to)).collect();
    assert_eq!(listed, [(3, "ada@user.example".to_owned()), (2, "ada@user.example".to_owned())]);
    let view = source.get(2).unwrap();
    assert_eq!(view.head.to, "Ada <ada@user.example>");
    assert!(view.raw.contains("Message-ID: <m2@fx.example>"), "{}", view.raw);
}

#[tokio::test]
async fn dots_are_unstuffed_and_only_a_lone_dot_ends_a_mail() {
    let inbox = plain().await;
    let mut client = Client::greeted(&inbox).await;
    assert!(client.mail("..first\r\n...\r\na.\r\nb\n.\nc\r\n.\r\n").await.starts_with("250"));
    assert_eq!(inbox.store.get(1).unwrap().raw, b".first\r\n..\r\na.\r\nb\n.\nc\r\n");
    assert!(client.mail(".\r\n").await.starts_with("250"), "an empty mail is a mail");
    assert_eq!(inbox.store.get(2).unwrap().raw, b"");
}

#[tokio::test]
async fn a_final_dot_in_pieces_is_still_one() {
    let inbox = plain().await;
    let mut client = Client::greeted(&inbox).await;
    client.say("MAIL FROM:<a@fx.example>").await;
    client.say("RCPT TO:<b@user.example>").await;
    client.say("DATA").await;
    for byte in ["Subject: x\r\n\r\nhi", "\r", "\n", ".", "\r", "\n"] {
        client.send(byte).await;
    }
    assert!(client.reply().await.starts_with("250"));
    assert_eq!(inbox.store.list()[0].subject, "x");
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_their_order() {
    let inbox = plain().await;
    let mut client = Client::greeted(&inbox).await;
    client.send("MAIL FROM:<>\r\nRCPT TO:<b@user.example>\r\nRCPT TO:<nonsense\r\nDATA\r\n").await;
    let codes = [client.reply().await, client.reply().await, client.reply().await, client.reply().await];
    let codes: Vec<&str> = codes.iter().map(|reply| &reply[..3]).collect();
    assert_eq!(codes, ["250", "250", "501", "354"]);
    client.send("x: y\r\n\r\n.\r\nNOOP\r\nQUIT\r\n").await;
    assert!(client.reply().await.starts_with("250"));
    assert!(client.reply().await.starts_with("250"));
    assert!(client.reply().await.starts_with("221"));
    assert_eq!(client.reply().await, "", "closed after QUIT");
}

#[tokio::test]
async fn commands_out_of_order_are_refused_and_rset_starts_over() {
    let inbox = plain().await;
    let mut client = Client::connect(&inbox).await;
    assert!(client.say("MAIL FROM:<a@fx.example>").await.starts_with("503"));
    assert!(client.say("HELO test").await.starts_with("250"));
    assert!(client.say("RCPT TO:<b@user.example>").await.starts_with("503"));
    assert!(client.say("DATA").await.starts_with("503"));
    assert!(client.say("MAIL FROM:<a@fx.example>").await.starts_with("250"));
    assert!(client.say("DATA").await.starts_with("554"));
    assert!(client.say("MAIL FROM:<a@fx.example>").await.starts_with("503"));
    assert!(client.say("RSET").await.starts_with("250"));
    assert!(client.say("MAIL FROM:<c@fx.example> BODY=8BITMIME").await.starts_with("250"));
    assert!(client.say("AUTH PLAIN AGEAYg==").await.starts_with("50"));
    assert!(client.say("GARBAGE").await.starts_with("500"));
}

#[tokio::test]
async fn each_limit_is_refused_with_its_code() {
    let limits = Limits { mail_bytes: 2_000, recipients: 2, connections: 1, ..Limits::default() };
    let inbox = start(None, limits).await;
    let mut client = Client::greeted(&inbox).await;
    let mut second = TcpStream::connect(inbox.addr).await.unwrap();
    let mut told = String::new();
    let read = second.read_to_string(&mut told);
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("closed in time").unwrap();
    assert!(told.starts_with("421"), "{told}");
    assert!(client.say("MAIL FROM:<a@fx.example> SIZE=2001").await.starts_with("552"));
    assert!(client.mail(&format!("{}.\r\n", "x\r\n".repeat(1_000))).await.starts_with("552"));
    assert!(client.mail(&format!("{}\r\n.\r\n", "x".repeat(999))).await.starts_with("554"));
    assert!(client.mail(&format!("{}\r\n.\r\n", "x".repeat(998))).await.starts_with("250"));
    client.say("MAIL FROM:<a@fx.example>").await;
    for code in ["250", "250", "452"] {
        assert!(client.say("RCPT TO:<b@user.example>").await.starts_with(code), "{code}");
    }
    assert!(client.say(&format!("NOOP {}", "x".repeat(20_000))).await.starts_with("500"));
    assert_eq!(inbox.store.taken(), 1);
}

#[tokio::test]
async fn only_so_many_mails_are_kept_and_the_oldest_goes() {
    let dir = tempfile::tempdir().unwrap();
    let inbox = start(Some(dir.path().into()), Limits { mails: 2, ..Limits::default() }).await;
    for id in ["m1", "m2", "m3"] {
        send(&inbox, message(id)).await.unwrap();
    }
    let ids: Vec<u64> = inbox.store.list().iter().map(|summary| summary.id).collect();
    assert_eq!((ids, inbox.store.taken()), (vec![3, 2], 3));
    assert!(inbox.store.get(1).is_none() && !dir.path().join("mails/1.eml").exists());
}

#[tokio::test]
async fn mails_are_on_disk_before_the_answer_and_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let inbox = start(Some(dir.path().into()), Limits::default()).await;
    send(&inbox, message("m1")).await.unwrap();
    let before = inbox.store.get(1).unwrap();
    assert_eq!(std::fs::read(dir.path().join("mails/1.eml")).unwrap(), before.raw);
    std::fs::write(dir.path().join("mails/2.eml.part"), "torn").unwrap();
    let addr = inbox.addr;
    inbox.stop().await;
    let again = Inbox::start(addr, Some(dir.path().into()), Clock::manual(NOW)).await.unwrap();
    assert_eq!(again.store.get(1).unwrap(), before);
    send(&again, message("m2")).await.unwrap();
    assert_eq!(again.store.list().iter().map(|summary| summary.id).collect::<Vec<_>>(), [2, 1]);
}

#[tokio::test]
async fn a_mail_that_cannot_be_kept_is_not_answered_with_250() {
    let dir = tempfile::tempdir().unwrap();
    let inbox = start(Some(dir.path().into()), Limits::default()).await;
    std::fs::remove_dir_all(dir.path().join("mails")).unwrap();
    let mut client = Client::greeted(&inbox).await;
    assert!(client.mail("x: y\r\n\r\n.\r\n").await.starts_with("451"));
    assert_eq!(inbox.store.taken(), 0);
}

#[tokio::test]
async fn scripted_faults_happen_as_often_as_was_asked() {
    let inbox = plain().await;
    inbox.faults.next(Fault::ReplyAtRecipient(451), 1);
    assert!(send(&inbox, message("m1")).await.unwrap_err().is_transient());
    inbox.faults.next(Fault::ReplyAfterDot(554), 1);
    assert!(send(&inbox, message("m1")).await.unwrap_err().is_permanent());
    inbox.faults.next(Fault::DropAfterDot { keep: false }, 1);
    assert!(send(&inbox, message("m1")).await.is_err());
    assert_eq!(inbox.store.taken(), 0);
    inbox.faults.next(Fault::DropAfterDot { keep: true }, 1);
    assert!(send(&inbox, message("m1")).await.is_err());
    assert_eq!(inbox.store.taken(), 1);
    send(&inbox, message("m2")).await.unwrap();
    assert_eq!((inbox.store.taken(), inbox.faults.current()), (2, None));
}

#[tokio::test]
async fn a_server_that_is_gone_takes_neither_new_connections_nor_commands() {
    let inbox = plain().await;
    let mut open = Client::greeted(&inbox).await;
    inbox.faults.set(Fault::RefuseConnections);
    assert!(send(&inbox, message("m1")).await.is_err());
    assert_eq!(open.say("NOOP").await, "");
    inbox.faults.clear();
    send(&inbox, message("m1")).await.unwrap();
}

#[tokio::test]
async fn an_address_others_can_reach_is_refused() {
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = Inbox::start(everywhere, None, Clock::system()).await.unwrap_err();
    assert!(refused.to_string().contains("loopback"), "{refused}");
    let inbox = plain().await;
    let taken = Inbox::start(inbox.addr, None, Clock::system()).await.unwrap_err();
    assert!(taken.to_string().contains(&inbox.addr.to_string()), "{taken}");
}
