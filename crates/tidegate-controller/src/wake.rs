//! The work queue: each key is worked on by one worker at a time, wakes at its instant, and after a
//! failure waits longer each time (QUE-03: 1 ms doubling up to 10 s). Wakes and back-off are apart,
//! so a wake never shortens a back-off and a back-off never swallows a wake.

mod timers;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Mutex,
    time::Duration,
};

use tidegate_core::freshness::SOON;
use tokio::{sync::Notify, time::Instant};

use self::timers::Timers;
use crate::metrics::{Buckets, Histogram, Page, Type};

/// The first delay after a failure.
const FIRST_DELAY: Duration = Duration::from_millis(1);
/// The longest delay after a failure.
const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// Seconds that keys wait and are worked on: Kubernetes' own bounds.
const SECONDS: Buckets = &[
    1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1_000.0,
];

/// A queue of keys.
#[derive(Debug)]
pub(crate) struct Queue<K> {
    state: Mutex<State<K>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<K> {
    ready: VecDeque<K>,
    /// With the instant at which each was added.
    queued: BTreeMap<K, Instant>,
    /// With the instant at which each was taken.
    running: BTreeMap<K, Instant>,
    again: BTreeSet<K>,
    wakes: Timers<K>,
    /// How often in a row each has failed.
    failures: BTreeMap<K, u32>,
    /// Until when those that have failed do not look again.
    held: Timers<K>,
    /// Until when those that were outrun do not look again, and whether there is news for them.
    outrun: BTreeMap<K, (Instant, News)>,
    closed: bool,
    counted: Counted,
}

/// Whether something changed meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Yes,
    No,
}

/// What is told about a queue.
#[derive(Debug)]
struct Counted {
    adds: u64,
    retries: u64,
    waited: Histogram,
    worked: Histogram,
}

/// What a worker gets.
enum Taken<K> {
    Key(K),
    Nothing,
    Closed,
}

