//! What becomes of a secret on the clipboard, without a clipboard: it is taken out after half a minute, and nothing else is.
//!
//! The app's own code with a board of the test's and a clock that nobody waits for.

use std::{cell::RefCell, time::Duration};

use stagedoor_core::model::secret::Secret;
use tokio::time::sleep;
use zeroize::Zeroizing;

use crate::clipboard::{Board, Clipboard};

thread_local! {
    /// What any program of the desktop would paste.
    static PASTED: RefCell<String> = const { RefCell::new(String::new()) };
}

struct Paper;

impl Board for Paper {
    fn open() -> Result<Self, arboard::Error> {
        Ok(Self)
    }

    fn put(&mut self, secret: &Secret) -> Result<(), arboard::Error> {
        somebody_copies(secret.expose());
        Ok(())
    }

    fn text(&mut self) -> Option<Zeroizing<String>> {
        Some(Zeroizing::new(pasted()))
    }

    fn empty(&mut self) {
        somebody_copies("");
    }
}

fn pasted() -> String {
    PASTED.with_borrow(Clone::clone)
}

fn somebody_copies(text: &str) {
    PASTED.set(text.to_owned());
}

async fn seconds(count: u64) {
    sleep(Duration::from_secs(count)).await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_taken_out_after_half_a_minute_and_not_before() {
    let clipboard = Clipboard::<Paper>::default();
    clipboard.copy(&Secret::new("export AWS_SESSION_TOKEN=one")).unwrap();
    seconds(29).await;
    assert_eq!(pasted(), "export AWS_SESSION_TOKEN=one");
    seconds(2).await;
    assert_eq!(pasted(), "");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_copied_meanwhile_stays() {
    let clipboard = Clipboard::<Paper>::default();
    clipboard.copy(&Secret::new("one")).unwrap();
    somebody_copies("a shopping list");
    seconds(31).await;
    assert_eq!(pasted(), "a shopping list");
    clipboard.clear();
    assert_eq!(pasted(), "a shopping list", "nor when the app ends");
}

#[tokio::test(start_paused = true)]
async fn a_second_secret_has_half_a_minute_of_its_own() {
    let clipboard = Clipboard::<Paper>::default();
    clipboard.copy(&Secret::new("one")).unwrap();
    seconds(20).await;
    clipboard.copy(&Secret::new("two")).unwrap();
    seconds(20).await;
    assert_eq!(pasted(), "two", "the first one's time is not the second one's");
    seconds(11).await;
    assert_eq!(pasted(), "");
}

#[tokio::test(start_paused = true)]
async fn the_app_takes_it_out_when_it_ends() {
    let clipboard = Clipboard::<Paper>::default();
    clipboard.clear();
    clipboard.copy(&Secret::new("one")).unwrap();
    clipboard.clear();
    assert_eq!(pasted(), "");
}
