//! From a value and the shape it is read into to the bytes that Go writes.

use std::{
    fmt::{self, Write as _},
    str::FromStr,
};

use super::{
    shape::{Field, Kind, Own, Rule, Scalar, Struct, go_name},
    text::{write_raw, write_text},
    tree::{Tree, View},
};

/// What Go writes, and what it could not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The JSON. A member that cannot be read counts as not given, as it does in Go, which reads on.
    pub text: String,
    /// The first member that cannot be read.
    pub error: Option<DecodeError>,
}

/// A member that does not fit its type; prints Go's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(String);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DecodeError {}

/// What becomes of a time with `omitzero` that is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsetTimes {
    /// It is left out.
    Omitted,
    /// It is written as null: what was done before Go knew `omitzero`.
    Null,
}

/// Reads a value into a type and writes it again.
pub fn encode<T: Tree>(kind: &'static Kind, tree: &T) -> Encoded {
    encode_with(kind, tree, UnsetTimes::Omitted)
}

/// [`encode`], with a choice for unset times.
pub fn encode_with<T: Tree>(kind: &'static Kind, tree: &T, unset_times: UnsetTimes) -> Encoded {
    let mut encoder = Encoder {
        out: String::with_capacity(1024),
        unset_times,
        structure: "",
        path: Vec::new(),
        error: None,
    };
    let given = encoder.accept(kind, Some(tree));
    encoder.value(kind, given);
    Encoded {
        text: encoder.out,
        error: encoder.error,
    }
}

struct Encoder {
    out: String,
    unset_times: UnsetTimes,
    /// The struct that is being written and the way to its member, for errors.
    structure: &'static str,
    path: Vec<&'static str>,
    error: Option<DecodeError>,
}

impl Encoder {
    /// Writes a value that [`Self::accept`] let through.
    fn value<T: Tree>(&mut self, kind: &'static Kind, given: Option<&T>) {
        match kind {
            Kind::Bool => self
                .out
                .push_str(if as_bool(given) { "true" } else { "false" }),
            Kind::Int32 | Kind::Int64 => {
                // Writing to a String cannot fail.
                let _ = write!(self.out, "{}", as_integer(given));
            }
            Kind::Text(_) => write_text(as_text(given), &mut self.out),
            Kind::Raw => match given {
                Some(tree) => write_raw(tree, &mut self.out),
                None => self.out.push_str("null"),
            },
            Kind::Own(own) => self.own(own, given),
            Kind::Pointer(target) => match given {
                Some(_) => self.value(target, given),
                None => self.out.push_str("null"),
            },
            Kind::List(item) => self.list(item, given),
            Kind::Map(value) => self.map(value, given),
            Kind::Struct(of) => self.object(of, given),
        }
    }

    fn own<T: Tree>(&mut self, own: &'static Own, given: Option<&T>) {
        let before = self.out.len();
        let written = with_scalar(given, |scalar| (own.write)(scalar, &mut self.out));
        if let Err(text) = written {
            self.error.get_or_insert(DecodeError(text));
            self.out.truncate(before);
            if (own.write)(Scalar::Null, &mut self.out).is_err() {
                self.out.push_str("null");
            }
        }
    }

    fn list<T: Tree>(&mut self, item: &'static Kind, given: Option<&T>) {
        let Some(View::List(items)) = given.map(Tree::view) else {
            self.out.push_str("null");
            return;
        };
        self.out.push('[');
        for (index, tree) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            let given = self.accept(item, Some(tree));
            self.value(item, given);
        }
        self.out.push(']');
    }

    fn map<T: Tree>(&mut self, value: &'static Kind, given: Option<&T>) {
        let Some(tree) = given else {
            self.out.push_str("null");
            return;
        };
        self.out.push('{');
        for (index, (name, tree)) in sorted(tree).into_iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            write_text(name, &mut self.out);
            self.out.push(':');
            let given = self.accept(value, Some(tree));
            self.value(value, given);
        }
        self.out.push('}');
    }

    fn object<T: Tree>(&mut self, of: &'static Struct, given: Option<&T>) {
        let outer = self.structure;
        self.structure = of.name;
        self.out.push('{');
        let start = self.out.len();
        self.fields(of.fields, given, start);
        self.out.push('}');
        self.structure = outer;
    }

    fn fields<T: Tree>(&mut self, fields: &'static [Field], given: Option<&T>, start: usize) {
        for field in fields {
            if let (Rule::Inline, Kind::Struct(of)) = (field.rule, &field.kind) {
                self.fields(of.fields, given, start);
                continue;
            }
            self.path.push(field.name);
            let member = given.and_then(|tree| tree.member(field.name));
            let member = self.accept(&field.kind, member);
            if self.is_written(field, member) {
                if self.out.len() > start {
                    self.out.push(',');
                }
                write_text(field.name, &mut self.out);
                self.out.push(':');
                self.value(&field.kind, member);
            }
            self.path.pop();
        }
    }

    fn is_written<T: Tree>(&mut self, field: &Field, member: Option<&T>) -> bool {
        match field.rule {
            Rule::Always | Rule::Inline => true,
            Rule::OmitEmpty => !is_empty(&field.kind, member),
            Rule::OmitZero => match (self.unset_times, &field.kind) {
                (UnsetTimes::Null, _) => true,
                (UnsetTimes::Omitted, Kind::Own(own)) => {
                    !with_scalar(member, |scalar| (own.is_zero)(scalar))
                }
                (UnsetTimes::Omitted, kind) => !is_empty(kind, member),
            },
        }
    }

    /// The value if it is given and fits its type; if it does not fit, the error is kept.
    fn accept<'a, T: Tree>(&mut self, kind: &Kind, given: Option<&'a T>) -> Option<&'a T> {
        let tree = given?;
        match mismatch(kind, tree) {
            None => is_given(kind, tree).then_some(tree),
            Some(found) => {
                self.refuse(kind, &found);
                None
            }
        }
    }

    fn refuse(&mut self, kind: &Kind, found: &str) {
        if self.error.is_some() {
            return;
        }
        let wanted = go_name(kind);
        let text = if self.path.is_empty() {
            format!("json: cannot unmarshal {found} into Go value of type {wanted}")
        } else {
            let name = self.structure.rsplit('.').next().unwrap_or_default();
            let path = self.path.join(".");
            format!(
                "json: cannot unmarshal {found} into Go struct field {name}.{path} of type {wanted}"
            )
        };
        self.error = Some(DecodeError(text));
    }
}

