//! The bytes of a file as text and back, without loss: what is no UTF-8 survives an edit elsewhere in the file.
//!
//! A byte that is no UTF-8 becomes a character at the very end of Unicode's private planes, where nobody keeps anything; a
//! character from there that really stands in the file is taken byte by byte too. So every file has one text, and every text
//! that came from a file is that file again.

use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{Code, Error, Result};

/// Stands for the byte 0; only 0x80 to 0xFF are ever needed.
const FIRST: u32 = 0x10_FF00;

/// Whether a character stands for a byte that is no UTF-8.
pub(super) fn is_foreign(c: char) -> bool {
    c >= '\u{10ff80}'
}

/// The text of a file, unless it is none at all: then nobody may edit it.
pub(super) fn text_of(path: &Path, bytes: &[u8]) -> Result<Zeroizing<String>> {
    if let Some(first) = bytes.iter().position(|byte| *byte == 0) {
        let path = path.display();
        if is_utf16(bytes) {
            return Err(Error::new(
                Code::File,
                format!("{path} is not UTF-8 text: an editor may have saved it as UTF-16"),
                "Open it in an editor and save it as UTF-8; nothing was changed",
            ));
        }
        let line = bytes[..first].split(|byte| *byte == b'\n').count();
        return Err(Error::new(
            Code::File,
            format!("Line {line} of {path} holds a NUL byte, which no text has"),
            "Open it in an editor and remove that byte, or take back an earlier version: stagedoor files; nothing was changed",
        ));
    }
    Ok(Zeroizing::new(decode(bytes)))
}

/// Its byte order mark says so, or every other byte of what is written in Latin letters.
fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || bytes.split(|byte| *byte == 0).count() * 3 > bytes.len()
}

/// The text of a file.
pub(super) fn decode(bytes: &[u8]) -> String {
    if !bytes.contains(&0xf4)
        && let Ok(text) = str::from_utf8(bytes)
    {
        return text.to_owned();
    }
    let mut text = String::with_capacity(bytes.len() * 4);
    let byte = |byte: &u8| char::from_u32(FIRST + u32::from(*byte)).unwrap_or(char::REPLACEMENT_CHARACTER);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_foreign(c) {
                text.extend(c.encode_utf8(&mut [0; 4]).as_bytes().iter().map(byte));
            } else {
                text.push(c);
            }
        }
        text.extend(chunk.invalid().iter().map(byte));
    }
    text
}

/// The file of a text.
pub(super) fn encode(text: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some(at) = rest.find(is_foreign) {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let Some(c) = rest[at..].chars().next() else { break };
        bytes.extend(u8::try_from(u32::from(c) - FIRST));
        rest = &rest[at + c.len_utf8()..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// The line (from 1) of the first byte that is no UTF-8.
pub(super) fn first_foreign_line(text: &str) -> Option<usize> {
    // The lead byte of the last planes: a file without it needs no second look.
    if !text.as_bytes().contains(&0xf4) {
        return None;
    }
    text.find(is_foreign).map(|at| text[..at].matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_file_comes_back(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(vec![0xf4, 0x8f, 0xbf, 0xbe, 0xc3, 0xa9, b'\n'])], 0..200)) {
            let text = decode(&bytes);
            prop_assert_eq!(&encode(&text)[..], &bytes[..]);
            let foreign = str::from_utf8(&bytes).is_err() || text.contains(is_foreign);
            prop_assert_eq!(first_foreign_line(&text).is_some(), foreign);
        }
    }

    #[test]
    fn what_is_no_text_is_called_what_it_is() {
        let said = |bytes: &[u8]| text_of(Path::new("config"), bytes).unwrap_err().message;
        let utf16: Vec<u8> = "[default]\nregion = x\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [utf16.clone(), [&[0xff, 0xfe][..], &utf16].concat()] {
            assert!(said(&bytes).contains("UTF-16"), "{}", said(&bytes));
        }
        assert_eq!(said(b"[default]\nregion = caf\xc3\xa9\0\n"), "Line 2 of config holds a NUL byte, which no text has");
    }

    #[test]
    fn the_last_characters_of_unicode_come_back_too() {
        for text in ["\u{10ffff}", "a\u{10ff80}b", "\u{10ff7f}", "é", "x\u{10fffd}\n"] {
            assert_eq!(&encode(&decode(text.as_bytes()))[..], text.as_bytes(), "{}", text.escape_unicode());
        }
        assert_eq!(first_foreign_line(&decode(b"[a]\nregion = caf\xe9\n")), Some(2));
    }
}
