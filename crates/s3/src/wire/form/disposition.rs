//! A value with parameters, as in `Content-Disposition` and `Content-Type` of forms.

/// Splits `value; name="text"; name=token` into the value and its parameters, names in lower case. `None` if it is no
/// such text.
///
/// In quotes, `\"` is a quote and every other backslash itself: browsers that send paths do not escape them.
pub(super) fn read(text: &str) -> Option<(&str, Vec<(String, String)>)> {
    let (value, mut rest) = text.split_at(text.find(';').unwrap_or(text.len()));
    let mut parameters = vec![];
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Some((value.trim(), parameters));
        }
        rest = rest.strip_prefix(';')?.trim_start();
        if rest.is_empty() {
            return Some((value.trim(), parameters));
        }
        let (name, after) = rest.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic() && !b"\";=".contains(&b)) {
            return None;
        }
        let after = after.trim_start();
        let parameter;
        (parameter, rest) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let (token, rest) = after.split_at(after.find(';').unwrap_or(after.len()));
                if token.contains('"') {
                    return None;
                }
                (token.trim_end().to_owned(), rest)
            }
        };
        parameters.push((name, parameter));
    }
}

/// The text up to the closing quote, and what follows that.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((text, &quoted[at + 1..])),
            '\\' if characters.peek().is_some_and(|(_, next)| *next == '"') => {
                text.push('"');
                characters.next();
            }
            other => text.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_are_read_quoted_or_not_and_nothing_is_guessed() {
        let is = |value: &'static str, pairs: &[(&str, &str)]| {
            Some((value, pairs.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect::<Vec<_>>()))
        };
        assert_eq!(read("form-data"), is("form-data", &[]));
        assert_eq!(read("form-data; name=\"a\""), is("form-data", &[("name", "a")]));
        assert_eq!(
            read("form-data;name=a ;\tFileName = \"b;c\" ;"),
            is("form-data", &[("name", "a"), ("filename", "b;c")])
        );
        assert_eq!(read(r#"x; f="C:\dir\a.txt""#), is("x", &[("f", r"C:\dir\a.txt")]));
        assert_eq!(read(r#"x; f="a\"b""#), is("x", &[("f", "a\"b")]));
        for bad in ["x; a", "x; =b", "x; a=\"b", "x; a=\"b\"c", "x; a=b\"c", "x; a b=c", "x; a=\"b\\\""] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_was_quoted_reads_back(
            noise in "[a-z;=\"\\\\ ä]{0,30}", value in "[a-z;= ä./]{0,20}",
        ) {
            let _ = read(&noise);
            let text = format!("form-data; name=\"{value}\"");
            prop_assert_eq!(read(&text), Some(("form-data", vec![("name".to_owned(), value)])));
        }
    }
}