/// Whether a value that fits says anything: null does not, but for raw JSON.
pub(super) fn is_given<T: Tree>(kind: &Kind, tree: &T) -> bool {
    matches!(kind, Kind::Raw) || !matches!(tree.view(), View::Null)
}

/// What stands where something else is wanted, in Go's words; `None` if the value fits.
pub(super) fn mismatch<T: Tree>(kind: &Kind, tree: &T) -> Option<String> {
    let view = tree.view();
    let fits = match kind {
        Kind::Pointer(target) => return mismatch(target, tree),
        Kind::Raw | Kind::Own(_) => true,
        Kind::Bool => matches!(view, View::Bool(_)),
        Kind::Text(_) => matches!(view, View::Text(_)),
        Kind::List(_) => matches!(view, View::List(_)),
        Kind::Map(_) | Kind::Struct(_) => matches!(view, View::Object),
        Kind::Int32 => holds_number::<i32, T>(&view),
        Kind::Int64 => holds_number::<i64, T>(&view),
    };
    let wants_number = matches!(kind, Kind::Int32 | Kind::Int64);
    match view {
        _ if fits => None,
        View::Null => None,
        View::Bool(_) => Some("bool".to_owned()),
        View::Number(text) if wants_number => Some(format!("number {text}")),
        View::Number(_) => Some("number".to_owned()),
        View::Text(_) => Some("string".to_owned()),
        View::List(_) => Some("array".to_owned()),
        View::Object => Some("object".to_owned()),
    }
}

fn holds_number<N: FromStr, T>(view: &View<'_, T>) -> bool {
    matches!(view, View::Number(text) if text.parse::<N>().is_ok())
}

/// Go's idea of empty: nothing given, false, 0, no text, no items. A struct is never empty.
fn is_empty<T: Tree>(kind: &Kind, given: Option<&T>) -> bool {
    match kind {
        Kind::Bool => !as_bool(given),
        Kind::Int32 | Kind::Int64 => as_integer(given) == 0,
        Kind::Text(_) => as_text(given).is_empty(),
        Kind::Raw | Kind::Pointer(_) => given.is_none(),
        Kind::Own(_) | Kind::Struct(_) => false,
        Kind::List(_) => match given.map(Tree::view) {
            Some(View::List(items)) => items.is_empty(),
            _ => true,
        },
        Kind::Map(_) => given.is_none_or(|tree| tree.members().is_empty()),
    }
}

/// A map's members by name; of two with the same name the last one counts.
fn sorted<T: Tree>(tree: &T) -> Vec<(&str, &T)> {
    let mut members = tree.members();
    members.sort_by_key(|(name, _)| *name);
    // `dedup_by` hands over the later one first and drops it, hence the two turns.
    members.reverse();
    members.dedup_by(|(later, _), (kept, _)| later == kept);
    members.reverse();
    members
}

pub(super) fn as_bool<T: Tree>(given: Option<&T>) -> bool {
    matches!(given.map(Tree::view), Some(View::Bool(true)))
}

pub(super) fn as_integer<T: Tree>(given: Option<&T>) -> i64 {
    match given.map(Tree::view) {
        Some(View::Number(text)) => text.parse().unwrap_or(0),
        _ => 0,
    }
}

