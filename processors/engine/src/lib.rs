//! The fold: a tenant's journal in, effects out
