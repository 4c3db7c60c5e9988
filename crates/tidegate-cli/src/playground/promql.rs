//! As much of Prometheus' query language as questions about requests need: `rate` of a selected
//! counter, `sum` by labels, `histogram_quantile`, numbers and the four operations between them. What
//! goes beyond is refused rather than guessed.

use std::collections::BTreeMap;

use promql_parser::{
    label::Matchers,
    parser::{AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorSelector, parse, token},
};

/// Labels of a series, by name.
pub(super) type Labels = BTreeMap<String, String>;

/// A counter that grows steadily.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Counter {
    /// The metric's name.
    pub(super) name: &'static str,
    /// Its labels.
    pub(super) labels: Labels,
    /// How much it grows in a second.
    pub(super) rate: f64,
}

/// What a query comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// A number.
    Scalar(f64),
    /// Samples with their labels.
    Vector(Vec<(Labels, f64)>),
}

/// Answers a query from counters.
///
/// # Errors
/// When it is no query, or asks for what is not known here.
pub(super) fn evaluate(query: &str, counters: &[Counter]) -> Result<Outcome, String> {
    outcome(&parse(query)?, counters)
}

fn outcome(expr: &Expr, counters: &[Counter]) -> Result<Outcome, String> {
    match expr {
        Expr::NumberLiteral(number) => Ok(Outcome::Scalar(number.val)),
        Expr::Paren(inner) => outcome(&inner.expr, counters),
        Expr::Call(call) => function(call, counters),
        Expr::Aggregate(aggregate) => sum(aggregate, counters),
        Expr::Binary(binary) => arithmetic(binary, counters),
        Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::Unary(_)
        | Expr::Subquery(_)
        | Expr::StringLiteral(_)
        | Expr::Extension(_) => Err(unknown(&expr.to_string())),
    }
}

fn unknown(what: &str) -> String {
    format!(
        "the playground cannot answer {what}: it knows rate, sum, histogram_quantile, numbers and + - * /"
    )
}

fn function(call: &Call, counters: &[Counter]) -> Result<Outcome, String> {
    let arguments: Vec<&Expr> = call.args.args.iter().map(AsRef::as_ref).collect();
    match (call.func.name, arguments.as_slice()) {
        ("rate" | "irate", [Expr::MatrixSelector(matrix)]) => {
            Ok(Outcome::Vector(rates(&matrix.vs, counters)?))
        }
        ("histogram_quantile", [quantile, buckets]) => {
            match (outcome(quantile, counters)?, outcome(buckets, counters)?) {
                (Outcome::Scalar(quantile), Outcome::Vector(buckets)) => {
                    Ok(Outcome::Vector(quantiles(quantile, buckets)))
                }
                _ => Err("histogram_quantile takes a number and buckets".to_owned()),
            }
        }
        (name, _) => Err(unknown(name)),
    }
}

fn rates(selector: &VectorSelector, counters: &[Counter]) -> Result<Vec<(Labels, f64)>, String> {
    if selector.offset.is_some() || selector.at.is_some() {
        return Err(unknown("questions about the past"));
    }
    let selected = counters.iter().filter(|counter| {
        let named = selector.name.as_ref();
        named.is_none_or(|name| name == counter.name) && selects(&selector.matchers, counter)
    });
    Ok(selected
        .map(|counter| (counter.labels.clone(), counter.rate))
        .collect())
}

fn selects(matchers: &Matchers, counter: &Counter) -> bool {
    let all = |list: &[promql_parser::label::Matcher]| {
        list.iter().all(|matcher| {
            let value = match matcher.name.as_str() {
                "__name__" => counter.name,
                name => counter.labels.get(name).map_or("", String::as_str),
            };
            matcher.is_match(value)
        })
    };
    let alternatives = &matchers.or_matchers;
    all(&matchers.matchers)
        && (alternatives.is_empty() || alternatives.iter().any(|list| all(list)))
}

fn sum(aggregate: &AggregateExpr, counters: &[Counter]) -> Result<Outcome, String> {
    if aggregate.op.id() != token::T_SUM {
        return Err(unknown(&aggregate.op.to_string()));
    }
    let Outcome::Vector(samples) = outcome(&aggregate.expr, counters)? else {
        return Err("sum takes samples, not a number".to_owned());
    };
    let mut sums: BTreeMap<Labels, f64> = BTreeMap::new();
    for (mut labels, value) in samples {
        labels.retain(|name, _| match &aggregate.modifier {
            None => false,
            Some(LabelModifier::Include(kept)) => kept.labels.contains(name),
            Some(LabelModifier::Exclude(dropped)) => !dropped.labels.contains(name),
        });
        *sums.entry(labels).or_default() += value;
    }
    Ok(Outcome::Vector(sums.into_iter().collect()))
}

