//! Keys of maps, in an order of their own.

use super::{Text, Value};
use crate::duration::Duration;
use crate::time::{Time, Zone};

/// A value that can be a key. Keys of different types are different: 1 and 1.0 are two keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `nil`
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `int64`
    Int64(i64),
    /// `uint8`
    Uint8(u8),
    /// `uint64`
    Uint64(u64),
    /// `float64`, by its bits made sortable; every NaN is its own key.
    Float(FloatKey),
    /// `string`
    String(Text),
    /// `time.Time`: seconds since 1970 and nanoseconds, in UTC.
    Time(i64, i64),
    /// `time.Duration`
    Duration(Duration),
    /// `time.Month`
    Month(i64),
    /// `time.Weekday`
    Weekday(i64),
}

/// A float in the order of numbers. NaN comes first; they are told apart by a count, as no NaN equals another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FloatKey {
    /// The how manieth NaN of the map.
    NotANumber(usize),
    /// Negative: a larger size comes first.
    Negative(std::cmp::Reverse<u64>),
    /// Zero and positive.
    Positive(u64),
}

impl Key {
    /// A string key.
    pub fn text(text: &str) -> Self {
        Self::String(Text::from(text))
    }

    /// The key a value is; `entries` tells NaNs apart. `None` for lists, maps, structs and functions, which Go cannot hash.
    pub(in crate::expr) fn of(value: &Value, entries: usize) -> Option<Self> {
        Some(match value {
            Value::Nil => Self::Nil,
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Int(int) => Self::Int(*int),
            Value::Int64(int) => Self::Int64(*int),
            Value::Uint8(int) => Self::Uint8(*int),
            Value::Uint64(int) => Self::Uint64(*int),
            Value::Float(float) => Self::Float(FloatKey::of(*float, entries)),
            Value::String(text) => Self::String(text.clone()),
            Value::Time(time) => Self::Time(time.unix_seconds(), time.nanosecond()),
            Value::Duration(duration) => Self::Duration(*duration),
            Value::Month(month) => Self::Month(*month),
            Value::Weekday(weekday) => Self::Weekday(*weekday),
            Value::Named(named) => Self::String(named.text.clone()),
            Value::Location(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Pointer(_)
            | Value::Struct(_)
            | Value::Function(_) => return None,
        })
    }

    /// The value the key was made of.
    pub fn value(&self) -> Value {
        match self {
            Self::Nil => Value::Nil,
            Self::Bool(bool) => Value::Bool(*bool),
            Self::Int(int) => Value::Int(*int),
            Self::Int64(int) => Value::Int64(*int),
            Self::Uint8(int) => Value::Uint8(*int),
            Self::Uint64(int) => Value::Uint64(*int),
            Self::Float(float) => Value::Float(float.value()),
            Self::String(text) => Value::String(text.clone()),
            Self::Time(seconds, nanoseconds) => {
                Value::time(Time::from_unix(*seconds, *nanoseconds).in_zone(&Zone::Utc))
            }
            Self::Duration(duration) => Value::Duration(*duration),
            Self::Month(month) => Value::Month(*month),
            Self::Weekday(weekday) => Value::Weekday(*weekday),
        }
    }
}

impl FloatKey {
    fn of(float: f64, entries: usize) -> Self {
        // Both zeros are one key.
        let float = if float == 0.0 { 0.0 } else { float };
        if float.is_nan() {
            return Self::NotANumber(entries);
        }
        let size = float.abs().to_bits();
        if float < 0.0 {
            return Self::Negative(std::cmp::Reverse(size));
        }
        Self::Positive(size)
    }

    fn value(&self) -> f64 {
        match self {
            Self::NotANumber(_) => f64::NAN,
            Self::Negative(size) => -f64::from_bits(size.0),
            Self::Positive(size) => f64::from_bits(*size),
        }
    }
}