impl<K: Clone + Ord> Queue<K> {
    /// An empty queue.
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                ready: VecDeque::new(),
                queued: BTreeMap::new(),
                running: BTreeMap::new(),
                again: BTreeSet::new(),
                wakes: Timers::new(),
                failures: BTreeMap::new(),
                held: Timers::new(),
                outrun: BTreeMap::new(),
                closed: false,
                counted: Counted {
                    adds: 0,
                    retries: 0,
                    waited: Histogram::new(SECONDS),
                    worked: Histogram::new(SECONDS),
                },
            }),
            changed: Notify::new(),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State<K>) -> T) -> T {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        act(&mut state)
    }

    /// Something changed: work on the key as soon as a worker is free and no back-off holds it.
    pub(crate) fn add(&self, key: K) {
        self.with(|state| state.add(key));
        self.changed.notify_one();
    }

    /// Takes the next key, waiting for one; `None` once the queue is closed.
    pub(crate) async fn next(&self) -> Option<K> {
        loop {
            let changed = self.changed.notified();
            let now = Instant::now();
            let (taken, next, more) = self.with(|state| {
                state.ripen(now);
                let taken = state.take();
                (taken, state.next_instant(), !state.ready.is_empty())
            });
            if more && !matches!(taken, Taken::Nothing) {
                self.changed.notify_one();
            }
            match taken {
                Taken::Key(key) => return Some(key),
                Taken::Closed => return None,
                Taken::Nothing => {}
            }
            match next {
                Some(at) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                }
                None => changed.await,
            }
        }
    }

    /// A worker is done with the key; `wake` is when to look again at the latest.
    pub(crate) fn done(&self, key: &K, wake: Option<Instant>) {
        self.with(|state| {
            state.failures.remove(key);
            state.held.set(key, None);
            state.release(key, wake);
        });
        self.changed.notify_one();
    }

    /// A worker is done with the key, but it may still fail: whoever has failed before is not forgiven yet.
    pub(crate) fn handed_over(&self, key: &K, wake: Option<Instant>) {
        self.with(|state| state.release(key, wake));
        self.changed.notify_one();
    }

    /// What was handed over has not failed.
    pub(crate) fn settled(&self, key: &K) {
        self.with(|state| state.failures.remove(key));
    }

    /// A worker could not finish: the key waits, longer after each failure, and never less than `least`.
    pub(crate) fn failed(&self, key: &K, wake: Option<Instant>, least: Duration) {
        let now = Instant::now();
        self.with(|state| {
            let times = state.failures.entry(key.clone()).or_insert(0);
            let delay = FIRST_DELAY
                .saturating_mul(2_u32.saturating_pow((*times).min(20)))
                .min(LONGEST_DELAY)
                .max(least);
            *times = times.saturating_add(1);
            state.counted.retries += 1;
            state.held.set(key, Some(now + delay));
            state.release(key, wake);
        });
        self.changed.notify_one();
    }

    /// Look again soon, without counting a failure (a cache that lags).
    pub(crate) fn postpone(&self, key: &K, delay: Duration) {
        let at = Instant::now() + delay;
        self.with(|state| {
            state.again.remove(key);
            state.release(key, Some(at));
        });
        self.changed.notify_one();
    }

    /// Somebody else was faster: look again after a while, and not at once whatever changes (S2-12).
    pub(crate) fn outrun(&self, key: &K, delay: Duration) {
        let now = Instant::now();
        self.with(|state| {
            let until = now + delay.min(SOON.unsigned_abs());
            state.outrun.insert(key.clone(), (until, News::No));
            state.release(key, Some(now + delay));
        });
        self.changed.notify_one();
    }

    /// Tells how the queue is.
    pub(crate) fn tell_metrics(&self, queue: &str, page: &mut Page) {
        let labels = [("name", queue)];
        self.with(|state| {
            let counted = &state.counted;
            page.family("workqueue_depth", "Keys that wait", Type::Gauge)
                .sample(&labels, state.ready.len());
            page.family("workqueue_adds_total", "Keys added", Type::Counter)
                .sample(&labels, counted.adds);
            page.family("workqueue_retries_total", "Passes to repeat", Type::Counter)
                .sample(&labels, counted.retries);
            let names = (
                "workqueue_queue_duration_seconds",
                "Seconds that keys waited",
            );
            counted.waited.tell(page, names, &labels);
            let names = (
                "workqueue_work_duration_seconds",
                "Seconds that passes took",
            );
            counted.worked.tell(page, names, &labels);
            let running = state
                .running
                .values()
                .map(|taken| taken.elapsed().as_secs_f64());
            let longest = running.clone().fold(0.0, f64::max);
            let name = "workqueue_longest_running_processor_seconds";
            page.family(name, "Seconds of the longest pass under way", Type::Gauge)
                .sample(&labels, longest);
            let name = "workqueue_unfinished_work_seconds";
            page.family(name, "Seconds of all passes under way", Type::Gauge)
                .sample(&labels, running.sum::<f64>());
        });
    }

    /// Lets workers end.
    pub(crate) fn close(&self) {
        self.with(|state| state.closed = true);
        self.changed.notify_waiters();
        self.changed.notify_one();
    }
}

impl<K: Clone + Ord> Default for Queue<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Clone + Ord> State<K> {
    fn add(&mut self, key: K) {
        if self.running.contains_key(&key) {
            self.again.insert(key);
            return;
        }
        if let Some((_, news)) = self.outrun.get_mut(&key) {
            *news = News::Yes;
            return;
        }
        if !self.held.holds(&key) && !self.queued.contains_key(&key) {
            self.counted.adds += 1;
            self.queued.insert(key.clone(), Instant::now());
            self.ready.push_back(key);
        }
    }

