//! What a run may use up, and what it is given.

use std::collections::BTreeMap;

use super::super::pattern::Pattern;
use crate::time::Time;

/// Items a run may keep in lists and maps it makes: upstream's budget.
const MAX_ITEMS: usize = 1_000_000;

/// Steps a run may take, a step being one part of the expression or one item. Upstream has no such limit; every expression that
/// respects its memory budget without nesting loops stays below, and the limit is reached within a second or two.
const MAX_STEPS: u64 = 4_000_000;

/// Bytes of text that cost one step, so that texts cannot grow beyond 64 MB in all.
const BYTES_PER_STEP: usize = 16;

/// Compiling an expression costs as much as this many steps.
const PATTERN_STEPS: u64 = 2_000;

/// Patterns kept from one use to the next.
const MAX_PATTERNS: usize = 8;

/// The budget of a run, and its clock.
#[derive(Debug)]
pub(in crate::expr) struct Means {
    now: Time,
    steps_left: u64,
    items_left: usize,
    patterns: BTreeMap<Vec<u8>, Pattern>,
}

impl Means {
    /// A whole budget, at an instant.
    pub(in crate::expr) fn new(now: Time) -> Self {
        Self {
            now,
            steps_left: MAX_STEPS,
            items_left: MAX_ITEMS,
            patterns: BTreeMap::new(),
        }
    }

    /// The instant of the run.
    pub(in crate::expr) fn now(&self) -> &Time {
        &self.now
    }

    /// Takes one step.
    pub(in crate::expr) fn step(&mut self) -> Result<(), String> {
        self.steps(1)
    }

    /// Takes so many steps.
    pub(in crate::expr) fn steps(&mut self, count: usize) -> Result<(), String> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.spend(count)
    }

    fn spend(&mut self, steps: u64) -> Result<(), String> {
        self.steps_left = self
            .steps_left
            .checked_sub(steps)
            .ok_or("step budget exceeded")?;
        Ok(())
    }

    /// Keeps so many items in memory.
    pub(in crate::expr) fn keep(&mut self, items: usize) -> Result<(), String> {
        self.steps(items)
            .map_err(|_| "memory budget exceeded".to_owned())?;
        // The last item of the budget is not to be had.
        self.items_left = self
            .items_left
            .checked_sub(items)
            .filter(|left| *left > 0)
            .ok_or("memory budget exceeded")?;
        Ok(())
    }

    /// Makes or walks through a text of so many bytes.
    pub(in crate::expr) fn text(&mut self, bytes: usize) -> Result<(), String> {
        self.steps(bytes / BYTES_PER_STEP)
            .map_err(|_| "memory budget exceeded".to_owned())
    }

    /// How many bytes of text the budget still allows.
    pub(in crate::expr) fn text_left(&self) -> usize {
        usize::try_from(self.steps_left)
            .unwrap_or(usize::MAX)
            .saturating_mul(BYTES_PER_STEP)
    }

    /// How many steps the budget still allows.
    pub(in crate::expr) fn steps_left(&self) -> usize {
        usize::try_from(self.steps_left).unwrap_or(usize::MAX)
    }

    /// A pattern, compiled or remembered.
    pub(in crate::expr) fn pattern(&mut self, pattern: &[u8]) -> Result<Pattern, String> {
        if let Some(known) = self.patterns.get(pattern) {
            return Ok(known.clone());
        }
        self.spend(PATTERN_STEPS)?;
        self.text(pattern.len().saturating_mul(BYTES_PER_STEP))?;
        let compiled = Pattern::compile(pattern)?;
        if self.patterns.len() >= MAX_PATTERNS {
            self.patterns.pop_first();
        }
        self.patterns.insert(pattern.to_vec(), compiled.clone());
        Ok(compiled)
    }
}
