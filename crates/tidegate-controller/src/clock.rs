//! The cluster's time. Read once per pass and handed to the decision.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Where `now` comes from.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Timestamp,
    since: Instant,
    speed: u32,
}

impl Clock {
    /// The machine's own clock.
    pub fn wall() -> Self {
        Self::faster(1)
    }

    /// A clock that starts with the machine's and then runs `speed` times as fast (at least 1).
    pub fn faster(speed: u32) -> Self {
        Self {
            origin: Timestamp::now(),
            since: Instant::now(),
            speed: speed.max(1),
        }
    }

    /// The instant now.
    pub fn now(&self) -> Timestamp {
        if self.speed == 1 {
            return Timestamp::now();
        }
        let elapsed = self.since.elapsed().saturating_mul(self.speed);
        SignedDuration::try_from(elapsed)
            .ok()
            .and_then(|elapsed| self.origin.checked_add(elapsed).ok())
            .unwrap_or(Timestamp::MAX)
    }

    /// When a waiting task must be woken for this instant to have come: at once if it has passed.
    pub fn wake(&self, at: Timestamp) -> Instant {
        let left = at.duration_since(self.now());
        let left = Duration::try_from(left).unwrap_or(Duration::ZERO);
        Instant::now() + left / self.speed
    }
}
