//! Rows and mail out of triggers, and what they own of the tenant's database
