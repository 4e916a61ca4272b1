//! Names of nodes.

/// The name with `_` for each character that a node's name cannot have.
pub(super) fn valid_name(name: &str) -> String {
    let allowed =
        |c: char, first: bool| c.is_ascii_alphanumeric() || c == '.' || !first && "_/-".contains(c);
    let name: String =
        name.chars().enumerate().map(|(i, c)| if allowed(c, i == 0) { c } else { '_' }).collect();
    match name.strip_prefix('_') {
        Some(rest) => format!("x_{rest}"),
        None if name.is_empty() => "x".into(),
        None => name,
    }
}
