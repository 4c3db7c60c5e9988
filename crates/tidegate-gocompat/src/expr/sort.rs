//! Sorting with a comparison that may fail, and that need not be an order (NaN): the standard library's sorts may panic on such.

/// Which end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Ascending,
    Descending,
}

impl Direction {
    /// The direction of its name in expressions.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "asc" => Some(Self::Ascending),
            "desc" => Some(Self::Descending),
            _ => None,
        }
    }
}

/// Runs of this length are sorted by insertion, as Go sorts short lists: with NaN the result depends on the method.
const RUN: usize = 12;

/// Sorts stably by `is_less`.
///
/// # Errors
/// The first of `is_less`.
pub(super) fn sort_by<T: Clone>(
    mut items: Vec<T>,
    direction: Direction,
    mut is_less: impl FnMut(&T, &T) -> Result<bool, String>,
) -> Result<Vec<T>, String> {
    let mut before = |one: &T, other: &T| match direction {
        Direction::Ascending => is_less(one, other),
        Direction::Descending => is_less(other, one),
    };
    for run in items.chunks_mut(RUN) {
        for end in 1..run.len() {
            let mut place = end;
            while place > 0 && before(&run[place], &run[place - 1])? {
                run.swap(place, place - 1);
                place -= 1;
            }
        }
    }
    let mut width = RUN;
    while width < items.len() {
        let mut merged = Vec::with_capacity(items.len());
        for pair in items.chunks(2 * width) {
            let (left, right) = pair.split_at(width.min(pair.len()));
            merge(left, right, &mut before, &mut merged)?;
        }
        items = merged;
        width *= 2;
    }
    Ok(items)
}

fn merge<T: Clone>(
    mut left: &[T],
    mut right: &[T],
    before: &mut impl FnMut(&T, &T) -> Result<bool, String>,
    out: &mut Vec<T>,
) -> Result<(), String> {
    while let ([first_left, rest_left @ ..], [first_right, rest_right @ ..]) = (left, right) {
        if before(first_right, first_left)? {
            out.push(first_right.clone());
            right = rest_right;
        } else {
            out.push(first_left.clone());
            left = rest_left;
        }
    }
    out.extend_from_slice(left);
    out.extend_from_slice(right);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_sorted_stably() {
        let items: Vec<(u32, u32)> = (0..1_000)
            .map(|index| (index * 7_919 % 10, index))
            .collect();
        let mut expected = items.clone();
        expected.sort_by_key(|(key, _)| *key);
        let sorted = sort_by(
            items,
            Direction::Ascending,
            |one, other| Ok(one.0 < other.0),
        );
        assert_eq!(sorted.unwrap(), expected);
    }

    #[test]
    fn a_comparison_that_contradicts_itself_ends_all_the_same() {
        let sorted = sort_by((0..100).collect(), Direction::Descending, |_, _| Ok(true));
        assert_eq!(sorted.unwrap().len(), 100);
    }
}
