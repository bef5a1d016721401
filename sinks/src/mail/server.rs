//! Where a tenant's mail goes, and as whom it logs in there.

use bellwether_runtime::config::{Mail, Operator, Tls};
use bellwether_runtime::secret::Secret;

/// An SMTP server and how to speak to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Name or address, without brackets.
    pub host: String,
    /// The port it listens on.
    pub port: u16,
    /// Whether the connection is encrypted, and from when on.
    pub tls: Tls,
    /// Who we are there, where it asks.
    pub login: Option<(String, Secret)>,
    /// Certificates (PEM) that vouch for it beside those of the machine.
    pub ca: Option<String>,
}

/// What the tenant's file lacks for a login. It is no error of the file: only who sends mail needs the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// A user and no password.
    #[error("mail.smtp names a user: set mail.password_file or <TENANT>_SMTP_PASSWORD")]
    NoPassword,
}

impl Server {
    /// The tenant's server; none when its file names none.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn of(mail: &Mail) -> Result<Option<Self>, ServerError> {
        let Some(smtp) = &mail.smtp else { return Ok(None) };
        let login = match (smtp.user(), &mail.password) {
            (None, _) => None,
            (Some(_), None) => return Err(ServerError::NoPassword),
            (Some(user), Some(password)) => Some((user.into(), password.clone())),
        };
        let (host, ca) = (smtp.host().into(), mail.ca.clone());
        Ok(Some(Self { host, port: smtp.port(), tls: smtp.tls(), login, ca }))
    }

    /// The operator's server; none where the configuration names none.
    #[must_use]
    pub fn of_operator(operator: &Operator) -> Option<Self> {
        let smtp = operator.smtp.as_ref()?;
        let login = smtp.user().zip(operator.password.clone());
        let login = login.map(|(user, password)| (user.to_string(), password));
        Some(Self { host: smtp.host().into(), port: smtp.port(), tls: smtp.tls(), login, ca: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::samples;

    fn server(smtp: Option<&str>, password: Option<&str>) -> Result<Option<Server>, ServerError> {
        let mut mail = samples::tenant("fxlabs").mail;
        mail.smtp = smtp.map(|text| text.parse().unwrap());
        mail.password = password.map(Secret::new);
        Server::of(&mail)
    }

    #[test]
    fn a_server_is_where_the_file_says_and_who_we_are_there() {
        let expected = |login| {
            let (host, tls) = ("mail.example".into(), Tls::Implicit);
            Ok(Some(Server { host, port: 465, tls, login, ca: None }))
        };
        assert_eq!(server(Some("smtps://mail.example"), Some("unused")), expected(None));
        let login = Some(("apikey".to_string(), Secret::new("secret")));
        assert_eq!(server(Some("smtps://apikey@mail.example"), Some("secret")), expected(login));
        assert_eq!(server(None, None), Ok(None));
    }

    #[test]
    fn a_user_without_a_password_cannot_log_in() {
        assert_eq!(server(Some("smtps://me@mail.example"), None), Err(ServerError::NoPassword));
    }
}
