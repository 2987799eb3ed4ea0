//! Concurrent requests for one thing join one flight: the first makes it, all get its result.
//!
//! The flight goes on when whoever began it leaves. A maker looks once more whether the thing is there already, because it may
//! have landed between the caller's look and the take-off.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::error::{Code, Error, Result};

type Landing<T> = watch::Receiver<Option<Result<T>>>;

/// The flights under way.
pub(super) struct Flights<K, T>(Arc<Mutex<HashMap<K, Landing<T>>>>);

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, T> fmt::Debug for Flights<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flights")
    }
}

impl<K: Eq + Hash + Clone + Send + 'static, T: Clone + Send + Sync + 'static> Flights<K, T> {
    /// Joins the flight for `key`, or begins it with `make`. Says whether this call began it.
    pub(super) async fn join<F>(&self, key: K, make: impl FnOnce() -> F) -> (bool, Result<T>)
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (mut landing, began) = {
            let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(landing) = flights.get(&key) {
                (landing.clone(), false)
            } else {
                let (land, landing) = watch::channel(None);
                flights.insert(key.clone(), landing.clone());
                let (making, flights) = (make(), Arc::clone(&self.0));
                let ended = Ended { flights, key };
                tokio::spawn(async move {
                    let result = making.await;
                    // Off the board before the result is told: who comes later must find the thing itself.
                    drop(ended);
                    land.send_replace(Some(result));
                });
                (landing, true)
            }
        };
        let result = match landing.wait_for(Option::is_some).await {
            Ok(result) => result.clone().unwrap_or_else(|| Err(lost())),
            Err(_) => Err(lost()),
        };
        (began, result)
    }

    /// Whether any is under way.
    pub(super) fn any(&self) -> bool {
        !self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Those that are under way.
    pub(super) fn keys(&self) -> Vec<K> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Whether this one is under way.
    pub(super) fn has(&self, key: &K) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key)
    }
}

fn lost() -> Error {
    Error::new(Code::Agent, "Stagedoor stopped while it was asking AWS", "Try again")
}

/// Takes the flight off the board even when its maker panics.
struct Ended<K: Eq + Hash, T> {
    flights: Arc<Mutex<HashMap<K, Landing<T>>>>,
    key: K,
}

impl<K: Eq + Hash, T> Drop for Ended<K, T> {
    fn drop(&mut self) {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_hundred_callers_make_one_flight_though_the_first_leaves() {
        let flights: Arc<Flights<&str, u32>> = Arc::default();
        let (made, (open, gate)) = (Arc::new(AtomicU32::new(0)), watch::channel(false));
        let make = |made: Arc<AtomicU32>, mut gate: watch::Receiver<bool>| async move {
            gate.wait_for(|open| *open).await.expect("the test holds the other end");
            Ok(made.fetch_add(1, Ordering::SeqCst) + 1)
        };
        let first = tokio::spawn({
            let (flights, made, gate) = (Arc::clone(&flights), Arc::clone(&made), gate.clone());
            async move { flights.join("a", || make(made, gate)).await }
        });
        while !flights.any() {
            tokio::task::yield_now().await;
        }
        first.abort();
        let others: Vec<_> = (0..100)
            .map(|_| {
                let (flights, made, gate) = (Arc::clone(&flights), Arc::clone(&made), gate.clone());
                tokio::spawn(async move { flights.join("a", || make(made, gate)).await.1 })
            })
            .collect();
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        open.send(true).expect("callers wait");
        for other in others {
            assert_eq!(other.await.expect("no panic"), Ok(1));
        }
        assert_eq!(made.load(Ordering::SeqCst), 1);
        assert!(!flights.any());
    }

    #[tokio::test]
    async fn a_maker_that_panics_is_an_error_and_the_next_call_flies_again() {
        let flights: Flights<u8, u8> = Flights::default();
        let (_, lost) = flights.join(1, || async { panic!("on purpose") }).await;
        assert_eq!(lost.expect_err("panicked").code, Code::Agent);
        assert_eq!(flights.join(1, || async { Ok(2) }).await, (true, Ok(2)));
    }
}
