//! Editing a file that another program writes all the time: tried again for a while, at random moments.
//!
//! Each try is whole or nothing and is made in `store/aws_files`; here is only the waiting between them, so that no thread of the
//! agent stands still meanwhile.

use std::time::Duration;

use crate::{error::Result, store::aws_files::edit::is_contested};

/// How long it is tried.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest pause. Random, so that it never keeps step with whoever writes at equal distances.
const PAUSE: u64 = 12;

/// Tries an edit again as long as another program is in the way.
pub(super) async fn patiently<T>(mut edit: impl FnMut() -> Result<T>) -> Result<T> {
    let began = tokio::time::Instant::now();
    loop {
        let result = edit();
        match &result {
            Err(error) if is_contested(error) && began.elapsed() < PATIENCE => {}
            Ok(_) | Err(_) => return result,
        }
        tokio::time::sleep(pause()).await;
    }
}

/// The same on a thread that may wait.
pub(super) fn patiently_here<T>(mut edit: impl FnMut() -> Result<T>) -> Result<T> {
    let began = std::time::Instant::now();
    loop {
        let result = edit();
        match &result {
            Err(error) if is_contested(error) && began.elapsed() < PATIENCE => std::thread::sleep(pause()),
            Ok(_) | Err(_) => return result,
        }
    }
}

fn pause() -> Duration {
    let mut random = [0];
    // Without random bytes the pauses are equal, and no worse than that.
    let _ = getrandom::fill(&mut random);
    Duration::from_millis(1 + u64::from(random[0]) % PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::{Code, Error},
        store::aws_files::edit::contested,
    };

    #[tokio::test(start_paused = true)]
    async fn it_is_tried_for_five_seconds_and_not_for_ever() {
        let mut tries = 0;
        let third = patiently(|| {
            tries += 1;
            if tries < 200 { Err(contested()) } else { Ok(tries) }
        });
        assert_eq!(third.await.unwrap(), 200);
        let began = tokio::time::Instant::now();
        assert_eq!(patiently(|| Err::<(), _>(contested())).await.unwrap_err(), contested());
        assert!((PATIENCE..PATIENCE * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
        let mut tries = 0;
        let other = patiently(|| {
            tries += 1;
            Err::<(), _>(Error::new(Code::File, "a full disk", "free some space"))
        });
        assert_eq!(other.await.unwrap_err().message, "a full disk");
        assert_eq!(tries, 1, "what else fails is told at once");
    }
}
