//! Fingerprints: two worlds of one fingerprint go on in the same way, so one of them need not be
//! played to its end.

use jiff::Timestamp;
use serde_json::Value;

/// Members that nobody decides by: versions of objects, and addresses that are handed out in turn.
const UNREAD: [&str; 4] = ["resourceVersion", "managedFields", "podIP", "podIPs"];

/// A fingerprint in the making.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digest(u64);

impl Digest {
    /// One of nothing yet; different starts give different fingerprints of the same things.
    pub(crate) fn new(start: u64) -> Self {
        Self(start ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// Takes in a number.
    pub(crate) fn number(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9fb2_1c65_1e98_df25);
        self.0 = mixed ^ (mixed >> 32);
    }

    /// Takes in a text.
    pub(crate) fn text(&mut self, text: &str) {
        let (words, rest) = text.as_bytes().as_chunks::<8>();
        for word in words {
            self.number(u64::from_le_bytes(*word));
        }
        let mut last = [0_u8; 8];
        for (place, byte) in last.iter_mut().zip(rest) {
            *place = *byte;
        }
        self.number(u64::from_le_bytes(last));
        self.number(u64::try_from(text.len()).unwrap_or(u64::MAX));
    }

    /// Takes in an instant.
    pub(crate) fn instant(&mut self, at: Timestamp) {
        self.number(at.as_microsecond().cast_unsigned());
    }

    /// Takes in an instant that may be none.
    pub(crate) fn some_instant(&mut self, at: Option<Timestamp>) {
        self.number(u64::from(at.is_some()));
        if let Some(at) = at {
            self.instant(at);
        }
    }

    /// Takes in JSON, without what nobody decides by.
    pub(crate) fn json(&mut self, value: &Value) {
        match value {
            Value::Null => self.number(1),
            Value::Bool(truth) => self.number(2 + u64::from(*truth)),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => self.number(whole.cast_unsigned()),
                None => self.text(&number.to_string()),
            },
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                self.number(4);
                for item in items {
                    self.json(item);
                }
                self.number(5);
            }
            Value::Object(members) => {
                self.number(6);
                for (name, value) in members {
                    if !UNREAD.contains(&name.as_str()) {
                        self.text(name);
                        self.json(value);
                    }
                }
                self.number(7);
            }
        }
    }

    /// The fingerprint.
    pub(crate) fn finish(self) -> u64 {
        let mut end = self;
        end.number(8);
        end.number(9);
        end.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(value: &Value) -> u64 {
        let mut digest = Digest::new(0);
        digest.json(value);
        digest.finish()
    }

    #[test]
    fn what_differs_has_another_fingerprint_and_a_version_is_no_difference() {
        let one =
            json!({"metadata": {"name": "web", "resourceVersion": "1"}, "spec": {"replicas": 4}});
        let mut other = one.clone();
        other["metadata"]["resourceVersion"] = json!("2");
        assert_eq!(of(&one), of(&other));
        for (path, value) in [
            ("/metadata/name", json!("wab")),
            ("/spec/replicas", json!(5)),
            ("/spec/replicas", json!("4")),
            ("/spec", json!({"replicas": [4]})),
        ] {
            let mut other = one.clone();
            *other.pointer_mut(path).unwrap() = value;
            assert_ne!(of(&one), of(&other), "{path}");
        }
    }
}
