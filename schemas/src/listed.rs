//! Closed sets with names. A set is written once, so that its list and its names cannot lack a member.

/// Makes the enum, `ALL` with every member in the order written, and `name`.
macro_rules! listed {
    (
        $(#[$about:meta])*
        pub enum $set:ident {
            $($(#[$doc:meta])* $member:ident = $name:literal,)+
        }
    ) => {
        $(#[$about])*
        pub enum $set {
            $($(#[$doc])* $member),+
        }

        impl $set {
            /// All of them, in the order in which they are declared.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$member),+];

            /// What records, ids and tables call it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$member => $name),+ }
            }
        }
    };
}

pub(crate) use listed;
