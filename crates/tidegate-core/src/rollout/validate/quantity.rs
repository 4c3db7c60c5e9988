//! Amounts of resources, as far as two of them must be compared.

use tidegate_api::quantity::Quantity;

/// Whether the amount is below zero.
pub(crate) fn is_negative(amount: &str) -> bool {
    Quantity::parse(amount).is_ok_and(|amount| amount.sign() < 0)
}

/// Whether the first amount is larger than the second. Amounts that nobody can read are not compared:
/// the API server refuses them.
pub(crate) fn exceeds(first: &str, second: &str) -> bool {
    match (Quantity::parse(first), Quantity::parse(second)) {
        (Ok(first), Ok(second)) => first > second,
        _ => false,
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
