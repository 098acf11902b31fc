//! Patterns over object keys as S3's policies write them: `*` for any text, `?` for any one character, all else itself.
//!
//! A pattern of a resource spans bucket and key (`arn:aws:s3:::b*/logs/?`); what is left of it once the bucket is known
//! ([`Pattern::after`]) is again patterns, so that whatever is said about keys can be shown in the words it was given in.

use std::fmt;

/// One step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Piece {
    /// This character.
    Char(char),
    /// `?`: any one character (a Unicode scalar value, not a byte).
    One,
    /// `*`: any text, the empty one too.
    Many,
}

/// A pattern. Two of them are equal if they are written the same, but for repeated `*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(Box<[Piece]>);

impl FromIterator<Piece> for Pattern {
    fn from_iter<T: IntoIterator<Item = Piece>>(pieces: T) -> Self {
        let mut all: Vec<Piece> = pieces.into_iter().collect();
        all.dedup_by(|next, last| *next == Piece::Many && *last == Piece::Many);
        Pattern(all.into())
    }
}

impl Pattern {
    /// `text` as S3 reads it: `*` and `?` stand for others.
    pub fn glob(text: &str) -> Self {
        let piece = |c| match c {
            '*' => Piece::Many,
            '?' => Piece::One,
            c => Piece::Char(c),
        };
        text.chars().map(piece).collect()
    }

    /// `text` and nothing else, whatever characters it has.
    pub fn literal(text: &str) -> Self {
        text.chars().map(Piece::Char).collect()
    }

    /// All that begins with `text`, whatever characters it has.
    pub fn prefix(text: &str) -> Self {
        text.chars().map(Piece::Char).chain([Piece::Many]).collect()
    }

    /// All there is.
    pub fn all() -> Self {
        Pattern::prefix("")
    }

    /// The steps, in order; no two `*` in a row.
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// Whether it is `*`.
    pub fn is_all(&self) -> bool {
        *self.0 == [Piece::Many]
    }

    /// Whether `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        let mut at = self.begin();
        for c in text.chars() {
            at = self.step(&at, c);
        }
        self.accepts(&at)
    }

    /// What may follow `text` so that the whole matches: one of these patterns.
    pub fn after(&self, text: &str) -> Vec<Pattern> {
        let mut at = self.begin();
        for c in text.chars() {
            at = self.step(&at, c);
        }
        at.into_iter().map(|from| self.0[from..].iter().copied().collect()).collect()
    }

    /// The positions in the pattern before any text. A position is how many steps are done; one before a `*` stands for
    /// the one behind it too.
    pub(super) fn begin(&self) -> Vec<usize> {
        vec![0]
    }

    /// The positions after one more character, in ascending order. What lies before the last `*` that was reached is
    /// left out: all that it could still lead to, the `*` leads to as well.
    pub(super) fn step(&self, at: &[usize], c: char) -> Vec<usize> {
        let mut next = vec![];
        for &position in at {
            let mut position = position;
            if self.0.get(position) == Some(&Piece::Many) {
                next.push(position);
                position += 1;
            }
            match self.0.get(position) {
                Some(Piece::Char(own)) if *own == c => next.push(position + 1),
                Some(Piece::One) => next.push(position + 1),
                _ => {}
            }
        }
        next.sort_unstable();
        next.dedup();
        if let Some(last) = next.iter().rposition(|&position| self.0.get(position) == Some(&Piece::Many)) {
            next.drain(..last);
        }
        next
    }

    /// Whether the text may end at these positions.
    pub(super) fn accepts(&self, at: &[usize]) -> bool {
        at.iter().any(|&position| matches!(&self.0[position..], [] | [Piece::Many]))
    }

    /// Whether every text may follow at these positions.
    pub(super) fn accepts_all(&self, at: &[usize]) -> bool {
        at.iter().any(|&position| self.0[position..] == [Piece::Many])
    }

    /// The characters that the pattern tells apart from others at these positions.
    pub(super) fn characters<'a>(&'a self, at: &'a [usize]) -> impl Iterator<Item = char> + 'a {
        at.iter().filter_map(|&position| {
            let position = position + usize::from(self.0.get(position) == Some(&Piece::Many));
            match self.0.get(position) {
                Some(Piece::Char(c)) => Some(*c),
                _ => None,
            }
        })
    }
}

impl fmt::Display for Pattern {
    /// As a policy writes it: a `*`, `?` or `$` that stands for itself is `${*}`, `${?}`, `${$}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Char('*') => f.write_str("${*}")?,
                Piece::Char('?') => f.write_str("${?}")?,
                Piece::Char(c) => write!(f, "{c}")?,
                Piece::One => f.write_str("?")?,
                Piece::Many => f.write_str("*")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_resource_behind_its_bucket_is_patterns_again() {
        let after = |text: &str| {
            let left = Pattern::glob(text).after("arn:aws:s3:::bucket/");
            left.iter().map(Pattern::to_string).collect::<Vec<_>>()
        };
        assert_eq!(after("arn:aws:s3:::bucket/logs/*"), ["logs/*"]);
        assert_eq!(after("arn:aws:s3:::other/logs/*"), [] as [&str; 0]);
        assert_eq!(after("arn:aws:s3:::bucket"), [] as [&str; 0]);
        assert_eq!(after("*"), ["*"]);
        assert_eq!(after("arn:aws:s3:::b*/x"), ["*/x", "x"]);
        assert_eq!(after("arn:aws:s3:::bucket/"), [""]);
    }

    #[test]
    fn a_question_mark_is_one_character_and_not_one_byte() {
        assert!(Pattern::glob("a?c").matches("aйc"));
        assert!(Pattern::glob("?").matches("🦀"));
        assert!(!Pattern::glob("??").matches("й"));
    }

    #[test]
    fn stars_and_question_marks_of_a_name_are_shown_as_such() {
        assert_eq!(Pattern::literal("a*b?").to_string(), "a${*}b${?}");
        assert_eq!(Pattern::glob("a**b").to_string(), "a*b");
    }
}
