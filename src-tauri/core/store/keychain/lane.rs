//! One thread for a keychain whose calls block, and a deadline for whoever waits.
//!
//! A prompt of the system can hold a call for as long as it likes. So all calls go down one lane: while the first is held
//! up, later ones fail at once instead of filling the process with blocked threads. A call whose caller has given up is
//! not made any more. A lane that stays blocked for minutes is left behind for a new one, a few times at most.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

/// A lane that one call has blocked for this many deadlines is given up: two minutes.
const PATIENCE: u32 = 24;
/// How many lanes may be left behind; each is a blocked thread.
const MOST_LEFT_BEHIND: u8 = 4;

/// What a job does with the blocking thing on its thread.
type Job<T> = Box<dyn FnOnce(&mut T) + Send>;

/// A thread that owns a `T`, and the queue to it. The thread starts with the first call.
pub(super) struct Lane<T> {
    make: fn() -> T,
    deadline: Duration,
    now: Mutex<Option<Running<T>>>,
}

struct Running<T> {
    jobs: Sender<Job<T>>,
    /// The call that is being made.
    busy: Arc<Mutex<Option<Busy>>>,
    left_behind: u8,
}

/// A call that is being made.
struct Busy {
    since: Instant,
    /// Somebody has waited in vain.
    overdue: bool,
}

/// Nobody answered in time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Silent;

impl<T: 'static> Lane<T> {
    pub(super) const fn new(deadline: Duration, make: fn() -> T) -> Self {
        Self { make, deadline, now: Mutex::new(None) }
    }

    /// Runs `work` on the lane's thread and waits for it until the deadline.
    pub(super) async fn call<R: Send + 'static>(&self, work: impl FnOnce(&mut T) -> R + Send + 'static) -> Result<R, Silent> {
        let (reply, answer) = oneshot::channel();
        let job: Job<T> = Box::new(move |thing| {
            if !reply.is_closed() {
                // Whoever asked may have left meanwhile; then nobody needs the answer.
                let _ = reply.send(work(thing));
            }
        });
        self.send(job)?;
        match tokio::time::timeout(self.deadline, answer).await {
            Ok(Ok(result)) => Ok(result),
            // The thread is gone, which only a panic inside the keychain's own library can do.
            Ok(Err(_)) => Err(Silent),
            Err(_) => {
                self.complain();
                Err(Silent)
            }
        }
    }

    /// The call that is being made holds others up.
    fn complain(&self) {
        if let Some(running) = held(&self.now).as_ref()
            && let Some(busy) = held(&running.busy).as_mut()
        {
            busy.overdue = true;
        }
    }

    fn send(&self, job: Job<T>) -> Result<(), Silent> {
        let mut now = held(&self.now);
        let mut left_behind = 0;
        if let Some(running) = now.as_ref() {
            left_behind = running.left_behind;
            let blocked = held(&running.busy).as_ref().filter(|busy| busy.overdue).map(|busy| busy.since.elapsed());
            if let Some(blocked) = blocked {
                if blocked < self.deadline * PATIENCE || left_behind == MOST_LEFT_BEHIND {
                    return Err(Silent);
                }
                left_behind += 1;
                *now = None;
            }
        }
        let job = match now.as_ref() {
            Some(running) => match running.jobs.send(job) {
                Ok(()) => return Ok(()),
                Err(unsent) => unsent.0,
            },
            None => job,
        };
        let running = self.start(left_behind).ok_or(Silent)?;
        running.jobs.send(job).map_err(|_| Silent)?;
        *now = Some(running);
        Ok(())
    }

    fn start(&self, left_behind: u8) -> Option<Running<T>> {
        let (jobs, queue): (_, Receiver<Job<T>>) = channel();
        let busy = Arc::new(Mutex::new(None));
        let (make, working) = (self.make, Arc::clone(&busy));
        let run = move || {
            let mut thing = make();
            for job in queue {
                *held(&working) = Some(Busy { since: Instant::now(), overdue: false });
                let _done = Done(&working);
                job(&mut thing);
            }
        };
        thread::Builder::new().name("keychain".to_owned()).spawn(run).ok()?;
        Some(Running { jobs, busy, left_behind })
    }
}

impl<T> fmt::Debug for Lane<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lane")
    }
}

/// Says that the call is over, even when it panicked.
struct Done<'a>(&'a Mutex<Option<Busy>>);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        *held(self.0) = None;
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn calls_run_one_after_the_other_on_one_thing() {
        let lane = Lane::new(Duration::from_mins(1), Vec::new);
        let push = |n: u32| {
            lane.call(move |list: &mut Vec<u32>| {
                list.push(n);
                list.len()
            })
        };
        assert_eq!(push(7).await, Ok(1));
        assert_eq!(push(8).await, Ok(2));
        assert_eq!(lane.call(|list| list.clone()).await, Ok(vec![7, 8]));
    }

    #[tokio::test]
    async fn while_one_call_is_held_up_later_ones_fail_at_once_and_are_never_made() {
        let lane = Lane::new(Duration::from_millis(50), Vec::<&str>::new);
        let release = blocked(&lane).await;
        for _ in 0..50 {
            tokio::select! {
                biased;
                late = lane.call(|list| list.push("late")) => assert_eq!(late, Err(Silent)),
                () = std::future::ready(()) => panic!("it waited"),
            }
        }
        drop(release);
        // The prompt is answered: the lane is free again as soon as its thread notices.
        let seen = loop {
            match lane.call(|list| list.clone()).await {
                Ok(seen) => break seen,
                Err(Silent) => tokio::task::yield_now().await,
            }
        };
        assert!(seen.is_empty(), "a call was made whose caller had left");
    }

    /// Holds the lane up until the answer is dropped. A busy machine may start a call after its caller has left; then it is
    /// never made, and another one is tried.
    async fn blocked<T: 'static>(lane: &Lane<T>) -> Sender<()> {
        loop {
            let ((release, prompt), (started, has_started)) = (channel::<()>(), channel());
            let held_up = move |_: &mut T| {
                let _ = started.send(());
                prompt.recv().is_ok()
            };
            assert_eq!(lane.call(held_up).await, Err(Silent));
            if has_started.try_recv().is_ok() {
                return release;
            }
        }
    }

    #[tokio::test]
    async fn a_lane_that_stays_blocked_is_left_behind_a_few_times() {
        let lane = Lane::new(Duration::from_millis(5), || ());
        let mut never = Vec::new();
        for _ in 0..MOST_LEFT_BEHIND {
            never.push(blocked(&lane).await);
            while lane.call(|()| ()).await.is_err() {
                tokio::task::yield_now().await;
            }
        }
        let release = blocked(&lane).await;
        let begun = Instant::now();
        while begun.elapsed() < lane.deadline * (PATIENCE + 4) {
            assert_eq!(lane.call(|()| ()).await, Err(Silent), "one thread too many");
            tokio::task::yield_now().await;
        }
        drop((release, never));
    }

    #[tokio::test]
    async fn a_thread_that_died_is_replaced() {
        let lane = Lane::new(Duration::from_mins(1), || 0_u8);
        assert_eq!(lane.call(|_| -> u8 { panic!("the library's fault") }).await, Err(Silent));
        let answer = loop {
            match lane.call(|n| *n).await {
                Ok(n) => break n,
                Err(Silent) => tokio::task::yield_now().await,
            }
        };
        assert_eq!(answer, 0);
    }
}
