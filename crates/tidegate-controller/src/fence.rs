//! Until when this process may write. Only who leads may, and only for as long as nobody else can
//! lead already: the instant lies on the monotonic clock, so a process that slept wakes up fenced (S2-6).

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;

/// May be looked through by everybody who writes.
#[derive(Clone, Debug)]
pub(crate) struct Fence(Arc<Mutex<State>>);

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nobody competes.
    Open,
    /// Until the renewal is due.
    Until(Instant),
    /// Not yet, or no more.
    Closed,
}

impl Fence {
    /// For a process that runs alone.
    pub(crate) fn open() -> Self {
        Self(Arc::new(Mutex::new(State::Open)))
    }

    /// For a process that has to be elected first.
    pub(crate) fn closed() -> Self {
        Self(Arc::new(Mutex::new(State::Closed)))
    }

    /// How much longer a write may be under way; `None` if there must be none.
    pub(crate) fn left(&self) -> Option<Duration> {
        match self.get() {
            State::Open => Some(Duration::MAX),
            State::Until(at) => {
                let left = at.saturating_duration_since(Instant::now());
                (!left.is_zero()).then_some(left)
            }
            State::Closed => None,
        }
    }

    /// The Lease is ours until then.
    pub(crate) fn extend(&self, until: Instant) {
        self.set(State::Until(until));
    }

    /// It is ours no more.
    pub(crate) fn close(&self) {
        self.set(State::Closed);
    }

    fn get(&self) -> State {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_closes_by_itself_and_stays_closed_while_time_goes_on() {
        let fence = Fence::closed();
        assert_eq!(fence.left(), None);
        fence.extend(Instant::now() + Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(fence.left(), Some(Duration::from_secs(6)));
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(fence.left(), None);
        assert_eq!(Fence::open().left(), Some(Duration::MAX));
    }
}
