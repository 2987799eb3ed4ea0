//! The system calls by which a file is replaced, each with a name, so that a test can let any of them fail or die in it.
//!
//! In the product a step is the call and nothing else.

#[cfg(not(test))]
pub(super) fn step<T>(_name: &'static str, call: impl FnOnce() -> std::io::Result<T>) -> std::io::Result<T> {
    call()
}

#[cfg(test)]
pub(super) use trouble::step;

/// What a test lets happen.
#[cfg(test)]
pub(super) mod trouble {
    use std::{cell::RefCell, io};

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in crate::store) enum Kind {
        /// The call is not made and reports a full disk.
        Fails,
        /// The process ends at once, before the call.
        DiesBefore,
        /// The process ends at once, after the call.
        DiesAfter,
    }

    /// The step in trouble, and those that were taken.
    type State = (Option<(usize, Kind)>, Vec<&'static str>);

    thread_local! {
        static AT: RefCell<State> = const { RefCell::new((None, Vec::new())) };
    }

    /// From now on the step of that number (from 0) is in trouble; the steps are counted anew.
    pub(in crate::store) fn at(step: Option<(usize, Kind)>) {
        AT.with_borrow_mut(|state| *state = (step, Vec::new()));
    }

    /// The steps since the last [`at`].
    pub(in crate::store) fn taken() -> Vec<&'static str> {
        AT.with_borrow(|state| state.1.clone())
    }

    pub(in crate::store) fn step<T>(name: &'static str, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let kind = AT.with_borrow_mut(|(trouble, taken)| {
            taken.push(name);
            trouble.filter(|(number, _)| *number + 1 == taken.len()).map(|(_, kind)| kind)
        });
        match kind {
            Some(Kind::Fails) => return Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on device")),
            Some(Kind::DiesBefore) => die(),
            Some(Kind::DiesAfter) | None => {}
        }
        let result = call();
        if kind == Some(Kind::DiesAfter) {
            die();
        }
        result
    }

    /// As `kill -9` does it: no destructor runs, nothing is tidied.
    fn die() -> ! {
        #[cfg(unix)]
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::process::abort();
    }
}
