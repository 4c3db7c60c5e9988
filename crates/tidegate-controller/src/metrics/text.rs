//! Prometheus' text format, version 0.0.4.

use std::{collections::BTreeMap, fmt::Write as _};

/// A page of metrics, its families in order of their names.
#[derive(Debug, Default)]
pub(crate) struct Page {
    families: BTreeMap<&'static str, Family>,
}

/// All series of one name.
#[derive(Debug)]
pub(crate) struct Family {
    name: &'static str,
    text: String,
}

/// What a family is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Type {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It counts by size.
    Histogram,
}

impl Type {
    fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A value as the format writes it.
pub(crate) trait Number: Copy {
    /// Appends it.
    fn write(&self, text: &mut String);
}

/// Whole numbers print themselves.
macro_rules! whole {
    ($($kind:ty),+) => {
        $(impl Number for $kind {
            fn write(&self, text: &mut String) {
                // Writing to a String cannot fail.
                let _ = write!(text, "{self}");
            }
        })+
    };
}

whole!(u64, i64, i32, usize);

impl Number for f64 {
    fn write(&self, text: &mut String) {
        let _ = write!(text, "{self}");
    }
}

/// Seconds as a floating-point number; exact for the next 300,000 years.
pub(crate) fn number(seconds: i64) -> f64 {
    f64::from(i32::try_from(seconds).unwrap_or(i32::MAX))
}

impl Page {
    /// The family of this name.
    pub(crate) fn family(&mut self, name: &'static str, help: &str, kind: Type) -> &mut Family {
        self.families.entry(name).or_insert_with(|| Family {
            name,
            text: format!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.as_str()),
        })
    }

    /// The whole page.
    pub(crate) fn into_text(self) -> String {
        let mut text = String::new();
        for family in self.families.into_values() {
            text.push_str(&family.text);
        }
        text
    }
}

impl Family {
    /// Adds a series with its value.
    pub(crate) fn sample(&mut self, labels: &[(&str, &str)], value: impl Number) {
        self.sample_of("", labels, &value);
    }

    /// Adds a series of a histogram's part, such as `_sum`.
    pub(crate) fn sample_of(&mut self, part: &str, labels: &[(&str, &str)], value: &impl Number) {
        let text = &mut self.text;
        text.push_str(self.name);
        text.push_str(part);
        for (place, (name, value)) in labels.iter().enumerate() {
            text.push(if place == 0 { '{' } else { ',' });
            text.push_str(name);
            text.push_str("=\"");
            for letter in value.chars() {
                match letter {
                    '\\' => text.push_str("\\\\"),
                    '"' => text.push_str("\\\""),
                    '\n' => text.push_str("\\n"),
                    letter => text.push(letter),
                }
            }
            text.push('"');
        }
        text.push_str(if labels.is_empty() { " " } else { "} " });
        value.write(text);
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_prometheus_reads() {
        let mut page = Page::default();
        page.family("b_total", "Second", Type::Counter)
            .sample(&[], 3_u64);
        let first = page.family("a", "First", Type::Gauge);
        first.sample(&[("name", "a\"b\\c\nd"), ("phase", "")], 0.5);
        first.sample(&[("name", "x")], -1_i64);
        assert_eq!(
            page.into_text(),
            "# HELP a First\n# TYPE a gauge\na{name=\"a\\\"b\\\\c\\nd\",phase=\"\"} 0.5\na{name=\"x\"} -1\n\
             # HELP b_total Second\n# TYPE b_total counter\nb_total 3\n"
        );
    }
}
