//! How a file's text becomes a value.

/// Has a file's text read by the type's `FromStr`, for `#[serde(try_from = "String")]`.
macro_rules! of_text {
    ($type:ty, $error:ty) => {
        impl TryFrom<String> for $type {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                text.parse()
            }
        }
    };
}

pub(in crate::config) use of_text;