    /// Moves what has become due into the ready list.
    fn ripen(&mut self, now: Instant) {
        let mut due: Vec<K> = Vec::new();
        self.outrun.retain(|key, (until, news)| {
            let over = *until <= now;
            if over && *news == News::Yes {
                due.push(key.clone());
            }
            !over
        });
        due.extend(std::iter::from_fn(|| self.wakes.take_due(now)));
        due.extend(std::iter::from_fn(|| self.held.take_due(now)));
        for key in due {
            self.add(key);
        }
    }

    fn take(&mut self) -> Taken<K> {
        if self.closed {
            return Taken::Closed;
        }
        let Some(key) = self.ready.pop_front() else {
            return Taken::Nothing;
        };
        let now = Instant::now();
        if let Some(added) = self.queued.remove(&key) {
            let waited = now.duration_since(added);
            self.counted.waited.observe(waited.as_secs_f64());
        }
        self.running.insert(key.clone(), now);
        Taken::Key(key)
    }

    fn next_instant(&self) -> Option<Instant> {
        let wake = self.wakes.first();
        let retry = self.held.first();
        let with_news = self.outrun.values().filter(|(_, news)| *news == News::Yes);
        let outrun = with_news.map(|(until, _)| *until).min();
        let all = [wake, retry, outrun];
        all.into_iter().flatten().min()
    }

    fn release(&mut self, key: &K, wake: Option<Instant>) {
        if let Some(taken) = self.running.remove(key) {
            self.counted.worked.observe(taken.elapsed().as_secs_f64());
        }
        self.wakes.set(key, wake);
        if self.again.remove(key) {
            self.add(key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_key_that_is_worked_on_is_taken_again_only_when_done() {
        let queue = Queue::new();
        queue.add("a");
        assert_eq!(queue.next().await, Some("a"));
        queue.add("a");
        queue.add("b");
        assert_eq!(queue.next().await, Some("b"));
        queue.done(&"a", None);
        assert_eq!(queue.next().await, Some("a"));
    }

    /// Keeps QUE-03.
    #[tokio::test(start_paused = true)]
    async fn a_failed_key_waits_longer_each_time_up_to_ten_seconds() {
        let queue = Queue::new();
        queue.add("a");
        let mut waits = Vec::new();
        for _ in 0..16 {
            let before = Instant::now();
            assert_eq!(queue.next().await, Some("a"));
            waits.push(before.elapsed().as_millis());
            queue.failed(&"a", None, Duration::ZERO);
            queue.add("a");
        }
        assert_eq!(waits[..4], [0, 1, 2, 4]);
        assert_eq!(waits.last(), Some(&10_000));
    }

    /// Fixes QUE-03.
    #[tokio::test(start_paused = true)]
    async fn a_key_waits_as_long_as_the_server_asks() {
        let queue = Queue::new();
        queue.add("a");
        queue.next().await;
        queue.failed(&"a", None, Duration::from_secs(7));
        queue.add("a");
        let before = Instant::now();
        assert_eq!(queue.next().await, Some("a"));
        assert_eq!(before.elapsed().as_secs(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_was_outrun_waits_a_little_whatever_changes_and_then_hears_news() {
        let queue = Queue::new();
        queue.add("a");
        queue.next().await;
        queue.add("a");
        queue.outrun(&"a", Duration::from_secs(10));
        let before = Instant::now();
        assert_eq!(queue.next().await, Some("a"));
        assert_eq!(before.elapsed().as_millis(), 50);
        queue.outrun(&"a", Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(1)).await;
        queue.add("a");
        assert_eq!(queue.next().await, Some("a"));
        assert_eq!(before.elapsed().as_millis(), 1_050);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wake_comes_at_its_instant() {
        let queue = Queue::new();
        queue.add("a");
        queue.next().await;
        queue.done(&"a", Some(Instant::now() + Duration::from_secs(30)));
        let before = Instant::now();
        assert_eq!(queue.next().await, Some("a"));
        assert_eq!(before.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_queue_ends_its_workers() {
        let queue: Queue<&str> = Queue::new();
        queue.close();
        assert_eq!(queue.next().await, None);
    }
}
