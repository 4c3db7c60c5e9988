//! How many requests are under way at once, how many go out in a second, and pauses that the server asks for.

use std::{sync::Mutex, time::Duration};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

/// Requests under way at once, watches aside. The API server serves a few hundred of all its clients.
const AT_ONCE: usize = 64;

/// A limit of requests per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// In the long run.
    pub per_second: f64,
    /// At once after a rest.
    pub burst: f64,
}

/// Who may send, and when.
#[derive(Debug)]
pub(super) struct Pace {
    under_way: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    bucket: Option<Bucket>,
    paused_until: Option<Instant>,
}

#[derive(Debug)]
struct Bucket {
    rate: Rate,
    /// Below zero while turns are promised ahead.
    tokens: f64,
    at: Instant,
}

impl Pace {
    pub(super) fn new(rate: Option<Rate>) -> Self {
        Self {
            under_way: Semaphore::new(AT_ONCE),
            state: Mutex::new(State {
                bucket: rate.map(|rate| Bucket {
                    rate,
                    tokens: rate.burst,
                    at: Instant::now(),
                }),
                paused_until: None,
            }),
        }
    }

    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        act(&mut state)
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self) -> SemaphorePermit<'_> {
        let permit = self
            .under_way
            .acquire()
            .await
            .expect("nobody closes the semaphore");
        let at = self.with(|state| state.bucket.as_mut().map(Bucket::promise));
        if let Some(at) = at {
            tokio::time::sleep_until(at).await;
        }
        while let Some(until) =
            self.with(|state| state.paused_until.filter(|at| *at > Instant::now()))
        {
            tokio::time::sleep_until(until).await;
        }
        permit
    }

    /// The server asks for a pause.
    pub(super) fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        self.with(|state| {
            state.paused_until = Some(state.paused_until.map_or(until, |known| known.max(until)));
        });
    }
}

impl Bucket {
    /// Takes a token and tells from when on it may be used.
    fn promise(&mut self) -> Instant {
        let now = Instant::now();
        let gained = now.duration_since(self.at).as_secs_f64() * self.rate.per_second;
        self.at = now;
        self.tokens = (self.tokens + gained).min(self.rate.burst) - 1.0;
        if self.tokens >= 0.0 {
            return now;
        }
        now + Duration::from_secs_f64(-self.tokens / self.rate.per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many milliseconds each of ten turns comes.
    async fn turns(pace: &Pace) -> Vec<u128> {
        let start = Instant::now();
        let mut at = Vec::new();
        for _ in 0..10 {
            drop(pace.turn().await);
            at.push(start.elapsed().as_millis());
        }
        at
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nobody_waits() {
        assert_eq!(turns(&Pace::new(None)).await, [0; 10]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_holds_after_its_burst() {
        let pace = Pace::new(Some(Rate {
            per_second: 4.0,
            burst: 4.0,
        }));
        let at = turns(&pace).await;
        assert_eq!(at[..4], [0; 4]);
        assert!((1_500..1_510).contains(&at[9]), "{at:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody() {
        let pace = Pace::new(None);
        pace.pause(Duration::from_secs(3));
        pace.pause(Duration::from_secs(1));
        assert_eq!(turns(&pace).await[0], 3_000);
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_so_many_are_not_under_way() {
        let pace = Pace::new(None);
        let mut held = Vec::new();
        for _ in 0..AT_ONCE {
            held.push(pace.turn().await);
        }
        let more = tokio::time::timeout(Duration::from_mins(1), pace.turn()).await;
        assert!(more.is_err());
        drop(held.pop());
        drop(pace.turn().await);
    }
}
