//! Kubernetes' quantities: `500m`, `1.5Gi`, `1e3`. Parsed exactly, printed as Kubernetes prints them,
//! which is part of the pod template's hash.

mod digits;
mod read;

use std::{cmp::Ordering, fmt};

use digits::{Digits, Sign};

/// The notation a quantity was written in, which it keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Powers of 1024: `Ki` … `Ei`.
    Binary,
    /// Powers of 1000: `n` … `E`.
    #[default]
    Decimal,
    /// `e3`, `E-6`.
    Exponent,
}

impl Format {
    /// Kubernetes' name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary => "BinarySI",
            Self::Decimal => "DecimalSI",
            Self::Exponent => "DecimalExponent",
        }
    }
}

/// A text that is no quantity; prints Kubernetes' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseQuantityError {
    /// Not a number with a suffix.
    Form,
    /// A suffix that is not known.
    Suffix,
}

impl fmt::Display for ParseQuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => {
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            }
            Self::Suffix => "unable to parse quantity's suffix",
        })
    }
}

impl std::error::Error for ParseQuantityError {}

/// An amount in a notation. The default is the zero of Kubernetes' library, which prints `0`.
#[derive(Clone, Debug, Default)]
pub struct Quantity {
    sign: Sign,
    /// The amount is `digits * 10^-places`.
    digits: Digits,
    places: i32,
    format: Format,
    precision: Precision,
    /// The text as it was written, where it passes for canonical.
    text: Option<String>,
}

/// How Kubernetes' library holds the amount, which shows where it overflows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Precision {
    /// A 64-bit number with a scale.
    #[default]
    Word,
    /// Any number of digits.
    Unlimited,
}

impl Quantity {
    /// Reads a quantity; blanks around it do not matter.
    ///
    /// # Errors
    /// When the text is no number with a suffix, or the suffix is not known. Differs from upstream:
    /// exponents beyond 10,000 are refused, because their digits would fill the memory.
    pub fn parse(text: &str) -> Result<Self, ParseQuantityError> {
        read::read(text.trim())
    }

    /// The notation.
    pub fn format(&self) -> Format {
        self.format
    }

    /// -1, 0 or 1.
    pub fn sign(&self) -> i32 {
        match (self.digits.is_zero(), self.sign) {
            (true, _) => 0,
            (false, Sign::Positive) => 1,
            (false, Sign::Negative) => -1,
        }
    }

    /// The amount as a plain decimal number with the places it is held in.
    pub fn decimal(&self) -> String {
        let sign = if self.sign() < 0 { "-" } else { "" };
        format!("{sign}{}", self.digits.with_places(self.places))
    }

    /// The amount as a float; the last digit may be off, as in Kubernetes.
    pub fn approximate(&self) -> f64 {
        let base: f64 = self
            .digits
            .to_string()
            .parse()
            // Digits are always a number.
            .unwrap_or_default();
        let base = if self.sign() < 0 { -base } else { base };
        if self.places == 0 {
            return base;
        }
        let power: f64 = format!("1e{}", -self.places).parse().unwrap_or_default();
        base * power
    }

    /// The amount in whole units, rounded up; beyond 64 bits it overflows as upstream's does.
    pub fn units(&self) -> i64 {
        self.scaled(0)
    }

    /// The amount in thousandths, rounded up; beyond 64 bits it overflows as upstream's does.
    pub fn thousandths(&self) -> i64 {
        self.scaled(3)
    }

    fn scaled(&self, places: i32) -> i64 {
        let excess = self.places - places;
        match (self.precision, excess) {
            (Precision::Word, ..0) => self.scaled_up(excess.unsigned_abs()),
            (Precision::Word, _) => {
                let (quotient, _) = self.digits.without_places(excess.unsigned_abs());
                quotient.wrapped(self.sign)
            }
            (Precision::Unlimited, ..0) => {
                let power = match excess.unsigned_abs() {
                    exponent @ 0..=18 => 10_i64.pow(exponent),
                    _ => i64::MIN,
                };
                self.digits.wrapped(self.sign).wrapping_mul(power)
            }
            (Precision::Unlimited, 0) => self.digits.wrapped(self.sign),
            (Precision::Unlimited, _) => self.scaled_down(excess.unsigned_abs()),
        }
    }