fn arithmetic(binary: &BinaryExpr, counters: &[Counter]) -> Result<Outcome, String> {
    let operation: fn(f64, f64) -> f64 = match binary.op.id() {
        token::T_ADD => |left, right| left + right,
        token::T_SUB => |left, right| left - right,
        token::T_MUL => |left, right| left * right,
        token::T_DIV => |left, right| left / right,
        _ => return Err(unknown(&binary.op.to_string())),
    };
    if binary.modifier.is_some() {
        return Err(unknown("on, ignoring and bool"));
    }
    let (left, right) = (
        outcome(&binary.lhs, counters)?,
        outcome(&binary.rhs, counters)?,
    );
    Ok(match (left, right) {
        (Outcome::Scalar(left), Outcome::Scalar(right)) => Outcome::Scalar(operation(left, right)),
        (Outcome::Vector(left), Outcome::Scalar(right)) => {
            Outcome::Vector(map(left, |value| operation(value, right)))
        }
        (Outcome::Scalar(left), Outcome::Vector(right)) => {
            Outcome::Vector(map(right, |value| operation(left, value)))
        }
        (Outcome::Vector(left), Outcome::Vector(right)) => {
            let right: BTreeMap<Labels, f64> = right.into_iter().collect();
            let both = left.into_iter().filter_map(|(labels, left)| {
                let right = *right.get(&labels)?;
                Some((labels, operation(left, right)))
            });
            Outcome::Vector(both.collect())
        }
    })
}

fn map(samples: Vec<(Labels, f64)>, act: impl Fn(f64) -> f64) -> Vec<(Labels, f64)> {
    let samples = samples.into_iter();
    samples
        .map(|(labels, value)| (labels, act(value)))
        .collect()
}

/// One quantile for each set of labels besides `le`.
fn quantiles(quantile: f64, buckets: Vec<(Labels, f64)>) -> Vec<(Labels, f64)> {
    let mut groups: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    for (mut labels, count) in buckets {
        let bound = labels.remove("le").and_then(|bound| match bound.as_str() {
            "+Inf" => Some(f64::INFINITY),
            number => number.parse().ok(),
        });
        if let Some(bound) = bound {
            groups.entry(labels).or_default().push((bound, count));
        }
    }
    groups
        .into_iter()
        .map(|(labels, mut buckets)| {
            buckets.sort_by(|left, right| left.0.total_cmp(&right.0));
            (labels, interpolated(quantile, &buckets))
        })
        .collect()
}

/// Where in its bucket the quantile lies if values are spread evenly in it, as Prometheus assumes.
fn interpolated(quantile: f64, buckets: &[(f64, f64)]) -> f64 {
    let all = buckets.last().map_or(0.0, |(_, count)| *count);
    if all <= 0.0 {
        return f64::NAN;
    }
    let rank = quantile * all;
    let mut below = (0.0, 0.0);
    for (bound, count) in buckets {
        if *count >= rank {
            if bound.is_infinite() {
                return below.0;
            }
            let inside = count - below.1;
            let share = if inside > 0.0 {
                (rank - below.1) / inside
            } else {
                1.0
            };
            return below.0 + (bound - below.0) * share;
        }
        below = (*bound, *count);
    }
    below.0
}

#[cfg(test)]
mod tests {
    use super::{Counter, Labels, Outcome, evaluate};

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn counters() -> Vec<Counter> {
        let counter = |name, pairs: &[_], rate| Counter {
            name,
            labels: labels(pairs),
            rate,
        };
        vec![
            counter("requests", &[("service", "a"), ("status", "200")], 9.0),
            counter("requests", &[("service", "a"), ("status", "500")], 1.0),
            counter("requests", &[("service", "b"), ("status", "200")], 5.0),
            counter("took", &[("le", "100")], 50.0),
            counter("took", &[("le", "200")], 100.0),
            counter("took", &[("le", "+Inf")], 100.0),
        ]
    }

    fn vector(query: &str) -> Vec<(Labels, f64)> {
        match evaluate(query, &counters()) {
            Ok(Outcome::Vector(samples)) => samples,
            other => panic!("{query}: {other:?}"),
        }
    }

    #[test]
    fn shares_and_quantiles_come_out() {
        let share = r#"sum(rate(requests{service="a",status=~"2.."}[2m]))
            / sum(rate(requests{service="a"}[2m]))"#;
        assert_eq!(vector(share), [(Labels::new(), 0.9)]);
        let p99 = "histogram_quantile(0.75, sum by (le) (rate(took[5m])))";
        assert_eq!(vector(p99), [(Labels::new(), 150.0)]);
        let each = "100 * sum by (service) (rate(requests[1m]))";
        assert_eq!(
            vector(each),
            [
                (labels(&[("service", "a")]), 1000.0),
                (labels(&[("service", "b")]), 500.0)
            ]
        );
        assert_eq!(vector(r#"sum(rate(requests{service="none"}[2m]))"#), []);
        assert_eq!(evaluate("1 + 2 * 3", &[]), Ok(Outcome::Scalar(7.0)));
    }

    #[test]
    fn what_goes_beyond_is_refused() {
        for query in [
            "requests",
            "max(rate(requests[2m]))",
            "rate(requests[2m] offset 1h)",
            "rate(requests[2m]) > 1",
            "sum(",
            "",
        ] {
            assert!(evaluate(query, &counters()).is_err(), "{query}");
        }
    }
}
