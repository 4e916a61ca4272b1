//! The keywords of a header. The `fitsio-pure` crate parses the cards; bytes that are not printable
//! ASCII, which it refuses, are blanked first, because they are common in comments.

use super::source::{BLOCK, Source};
use fitsio_pure::header::{Card, parse_header_blocks};
use fitsio_pure::value::Value;

/// The most blocks of a header.
const MOST_BLOCKS: usize = 500;
const CARD: usize = 80;

/// The keyword of files that hold the chosen HDU and planes of another, and nothing else.
pub(super) const CHOSEN: &str = "CUTOUT";

/// Whether a file has that keyword.
pub(super) fn is_chosen(content: &[u8]) -> bool {
    let mut cards = content.chunks(CARD).take(BLOCK / CARD);
    cards.any(|card| card.starts_with(format!("{CHOSEN:8}= {:>20}", "T").as_bytes()))
}

/// The cards of a header, without comments.
pub(super) struct Keywords(Vec<Card>);

impl Keywords {
    /// Reads the next header; `None` after the last HDU.
    pub(super) fn read(source: &mut Source<'_>, first: &[u8]) -> Result<Option<Self>, String> {
        let mut cards = Vec::new();
        for block in 0..MOST_BLOCKS {
            let Some(bytes) = source.block()? else {
                return if block == 0 {
                    Ok(None)
                } else {
                    Err("is cut off within a header".into())
                };
            };
            if block == 0 && !bytes.starts_with(first) {
                return Ok(None);
            }
            if extend(&mut cards, &bytes) {
                cards.resize(cards.len().next_multiple_of(BLOCK), b' ');
                let cards = parse_header_blocks(&cards);
                return cards.map(Self).map(Some).map_err(|e| format!("has a bad header ({e})"));
            }
        }
        Err(format!("has a header of more than {} cards", MOST_BLOCKS * BLOCK / CARD))
    }

    fn find<T>(&self, keyword: &str, as_wanted: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let named = self.0.iter().filter(|card| card.keyword_str() == keyword);
        named.filter_map(|card| card.value.as_ref()).find_map(as_wanted)
    }

    pub(super) fn integer(&self, keyword: &str) -> Option<i64> {
        self.find(keyword, |value| match value {
            Value::Integer(number) => Some(*number),
            _ => None,
        })
    }

    /// A finite number.
    pub(super) fn number(&self, keyword: &str) -> Option<f64> {
        let number = self.find(keyword, |value| match value {
            Value::Integer(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            _ => None,
        });
        number.filter(|number| number.is_finite())
    }

    pub(super) fn text(&self, keyword: &str) -> Option<&str> {
        let named = self.0.iter().filter(|card| card.keyword_str() == keyword);
        named.filter_map(|card| card.value.as_ref()).find_map(|value| match value {
            Value::String(text) => Some(text.trim()),
            _ => None,
        })
    }

    /// Whether the keyword has any value.
    pub(super) fn has(&self, keyword: &str) -> bool {
        self.find(keyword, |_| Some(())).is_some()
    }

    pub(super) fn is_true(&self, keyword: &str) -> bool {
        self.find(keyword, |value| match value {
            Value::Logical(truth) => Some(*truth),
            _ => None,
        }) == Some(true)
    }

    /// The cards of keywords that begin with one of `prefixes`.
    pub(super) fn cards(&self, prefixes: &[&str]) -> Vec<Card> {
        let wanted = |card: &&Card| prefixes.iter().any(|p| card.keyword_str().starts_with(p));
        self.0.iter().filter(wanted).cloned().collect()
    }
}

/// Adds the cards of a block that may have a value; whether the last card is among them.
fn extend(cards: &mut Vec<u8>, block: &[u8; BLOCK]) -> bool {
    for card in block.chunks_exact(CARD) {
        let keyword = card[..8].trim_ascii_end();
        if matches!(keyword, b"" | b"COMMENT" | b"HISTORY") {
            continue;
        }
        cards.extend(card.iter().map(|&b| if (b' '..=b'~').contains(&b) { b } else { b' ' }));
        if keyword == b"END" {
            return true;
        }
    }
    false
}