    /// What overflows is cut to 64 bits by the library's quick multiplications, and 0 by the others.
    fn scaled_up(&self, places: u32) -> i64 {
        let product = self.digits.shifted(places);
        let is_quick = matches!(places, 1 | 2 | 3 | 6 | 9);
        match product.to_word(self.sign) {
            Some(word) => word,
            None if is_quick => product.wrapped(self.sign),
            None => 0,
        }
    }

    /// The library adds one to whatever the division gave, and cuts negative amounts to 64 bits first.
    fn scaled_down(&self, places: u32) -> i64 {
        let (rounded_up, rest) = self.digits.without_places(places);
        if self.sign == Sign::Positive {
            return rounded_up.wrapped(Sign::Positive);
        }
        let shifted = match rest {
            digits::Rest::Nothing => 0,
            digits::Rest::Something => 1,
        };
        match places {
            0..=18 => {
                let cut = self.digits.wrapped(Sign::Negative);
                let power = 10_i64.pow(places);
                cut / power + i64::from(cut % power != 0)
            }
            _ => rounded_up.wrapped(Sign::Negative).wrapping_add(shifted),
        }
    }

    /// The amount, rounded away from zero to thousandths; what needs no rounding keeps its text where
    /// it had one.
    #[must_use]
    pub fn rounded_up_to_thousandths(&self) -> Self {
        if self.precision == Precision::Word && self.places <= 3 {
            return self.clone();
        }
        Self {
            digits: self.digits.at_places(self.places, 3),
            places: 3,
            text: None,
            ..self.clone()
        }
    }

    /// The sum; a zero takes the other one's notation.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.combined(other, other.sign)
    }

    /// The difference; a zero takes the other one's notation.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let turned = match other.sign {
            Sign::Positive => Sign::Negative,
            Sign::Negative => Sign::Positive,
        };
        self.combined(other, turned)
    }

    fn combined(&self, other: &Self, sign: Sign) -> Self {
        let places = self.places.max(other.places);
        let first = self.digits.at_places(self.places, places);
        let second = other.digits.at_places(other.places, places);
        let (sign, digits) = if self.sign == sign {
            (sign, first.plus(&second))
        } else if first.compare(&second) == Ordering::Less {
            (sign, second.minus(&first))
        } else {
            (self.sign, first.minus(&second))
        };
        Self {
            sign,
            digits,
            places,
            format: if self.digits.is_zero() {
                other.format
            } else {
                self.format
            },
            precision: Precision::Unlimited,
            text: None,
        }
    }

    fn is_whole(&self) -> bool {
        self.places <= 0
            || self.digits.without_places(self.places.unsigned_abs()).1 == digits::Rest::Nothing
    }

    fn size_compared_to(&self, number: u64) -> Ordering {
        let number = Digits::from(number);
        let places = self.places.max(0);
        let size = self.digits.at_places(self.places, places);
        size.compare(&number.at_places(0, places))
    }
}

/// By amount, whatever the notation.
impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By amount, whatever the notation.
impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_sign = self.sign().cmp(&other.sign());
        if by_sign != Ordering::Equal {
            return by_sign;
        }
        let places = self.places.max(other.places);
        let first = self.digits.at_places(self.places, places);
        let second = other.digits.at_places(other.places, places);
        let by_size = first.compare(&second);
        if self.sign() < 0 {
            by_size.reverse()
        } else {
            by_size
        }
    }
}

