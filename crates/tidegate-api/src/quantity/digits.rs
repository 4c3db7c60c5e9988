//! Natural numbers of any size, digit by digit: quantities are short, but may be longer than a word.

use std::{cmp::Ordering, fmt};

/// A natural number: decimal digits, the most significant one first, without leading zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Digits(Vec<u8>);

/// The side of zero a number stands on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sign {
    #[default]
    Positive,
    Negative,
}

/// What a division left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    Nothing,
    Something,
}

impl Digits {
    /// Reads the digits before and behind a point.
    pub(super) fn parse(whole: &str, fraction: &str) -> Self {
        let digits = whole.bytes().chain(fraction.bytes());
        Self::trimmed(digits.map(|byte| byte.wrapping_sub(b'0')).collect())
    }

    fn trimmed(mut digits: Vec<u8>) -> Self {
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        digits.drain(..zeros);
        Self(digits)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let by_length = self.0.len().cmp(&other.0.len());
        by_length.then_with(|| self.0.cmp(&other.0))
    }

    /// Times a power of ten.
    pub(super) fn shifted(&self, power: u32) -> Self {
        let mut digits = self.0.clone();
        if !self.is_zero() {
            let zeros = usize::try_from(power).expect("a word holds 32 bits");
            digits.resize(digits.len() + zeros, 0);
        }
        Self(digits)
    }

    /// Divided by a power of ten, rounded up.
    pub(super) fn without_places(&self, places: u32) -> (Self, Rest) {
        let places = usize::try_from(places).expect("a word holds 32 bits");
        let kept = self.0.len().saturating_sub(places);
        let (quotient, cut) = self.0.split_at(kept);
        let quotient = Self(quotient.to_vec());
        if cut.iter().all(|digit| *digit == 0) {
            return (quotient, Rest::Nothing);
        }
        (quotient.plus(&Self(vec![1])), Rest::Something)
    }

    /// The same amount with other places behind the point; what does not fit is rounded up.
    pub(super) fn at_places(&self, from: i32, to: i32) -> Self {
        if to >= from {
            self.shifted(to.abs_diff(from))
        } else {
            self.without_places(to.abs_diff(from)).0
        }
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let length = self.0.len().max(other.0.len()) + 1;
        let mut sum = vec![0; length];
        let mut carry = 0;
        for (index, slot) in sum.iter_mut().rev().enumerate() {
            let digit = self.digit_at(index) + other.digit_at(index) + carry;
            *slot = digit % 10;
            carry = digit / 10;
        }
        Self::trimmed(sum)
    }

    /// The difference to a number that is not larger.
    pub(super) fn minus(&self, other: &Self) -> Self {
        let mut difference = vec![0; self.0.len()];
        let mut borrowed = 0;
        for (index, slot) in difference.iter_mut().rev().enumerate() {
            let taken = other.digit_at(index) + borrowed;
            let digit = self.digit_at(index);
            borrowed = u8::from(digit < taken);
            *slot = digit + 10 * borrowed - taken;
        }
        Self::trimmed(difference)
    }

    fn digit_at(&self, index: usize) -> u8 {
        self.0.iter().rev().nth(index).copied().unwrap_or(0)
    }

    pub(super) fn times_power_of_two(&self, power: u32) -> Self {
        let mut product = self.clone();
        for _ in 0..power {
            product = product.plus(&product);
        }
        product
    }

    /// Divided by 1024 as often as it goes, and how often that was.
    pub(super) fn without_factors_of_1024(&self) -> (Self, u32) {
        let mut number = self.clone();
        let mut power = 0;
        while !number.is_zero() {
            let (quotient, rest) = number.divided_by_1024();
            if rest != 0 {
                break;
            }
            number = quotient;
            power += 1;
        }
        (number, power)
    }

    fn divided_by_1024(&self) -> (Self, u32) {
        let mut rest = 0;
        let mut quotient = Vec::with_capacity(self.0.len());
        for digit in &self.0 {
            rest = rest * 10 + u32::from(*digit);
            quotient.push(u8::try_from(rest / 1024).expect("a rest is below 1024"));
            rest %= 1024;
        }
        (Self::trimmed(quotient), rest)
    }

    /// The digits of a number with `places` behind the point, less factors of a thousand, and the power
    /// of ten that was taken out.
    pub(super) fn in_thousands(&self, places: i32) -> (Self, i32) {
        let zeros = self.0.iter().rev().take_while(|digit| **digit == 0).count();
        let mut digits = self.0.clone();
        digits.truncate(self.0.len() - zeros);
        let mut power = i32::try_from(zeros)
            .unwrap_or(i32::MAX)
            .saturating_sub(places);
        while power % 3 != 0 {
            digits.push(0);
            power -= 1;
        }
        (Self(digits), power)
    }

    /// The number with a point, or with zeros where `places` is negative.
    pub(super) fn with_places(&self, places: i32) -> String {
        if places <= 0 {
            return self.shifted(places.unsigned_abs()).to_string();
        }
        let places = usize::try_from(places).unwrap_or_default();
        let digits = self.to_string();
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        format!("{whole}.{fraction}")
    }

    /// As a signed 64-bit number, if it fits.
    pub(super) fn to_word(&self, sign: Sign) -> Option<i64> {
        let fits = self.compare(&Self::from(i64::MAX.unsigned_abs())) != Ordering::Greater
            || sign == Sign::Negative
                && self.compare(&Self::from(i64::MIN.unsigned_abs())) == Ordering::Equal;
        fits.then(|| self.wrapped(sign))
    }

    /// Its lowest 64 bits.
    pub(super) fn wrapped(&self, sign: Sign) -> i64 {
        let word = self.0.iter().fold(0_u64, |word, digit| {
            word.wrapping_mul(10).wrapping_add(u64::from(*digit))
        });
        let word = word.cast_signed();
        match sign {
            Sign::Positive => word,
            Sign::Negative => word.wrapping_neg(),
        }
    }
}

impl From<u64> for Digits {
    fn from(number: u64) -> Self {
        Self::parse(&number.to_string(), "")
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        self.0.iter().try_for_each(|digit| write!(f, "{digit}"))
    }
}
