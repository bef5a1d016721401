//! Configuration: `bellwether.toml` and one file a tenant. What is loaded is parsed: no text of a tenant's is left
//! that somebody has to read again, but for the URL of its database, which is a secret and read where it is used.
//! `log` and `telemetry.level` of the process are read once more by whom they are for, at the start: `--log` on a command
//! line is the same text. Unknown keys are refused; an error names file and key.
//!
//! | Where | What |
//! |---|---|
//! | `process/` | the process's own file, `bellwether.toml`, a file a section; the environment's variables |
//! | `tenant/mod.rs` | the keys of a tenant's file that stand above its sections |
//! | `tenant/settings.rs` | those of them that can change a result, as the journal keeps them |
//! | `tenant/{brand,database,mail,limits}.rs` | one section each |
//! | `tenant/secrets.rs` | a secret's file or variable |
//! | `tenant/api.rs` | who may ask the gateway for the tenant |
//! | `tenant/ancestor.rs` | variables of an earlier installation, as keys of the file |
//! | `tenant/faults.rs` | everything that is wrong with a file, at once |
//! | `directory.rs` | what no two tenants may share: a database, a sender |
//! | `database_place.rs` | which database a URL names |
//! | `values/` | the types of keys: the check of a value is the reading of its type |
//! | `toml_file.rs` | a file's text, and what an error says of it |
//!
//! A tenant that is added or changed while a process runs goes the same way ([`crate::tenants`]).

mod database_place;
mod directory;
mod error;
mod process;
mod tenant;
mod toml_file;
mod values;

pub use directory::{examine_tenant, examine_tenants, examine_text, load_named, load_tenants, tenant_files};
pub use error::ConfigError;
pub use process::{
    Config, Gateway, Kafka, LogFormat, Mechanism, Operator, Processing, SNAPSHOT_EVERY, SchemaRegistry,
    Security, Telemetry,
};
pub use tenant::{
    ANCESTOR_NAMES, Ambiguous, AncestorName, Announce, Api, ApiRole, ApiToken, Auth, AuthKey, Brand,
    CalendarPlace, CalendarSource, Database, DatabaseMode, Fault, Mail, Recipients, Retention, Tenant,
    TokenHash, TokenId, WhenAmbiguous, ancestor_keys, load_tenant,
};
pub use toml_file::text_of as tenant_text;
pub use values::{
    Colour, DnsName, EmailAddress, FeedAddress, HeaderName, HeaderNameError, HttpAddress, Line, Link,
    Mailbox, Origin, PingAddress, Share, SmtpError, SmtpServer, Tls, parse_duration,
};

pub(crate) use directory::{in_dispute, named_files, tenant_file, unknown};
