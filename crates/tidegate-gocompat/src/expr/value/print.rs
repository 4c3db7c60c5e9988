//! Values as Go's `%v` prints them.

use std::fmt::{self, Write as _};

use super::{Key, Value};
use crate::number::print_float;
use crate::time::{month_name, weekday_name};

/// The text grew beyond what it may have.
#[derive(Debug)]
pub(crate) struct TooLongError;

impl Value {
    /// Prints the value as `%v` does.
    ///
    /// # Errors
    /// If the text is longer than `limit` bytes: a value may hold the same list many times.
    pub(crate) fn print(&self, limit: usize) -> Result<Vec<u8>, TooLongError> {
        let mut printer = Printer {
            out: Vec::new(),
            limit,
        };
        printer.value(self)?;
        Ok(printer.out)
    }
}

/// What was printed so far, and how much it may be.
struct Printer {
    out: Vec<u8>,
    limit: usize,
}

impl From<fmt::Error> for TooLongError {
    fn from(_: fmt::Error) -> Self {
        Self
    }
}

impl fmt::Write for Printer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes())
            .map_err(|TooLongError| fmt::Error)
    }
}

impl Printer {
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), TooLongError> {
        if self.out.len() + bytes.len() > self.limit {
            return Err(TooLongError);
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn value(&mut self, value: &Value) -> Result<(), TooLongError> {
        match value {
            Value::Nil => self.bytes(b"<nil>"),
            Value::Bool(bool) => Ok(write!(self, "{bool}")?),
            Value::Int(int) | Value::Int64(int) => Ok(write!(self, "{int}")?),
            Value::Uint8(int) => Ok(write!(self, "{int}")?),
            Value::Uint64(int) => Ok(write!(self, "{int}")?),
            Value::Float(float) => self.bytes(print_float(*float).as_bytes()),
            Value::String(text) => self.bytes(text.bytes()),
            Value::Named(named) => self.bytes(named.text().bytes()),
            Value::Time(time) => Ok(write!(self, "{time}")?),
            Value::Duration(duration) => Ok(write!(self, "{duration}")?),
            Value::Month(month) => self.bytes(month_name(*month).as_bytes()),
            Value::Weekday(weekday) => self.bytes(weekday_name(*weekday).as_bytes()),
            Value::Location(zone) => self.bytes(zone.name().as_bytes()),
            Value::List(list) => self.between(b"[", list.items().iter(), b"]"),
            Value::Map(map) => self.map(map.entries().iter()),
            // Go prints an address; there is none to show.
            Value::Pointer(pointer) => match pointer.value() {
                None => self.bytes(b"<nil>"),
                Some(_) => self.bytes(b"0xc000000000"),
            },
            Value::Struct(body) => self.between(b"{", body.fields().iter(), b"}"),
            Value::Function(_) => self.bytes(b"0xc000000000"),
        }
    }

    fn between<'v>(
        &mut self,
        open: &[u8],
        items: impl Iterator<Item = &'v Value>,
        close: &[u8],
    ) -> Result<(), TooLongError> {
        self.bytes(open)?;
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.bytes(b" ")?;
            }
            self.value(item)?;
        }
        self.bytes(close)
    }

    fn map<'v>(
        &mut self,
        entries: impl Iterator<Item = (&'v Key, &'v Value)>,
    ) -> Result<(), TooLongError> {
        self.bytes(b"map[")?;
        for (index, (key, value)) in entries.enumerate() {
            if index > 0 {
                self.bytes(b" ")?;
            }
            self.value(&key.value())?;
            self.bytes(b":")?;
            self.value(value)?;
        }
        self.bytes(b"]")
    }
}
