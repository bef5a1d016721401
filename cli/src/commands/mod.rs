//! One file a command.

pub(crate) mod demo;
pub(crate) mod journal;
pub(crate) mod migrate;
pub(crate) mod process;
pub(crate) mod produce;
pub(crate) mod replay;
pub(crate) mod sink;
pub(crate) mod tenants;
