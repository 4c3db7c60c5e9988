//! Counts by size.

use super::text::{Page, Type};

/// Upper bounds, in order.
pub(crate) type Buckets = &'static [f64];

/// How many were at most how large.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    bounds: Buckets,
    /// By the smallest bound that holds it; the last one is for what is larger than all.
    counts: Box<[u64]>,
    sum: f64,
}

impl Histogram {
    /// One that has counted nothing.
    pub(crate) fn new(bounds: Buckets) -> Self {
        Self {
            bounds,
            counts: vec![0; bounds.len() + 1].into_boxed_slice(),
            sum: 0.0,
        }
    }

    /// Counts one.
    pub(crate) fn observe(&mut self, value: f64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.sum += value;
    }

    /// Writes its series.
    pub(crate) fn tell(
        &self,
        page: &mut Page,
        (name, help): (&'static str, &str),
        labels: &[(&str, &str)],
    ) {
        let family = page.family(name, help, Type::Histogram);
        let mut below = 0;
        let bounds = self.bounds.iter().map(|bound| bound_text(*bound));
        for (count, bound) in self.counts.iter().zip(bounds.chain(["+Inf".to_owned()])) {
            below += count;
            let mut labels = labels.to_vec();
            labels.push(("le", &bound));
            family.sample_of("_bucket", &labels, &below);
        }
        family.sample_of("_sum", labels, &self.sum);
        family.sample_of("_count", labels, &below);
    }
}

/// A bound as Go prints it.
fn bound_text(bound: f64) -> String {
    if bound != 0.0 && bound < 1e-4 {
        let text = format!("{bound:e}");
        // Go writes two digits of the exponent.
        return text.replace("e-", "e-0");
    }
    bound.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_for_every_bound_that_holds_it() {
        let mut histogram = Histogram::new(&[1e-6, 0.5, 30.0]);
        for value in [0.25, 0.5, 40.0] {
            histogram.observe(value);
        }
        let mut page = Page::default();
        histogram.tell(&mut page, ("t", "Times"), &[("a", "b")]);
        assert_eq!(
            page.into_text(),
            "# HELP t Times\n# TYPE t histogram\n\
             t_bucket{a=\"b\",le=\"1e-06\"} 0\nt_bucket{a=\"b\",le=\"0.5\"} 2\n\
             t_bucket{a=\"b\",le=\"30\"} 2\nt_bucket{a=\"b\",le=\"+Inf\"} 3\n\
             t_sum{a=\"b\"} 40.75\nt_count{a=\"b\"} 3\n"
        );
    }
}
