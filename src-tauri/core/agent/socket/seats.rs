//! How many may be connected, and who goes when there are more: whoever has been silent longest.
//!
//! A program that asks is never sent away. One that connects and says nothing takes a seat only as long as nobody needs it, so a
//! thousand idle connections neither keep a rightful caller out nor use up the file descriptors.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Half of what most systems give a process.
pub const SEATS: usize = 512;

/// All seats.
#[derive(Debug)]
pub struct Seats {
    free: Arc<Semaphore>,
    /// Who is silent, the longest first.
    silent: Mutex<BTreeMap<u64, Arc<Notify>>>,
    next: AtomicU64,
    wanted: AtomicUsize,
}

/// One seat, free again when it is dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    _permit: OwnedSemaphorePermit,
}

/// Counts down again also when nobody waits any more.
struct Wanted<'a>(&'a AtomicUsize);

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Off the list also when the line came.
struct Listed<'a>(&'a Seats, u64);

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.0.silent().remove(&self.1);
    }
}

impl Seats {
    /// So many.
    pub fn new(count: usize) -> Arc<Self> {
        Arc::new(Self { free: Arc::new(Semaphore::new(count)), silent: Mutex::default(), next: AtomicU64::new(0), wanted: AtomicUsize::new(0) })
    }

    fn silent(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Notify>>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat; where none is free, that of whoever has been silent longest, or the first that becomes free.
    pub async fn take(self: &Arc<Self>) -> Option<Seat> {
        let permit = if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            permit
        } else {
            self.wanted.fetch_add(1, Ordering::Relaxed);
            let _wanted = Wanted(&self.wanted);
            self.send_one_away();
            Arc::clone(&self.free).acquire_owned().await.ok()?
        };
        Some(Seat { seats: Arc::clone(self), _permit: permit })
    }

    /// Asks whoever has been silent longest to go.
    fn send_one_away(&self) {
        if let Some((_, longest)) = self.silent().pop_first() {
            longest.notify_one();
        }
    }
}

impl Seat {
    /// Waits for what the other side says; `None`: somebody else needs the seat.
    pub async fn hear<T>(&self, said: impl Future<Output = T>) -> Option<T> {
        let leave = Arc::new(Notify::new());
        let id = self.seats.next.fetch_add(1, Ordering::Relaxed);
        self.seats.silent().insert(id, Arc::clone(&leave));
        let _listed = Listed(&self.seats, id);
        if self.seats.wanted.load(Ordering::Relaxed) > 0 && self.seats.free.available_permits() == 0 {
            // Who came in meanwhile found nobody silent.
            self.seats.send_one_away();
        }
        tokio::select! {
            biased;
            said = said => Some(said),
            () = leave.notified() => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn whoever_is_silent_longest_makes_room_and_who_asks_stays() {
        let seats = Seats::new(3);
        let mut seated = Vec::new();
        for _ in 0..3 {
            seated.push(seats.take().await.unwrap());
        }
        let [first, second, busy] = <[Seat; 3]>::try_from(seated).unwrap();
        assert_eq!(busy.hear(ready("a question")).await, Some("a question"));
        let silent = |seat: Seat| tokio::spawn(async move { seat.hear(pending::<()>()).await });
        let first = silent(first);
        while seats.silent().is_empty() {
            tokio::task::yield_now().await;
        }
        let second = silent(second);
        while seats.silent().len() < 2 {
            tokio::task::yield_now().await;
        }
        let _new = seats.take().await.unwrap();
        assert_eq!(first.await.unwrap(), None, "it has been silent longest");
        assert!(!second.is_finished());
        second.abort();
        assert!(second.await.is_err());
        let _last = seats.take().await.unwrap();
        // All are busy now: the next one waits, and who falls silent makes room.
        let waiting = tokio::spawn({
            let seats = Arc::clone(&seats);
            async move { seats.take().await.is_some() }
        });
        while seats.wanted.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(busy.hear(pending::<()>()).await, None);
        drop(busy);
        assert!(waiting.await.unwrap());
    }
}
