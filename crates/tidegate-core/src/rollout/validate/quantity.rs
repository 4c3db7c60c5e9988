//! Amounts of resources, as far as two of them must be compared.

/// Whether the amount is below zero.
pub(crate) fn is_negative(amount: &str) -> bool {
    nanos(amount).is_some_and(|nanos| nanos < 0)
}

/// Whether the first amount is larger than the second. Amounts that nobody can read are not compared:
/// the API server refuses them.
pub(crate) fn exceeds(first: &str, second: &str) -> bool {
    match (nanos(first), nanos(second)) {
        (Some(first), Some(second)) => first > second,
        _ => false,
    }
}

/// The amount in units of 10^-9, the smallest that Kubernetes knows.
fn nanos(amount: &str) -> Option<i128> {
    let end = amount
        .find(|character: char| !matches!(character, '0'..='9' | '.' | '+' | '-'))
        .unwrap_or(amount.len());
    let (number, suffix) = amount.split_at(end);
    let negative = number.starts_with('-');
    let number = number.trim_start_matches(['+', '-']);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let places = u32::try_from(fraction.len()).ok()?;
    let unit = unit(suffix)?;
    let scaled = digits.checked_mul(unit)?;
    let divisor = 10_i128.checked_pow(places)?;
    Some(if negative { -scaled } else { scaled } / divisor)
}

fn unit(suffix: &str) -> Option<i128> {
    const NANO: i128 = 1;
    const ONE: i128 = 1_000_000_000;
    let decimal = |power: u32| 10_i128.checked_pow(power).map(|factor| factor * ONE);
    let binary = |power: u32| Some((1_i128 << (10 * power)) * ONE);
    match suffix {
        "n" => Some(NANO),
        "u" => Some(1_000),
        "m" => Some(1_000_000),
        "" => Some(ONE),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        exponent => {
            let power: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            match u32::try_from(power) {
                Ok(power) => 10_i128.checked_pow(power)?.checked_mul(ONE),
                Err(_) => ONE.checked_div(10_i128.checked_pow(power.unsigned_abs())?),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_compare_across_their_suffixes() {
        assert!(exceeds("2", "1"));
        assert!(exceeds("1001m", "1"));
        assert!(!exceeds("1000m", "1"));
        assert!(exceeds("1Gi", "1G"));
        assert!(exceeds("1e3", "999"));
        assert!(!exceeds("0.5", "500m"));
        assert!(is_negative("-1"));
        assert!(!is_negative("nonsense"));
    }
}
