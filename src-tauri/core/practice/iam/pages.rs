//! Lists in pages: what comes after the marker, as many as were asked for.
//!
//! Only what is on the page is written, so that the tenth page of ten thousand roles costs what the first does. The marker
//! is the last key of the page before, so that a list stays right while things come and go.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::practice::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    xml::Xml,
};

/// How many where nobody says.
const USUAL: usize = 100;
/// How many bytes make a page full, whatever was asked for: AWS, too, may give fewer and say that there are more.
const FULL: usize = 1 << 20;

/// A page of things in the order of their keys, and the marker of the next one. Keys are short: a marker has 320 characters.
pub(super) fn slice<K: AsRef<str> + Ord, T>(call: &Exchange<'_>, items: impl IntoIterator<Item = (K, T)>) -> Outcome<(Vec<T>, Option<String>)> {
    cut(items.into_iter().collect(), most(call), call.params.get("Marker"))
}

fn most(call: &Exchange<'_>) -> usize {
    call.params.get("MaxItems").and_then(|text| text.parse().ok()).unwrap_or(USUAL)
}

/// What a marker says.
fn opened(marker: &str) -> Outcome<String> {
    let text = URL_SAFE_NO_PAD.decode(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| invalid(marker))
}

fn invalid(marker: &str) -> Fault {
    Fault::validation(format!("Invalid Marker: {marker}"))
}

fn cut<K: AsRef<str> + Ord, T>(mut items: Vec<(K, T)>, most: usize, marker: Option<&str>) -> Outcome<(Vec<T>, Option<String>)> {
    items.sort_by(|(one, _), (other, _)| one.cmp(other));
    let start = match marker {
        None => 0,
        Some(marker) => {
            let after = opened(marker)?;
            items.partition_point(|(key, _)| key.as_ref() <= after.as_str())
        }
    };
    let more = items.len() > start + most;
    let marker = items.get(start + most - 1).filter(|_| more).map(|(key, _)| URL_SAFE_NO_PAD.encode(key.as_ref()));
    Ok((items.into_iter().skip(start).take(most).map(|(_, item)| item).collect(), marker))
}

/// What ends every list.
pub(super) fn end(marker: Option<String>) -> Xml {
    Xml::new().text("IsTruncated", if marker.is_some() { "true" } else { "false" }).maybe("Marker", marker)
}

/// One page of one list.
pub(super) fn page<K: AsRef<str> + Ord, T>(call: &Exchange<'_>, name: &str, items: impl IntoIterator<Item = (K, T)>, xml: impl Fn(T) -> Xml) -> Outcome<Xml> {
    let (items, marker) = slice(call, items)?;
    Ok(Xml::new().list(name, items.into_iter().map(xml)).join(end(marker)))
}

/// One page of a list that is numbered through: only what is on the page is made, however long the list.
pub(super) fn numbered(call: &Exchange<'_>, name: &str, count: usize, xml: impl FnMut(usize) -> Xml) -> Outcome<Xml> {
    let (members, marker) = made(count, most(call), call.params.get("Marker"), xml)?;
    Ok(Xml::new().list(name, members).join(end(marker)))
}

fn made(count: usize, most: usize, marker: Option<&str>, mut xml: impl FnMut(usize) -> Xml) -> Outcome<(Vec<Xml>, Option<String>)> {
    let start: usize = marker.map_or(Ok(0), |marker| opened(marker)?.parse().map_err(|_| invalid(marker)))?;
    let (mut members, mut size) = (Vec::new(), 0);
    for number in start..count.min(start.saturating_add(most)) {
        if size >= FULL {
            break;
        }
        let member = xml(number);
        size += member.len();
        members.push(member);
    }
    let next = start + members.len();
    Ok((members, (next < count).then(|| URL_SAFE_NO_PAD.encode(next.to_string()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_numbered_list_only_the_page_is_made() {
        let mut asked = Vec::new();
        let (page, marker) = made(usize::MAX, 3, None, |number| {
            asked.push(number);
            Xml::bare(&number.to_string())
        })
        .unwrap();
        assert_eq!((page.len(), asked), (3, vec![0, 1, 2]));
        let (page, marker) = made(5, 3, marker.as_deref(), |number| Xml::bare(&number.to_string())).unwrap();
        assert_eq!((page, marker), (vec![Xml::bare("3"), Xml::bare("4")], None));
        // A page that is full ends, and the list goes on.
        let half = "x".repeat(FULL / 2);
        let (page, marker) = made(5, 5, None, |_| Xml::bare(&half)).unwrap();
        assert_eq!(page.len(), 2);
        assert_eq!(made(5, 5, marker.as_deref(), |number| Xml::bare(&number.to_string())).unwrap().0.len(), 3);
        assert!(made(5, 5, Some("!"), |_| Xml::new()).is_err());
        assert_eq!(made(5, 5, Some(&URL_SAFE_NO_PAD.encode(usize::MAX.to_string())), |_| Xml::new()).unwrap(), (Vec::new(), None));
        assert!(made(5, 5, Some(&URL_SAFE_NO_PAD.encode("role")), |_| Xml::new()).is_err(), "of another list");
    }

    #[test]
    fn ten_thousand_things_page_by_page() {
        let (mut marker, mut seen) = (None, Vec::new());
        loop {
            // Backwards, and one goes away while the list is read.
            let items = (0..10_000).rev().filter(|number| seen.is_empty() || *number != 500).map(|number| (format!("role{number:05}"), number)).collect();
            let (page, next) = cut(items, 300, marker.as_deref()).unwrap();
            seen.extend(page);
            marker = next;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..10_000).filter(|number| *number != 500).collect::<Vec<_>>());
        assert_eq!(cut(vec![("a", ())], 1, None).unwrap().1, None, "a full page can be the last one");
        assert!(cut(vec![("a", ())], 1, Some("!")).is_err());
    }
}