pub(super) fn as_text<T: Tree>(given: Option<&T>) -> &str {
    match given.map(Tree::view) {
        Some(View::Text(text)) => text,
        _ => "",
    }
}

/// Hands a value over to a type that reads itself.
pub(super) fn with_scalar<T: Tree, R>(given: Option<&T>, read: impl FnOnce(Scalar<'_>) -> R) -> R {
    let Some(tree) = given else {
        return read(Scalar::Null);
    };
    match tree.view() {
        View::Null => read(Scalar::Null),
        View::Bool(flag) => read(Scalar::Bool(flag)),
        View::Number(text) => read(Scalar::Number(&text)),
        View::Text(text) => read(Scalar::Text(text)),
        View::List(_) => read(Scalar::List),
        View::Object => read(Scalar::Object),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn write_shout(scalar: Scalar<'_>, out: &mut String) -> Result<(), String> {
        match scalar {
            Scalar::Null => out.push_str("null"),
            Scalar::Text(text) => write_text(&text.to_uppercase(), out),
            Scalar::Bool(_) | Scalar::Number(_) | Scalar::List | Scalar::Object => {
                return Err("cannot shout".to_owned());
            }
        }
        Ok(())
    }

    static SHOUT: Own = Own {
        name: "loud.Shout",
        write: write_shout,
        is_zero: |scalar| scalar == Scalar::Null,
        equal: |first, second| first == second,
    };

    const fn field(name: &'static str, kind: Kind, rule: Rule) -> Field {
        Field { name, kind, rule }
    }

    static INNER: Struct = Struct {
        name: "v1.Inner",
        fields: &[
            field("deep", Kind::Text("string"), Rule::OmitEmpty),
            field("count", Kind::Int32, Rule::Always),
        ],
    };

    static OUTER: Struct = Struct {
        name: "v1.Outer",
        fields: &[
            field("z", Kind::Text("string"), Rule::OmitEmpty),
            field("list", Kind::List(&Kind::Struct(&INNER)), Rule::Always),
            field("flag", Kind::Pointer(&Kind::Bool), Rule::OmitEmpty),
            field("names", Kind::Map(&Kind::Text("string")), Rule::OmitEmpty),
            field("when", Kind::Own(&SHOUT), Rule::OmitZero),
            field("raw", Kind::Raw, Rule::OmitEmpty),
            field("", Kind::Struct(&INNER), Rule::Inline),
            field("inner", Kind::Struct(&INNER), Rule::OmitEmpty),
        ],
    };

    static KIND: Kind = Kind::Struct(&OUTER);

    #[track_caller]
    fn check(value: &serde_json::Value, expected: &str) {
        let encoded = encode(&KIND, value);
        assert_eq!((encoded.text.as_str(), encoded.error), (expected, None));
    }

    #[test]
    fn structs_are_written_even_when_nothing_is_in_them_and_missing_lists_are_null() {
        check(&json!({}), r#"{"list":null,"count":0,"inner":{"count":0}}"#);
        check(
            &json!({"list": [null, {}], "names": {}, "z": "", "flag": null}),
            r#"{"list":[{"count":0},{"count":0}],"count":0,"inner":{"count":0}}"#,
        );
    }

    #[test]
    fn pointers_to_zero_values_are_written() {
        check(
            &json!({"flag": false, "deep": "d", "raw": null, "when": "now", "unknown": 1}),
            r#"{"list":null,"flag":false,"when":"NOW","raw":null,"deep":"d","count":0,"inner":{"count":0}}"#,
        );
    }

    #[test]
    fn maps_are_sorted_by_bytes_and_the_last_of_two_names_counts() {
        let node = super::super::parse(r#"{"names":{"b":"1","B":"2","b":"3"}}"#).unwrap();
        let text = encode(&KIND, &node).text;
        assert!(text.contains(r#""names":{"B":"2","b":"3"}"#), "{text}");
    }

    #[test]
    fn what_cannot_be_read_counts_as_not_given_and_is_named_as_go_names_it() {
        let encoded = encode(&KIND, &json!({"list": [{"count": 7.5, "deep": "kept"}]}));
        assert!(encoded.text.contains(r#"[{"deep":"kept","count":0}]"#));
        assert_eq!(
            encoded.error.unwrap().to_string(),
            "json: cannot unmarshal number 7.5 into Go struct field Inner.list.count of type int32"
        );
        let encoded = encode(&KIND, &json!([]));
        assert_eq!(
            encoded.error.unwrap().to_string(),
            "json: cannot unmarshal array into Go value of type v1.Outer"
        );
        let encoded = encode(&KIND, &json!({"when": 1}));
        assert!(encoded.text.contains(r#""when":null"#));
        assert_eq!(encoded.error.unwrap().to_string(), "cannot shout");
    }

    #[test]
    fn unset_times_were_null_before_go_knew_better() {
        let encoded = encode_with(&KIND, &json!({}), UnsetTimes::Null);
        assert!(encoded.text.contains(r#""when":null"#));
    }
}
