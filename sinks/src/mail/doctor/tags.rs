//! `tag=value; tag=value`, as DKIM and DMARC write it.

/// The value of a tag, without the spaces around it; none where the text has no such tag.
pub(super) fn tag<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.split(';').find_map(|part| {
        let (tag, value) = part.split_once('=')?;
        tag.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Whether one of the two domains is the other, or lies in it: what DMARC calls relaxed, as far as it can be told without
/// a list of the suffixes under which people register.
pub(super) fn related(one: &str, other: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner == outer || (outer.contains('.') && inner.ends_with(&format!(".{outer}")))
    };
    within(one, other) || within(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_whatever_spaces_and_capitals_are_around_it() {
        let text = "v=DMARC1; p = reject ;ADKIM=s";
        assert_eq!((tag(text, "p"), tag(text, "adkim"), tag(text, "sp")), (Some("reject"), Some("s"), None));
        assert_eq!(tag("v=DKIM1; p=", "p"), Some(""));
    }

    #[test]
    fn a_domain_is_related_to_what_lies_in_it_and_to_no_suffix() {
        assert!(related("fx.example", "mail.fx.example") && related("mail.fx.example", "fx.example"));
        assert!(!related("fx.example", "otherfx.example") && !related("fx.example", "example"));
    }
}
