//! The address of one-click unsubscribing, asked as a receiver would.

use bellwether_runtime::config::{FeedAddress, Tenant};
use bellwether_runtime::finding::Finding;
use bellwether_runtime::http::{Method, Question, StatusCode};
use bellwether_schemas::UserId;
use uuid::Uuid;

use crate::mail::kind::MailKind;
use crate::mail::unsubscribe::Unsubscribe;

const ABOUT: &str = "one-click";
const BODY: &[u8] = b"List-Unsubscribe=One-Click";

/// Asks with a link that is nobody's, so that nothing is switched off by it: looking at it has to show a page, pressing
/// its button has to be taken, and with another token has to be refused. `ask` gives the status of an answer.
pub async fn links(
    tenant: &Tenant,
    ask: impl AsyncFn(&FeedAddress, Question<'_>) -> Result<StatusCode, String>,
) -> Finding {
    let (Some(base), Some(key)) = (&tenant.brand.unsubscribe_url, &tenant.mail.unsubscribe_key) else {
        return Finding::warn(
            ABOUT,
            "mails have no one-click link: readers write to an address instead",
            "set brand.unsubscribe_url and mail.unsubscribe_key_file",
        );
    };
    let nobody = Unsubscribe { tenant: tenant.id.clone(), user: UserId(Uuid::nil()), kind: MailKind::Brief };
    let link = |token: &str| format!("{}&token={token}", nobody.query(base.as_str()));
    let (good, bad) = (link(&nobody.token(key)), link(&"0".repeat(64)));
    let run = "see that role `gateway` runs, and that the site in front of it hands GET and POST on to it";
    let asked = async {
        let shown = put(&ask, &good, Method::GET).await?;
        let refused = put(&ask, &bad, Method::POST).await?;
        let taken = put(&ask, &good, Method::POST).await?;
        Ok::<_, String>((shown, refused, taken))
    };
    match asked.await {
        Err(error) => Finding::fault(ABOUT, format!("{base}: {error}"), run),
        Ok((shown, ..)) if !shown.is_success() => Finding::fault(
            ABOUT,
            format!("{base} shows no page: it answers GET with {}", shown.as_u16()),
            run,
        ),
        Ok((_, refused, _)) if refused.is_success() => Finding::fault(
            ABOUT,
            format!("{base} takes a link that we did not write"),
            "hand its requests on to role `gateway`, which checks the token",
        ),
        Ok((_, refused, _)) if !refused.is_client_error() || refused == StatusCode::METHOD_NOT_ALLOWED => {
            Finding::fault(ABOUT, format!("{base} takes no POST: it answers {}", refused.as_u16()), run)
        }
        Ok((.., taken)) if !taken.is_success() => Finding::fault(
            ABOUT,
            format!("{base} refuses a link of ours: it answers {}", taken.as_u16()),
            run,
        ),
        Ok(_) => Finding::ok(ABOUT, format!("{base} shows its button and takes it being pressed")),
    }
}

async fn put(
    ask: &impl AsyncFn(&FeedAddress, Question<'_>) -> Result<StatusCode, String>,
    link: &str,
    method: Method,
) -> Result<StatusCode, String> {
    let address: FeedAddress = link.parse().map_err(ToString::to_string)?;
    let mut question = Question::get(address.path_and_query());
    if method == Method::POST {
        question.method = method;
        question.headers.push(("content-type", "application/x-www-form-urlencoded"));
        question.body = BODY.into();
    }
    ask(&address, question).await
}

#[cfg(test)]
mod tests {
    use bellwether_runtime::finding::Level;
    use bellwether_runtime::secret::Secret;

    use super::*;
    use crate::mail::samples;

    /// What is found where GET, POST of a bad link and POST of a good one are answered so.
    async fn found(answers: [u16; 3]) -> Finding {
        let mut tenant = samples::tenant("fxlabs");
        tenant.mail.unsubscribe_key = Some(Secret::new("k1"));
        let ask = async |_: &FeedAddress, question: Question<'_>| {
            let is_bad = question
                .path_and_query
                .ends_with("token=0000000000000000000000000000000000000000000000000000000000000000");
            let at = match (question.method == Method::POST, is_bad) {
                (false, _) => 0,
                (true, true) => 1,
                (true, false) => 2,
            };
            assert_eq!(question.body.is_empty(), at == 0);
            Ok(StatusCode::from_u16(answers[at]).unwrap())
        };
        links(&tenant, ask).await
    }

    #[tokio::test]
    async fn an_address_shows_a_page_takes_our_links_and_no_others() {
        for bad in [400, 403, 404] {
            assert_eq!(found([200, bad, 200]).await.level, Level::Ok, "{bad}");
        }
        for (answers, words) in [
            ([404, 404, 404], "shows no page"),
            ([302, 404, 200], "shows no page"),
            ([200, 200, 200], "takes a link that we did not write"),
            ([200, 405, 405], "takes no POST"),
            ([200, 302, 302], "takes no POST"),
            ([200, 500, 500], "takes no POST"),
            ([200, 404, 404], "refuses a link of ours"),
        ] {
            let found = found(answers).await;
            assert_eq!(found.level, Level::Fault, "{answers:?}");
            assert!(found.found.contains(words), "{answers:?}: {}", found.found);
        }
    }

    #[tokio::test]
    async fn without_a_key_there_is_no_link_to_ask() {
        let ask = async |_: &FeedAddress, _: Question<'_>| panic!("nobody is asked");
        assert_eq!(links(&samples::tenant("fxlabs"), ask).await.level, Level::Warn);
    }
}