/// In Kubernetes' canonical form, or as it was written where that passes for canonical.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = &self.text {
            return f.write_str(text);
        }
        if self.digits.is_zero() {
            return f.write_str("0");
        }
        let sign = if self.sign == Sign::Negative { "-" } else { "" };
        let is_binary = self.format == Format::Binary
            && self.size_compared_to(1024) != Ordering::Less
            && self.is_whole();
        if is_binary {
            let whole = self.digits.at_places(self.places, 0);
            let (number, power) = whole.without_factors_of_1024();
            return write!(f, "{sign}{number}{}", binary_suffix(power));
        }
        let (number, power) = self.digits.in_thousands(self.places);
        write!(f, "{sign}{number}")?;
        match self.format {
            Format::Exponent if power == 0 => Ok(()),
            Format::Exponent => write!(f, "e{power}"),
            Format::Decimal | Format::Binary => f.write_str(decimal_suffix(power)),
        }
    }
}

fn binary_suffix(power: u32) -> &'static str {
    match power {
        1 => "Ki",
        2 => "Mi",
        3 => "Gi",
        4 => "Ti",
        5 => "Pi",
        6 => "Ei",
        // Units have none; the library knows no larger one and writes none.
        _ => "",
    }
}

fn decimal_suffix(power: i32) -> &'static str {
    match power {
        -9 => "n",
        -6 => "u",
        -3 => "m",
        3 => "k",
        6 => "M",
        9 => "G",
        12 => "T",
        15 => "P",
        18 => "E",
        // Zero has none; beyond E the library writes none, so that 47000E comes out as 47.
        _ => "",
    }
}

/// A number of whole units.
impl From<i64> for Quantity {
    fn from(number: i64) -> Self {
        Self {
            sign: if number < 0 {
                Sign::Negative
            } else {
                Sign::Positive
            },
            digits: Digits::from(number.unsigned_abs()),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> Quantity {
        Quantity::parse(text).unwrap()
    }

    #[test]
    fn quantities_print_as_kubernetes_prints_them() {
        let cases = [
            ("1000m", "1"),
            ("1.5", "1500m"),
            ("1.5Gi", "1536Mi"),
            ("1024Ki", "1Mi"),
            ("1e4", "10e3"),
            ("0.1Ki", "102400m"),
            ("47000E", "47"),
            ("8Ei", "9223372036854775807"),
            ("0.0000000001", "1n"),
            ("-0.5", "-500m"),
            (" 2 ", "2"),
            ("0m", "0"),
            ("1023Ki", "1023Ki"),
        ];
        for (written, printed) in cases {
            assert_eq!(quantity(written).to_string(), printed, "{written}");
        }
    }

    #[test]
    fn texts_that_pass_for_canonical_are_kept() {
        for text in ["1.234", "123.456k", "+1", "1E3", "007Ki", "1025Ki", "1e+3"] {
            assert_eq!(quantity(text).to_string(), text);
        }
    }

    #[test]
    fn quantities_compare_by_amount() {
        assert_eq!(quantity("1000m"), quantity("1"));
        assert_ne!(quantity("1Gi"), quantity("1G"));
        assert!(quantity("-2") < quantity("-1"));
        assert!(quantity("1e100") > quantity("8Ei"));
    }

    #[test]
    fn sums_take_the_first_notation() {
        assert_eq!(
            quantity("1Gi").plus(&quantity("1")).to_string(),
            "1073741825"
        );
        assert_eq!(quantity("1").minus(&quantity("1500m")).to_string(), "-500m");
        assert_eq!(quantity("0").plus(&quantity("1Ki")).to_string(), "1Ki");
    }

    #[test]
    fn what_is_no_quantity_is_refused_in_words_of_kubernetes() {
        for text in ["", "a", "1 000", "0x10", "1Kib"] {
            assert_eq!(Quantity::parse(text).unwrap_err(), ParseQuantityError::Form);
        }
        for text in ["1e", "--1", "1K", "1e99999"] {
            let error = Quantity::parse(text).unwrap_err();
            assert_eq!(error, ParseQuantityError::Suffix);
        }
    }

    #[test]
    fn parts_of_units_round_up() {
        assert_eq!(quantity("1.1").units(), 2);
        assert_eq!(quantity("100m").thousandths(), 100);
        assert_eq!(quantity("1u").thousandths(), 1);
    }
}
