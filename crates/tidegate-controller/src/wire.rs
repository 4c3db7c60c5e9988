//! Lists and watches as they come over the wire, read object by object: one that cannot be read hides
//! no other, and no more than one is held twice.

use std::{collections::BTreeMap, fmt};

use futures::{AsyncBufReadExt, Stream, StreamExt};
use http::{HeaderValue, Request, header::ACCEPT_ENCODING};
use kube::{Client, core::Status};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use tidegate_api::meta::ObjectMeta;

/// How deep JSON may nest: what is deeper could exhaust the stack of whoever walks through it.
const DEPTH: usize = 128;
/// How many members of the way to the fault are named.
const NAMED: usize = 6;

/// An object, or what is known of one that cannot be read.
pub type Item = Result<Value, Box<Unreadable>>;

/// An object that cannot be read.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// Its metadata, as far as they can be read.
    pub metadata: ObjectMeta,
    /// Its status, if that can be read.
    pub status: Value,
    /// Which field, and what is wrong with it.
    pub error: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} cannot be read: {}",
            self.metadata.name, self.error
        )
    }
}

/// A page of a list.
#[derive(Debug)]
pub struct Page<'a> {
    /// The objects, not read yet.
    pub items: Vec<&'a RawValue>,
    /// The version of the list.
    pub version: String,
    /// Asks for the next page; empty at the end.
    pub token: String,
}

/// One line of a watch.
#[derive(Debug)]
pub enum Event {
    /// The object is there, new or changed; not read yet.
    Present(Box<RawValue>),
    /// The object is gone; its metadata as they last were.
    Gone(Box<ObjectMeta>),
    /// Nothing happened up to this version.
    Bookmark(String),
    /// The watch cannot go on.
    Error(Box<Status>),
}

#[derive(Deserialize)]
struct List<'a> {
    metadata: ListMeta,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ListMeta {
    resource_version: String,
    #[serde(rename = "continue")]
    token: String,
}

#[derive(Deserialize)]
struct Line<'a> {
    r#type: String,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// What can be read of an object however deep the rest is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Outline<'a> {
    metadata: ObjectMeta,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
}

/// What tells an object from others, and from itself at another time.
#[derive(Deserialize)]
struct Versioned {
    metadata: Identity,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Identity {
    namespace: String,
    name: String,
    resource_version: String,
}

/// Takes a page apart.
///
/// # Errors
/// When the text is no list.
pub fn page(text: &str) -> Result<Page<'_>, serde_json::Error> {
    let list: List<'_> = serde_json::from_str(text)?;
    Ok(Page {
        items: list.items.unwrap_or_default(),
        version: list.metadata.resource_version,
        token: list.metadata.token,
    })
}

/// Namespace and name of an object, and its version; `None` if it has none of these that can be compared.
pub fn version(raw: &RawValue) -> Option<((String, String), u64)> {
    let Versioned { metadata } = serde_json::from_str(raw.get()).ok()?;
    let version = metadata.resource_version.parse().ok()?;
    Some(((metadata.namespace, metadata.name), version))
}

/// Reads one object.
///
/// # Errors
/// What is known of it if it cannot be read.
pub fn item(raw: &RawValue) -> Item {
    serde_json::from_str(raw.get()).map_err(|error| Box::new(outline(raw, fault(raw, &error))))
}

/// What is known of an object that cannot be read as what it claims to be, `error` being the reason. If it
/// cannot be read as JSON either, that is the reason.
pub(crate) fn outline(raw: &RawValue, error: String) -> Unreadable {
    let outline: Outline<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
    let status = outline
        .status
        .and_then(|status| serde_json::from_str(status.get()).ok());
    Unreadable {
        metadata: outline.metadata,
        status: status.unwrap_or_default(),
        error: match serde_json::from_str::<Value>(raw.get()) {
            Ok(_) => error,
            Err(deep) => fault(raw, &deep),
        },
    }
}

/// Reads an object as what it claims to be; the error names the field that does not fit.
///
/// # Errors
/// When it cannot be read.
pub fn typed<T: DeserializeOwned>(item: Item) -> Result<T, Box<Unreadable>> {
    let value = item?;
    serde_path_to_error::deserialize(&value).map_err(|error| {
        let metadata = value.get("metadata").map(ObjectMeta::deserialize);
        Box::new(Unreadable {
            metadata: metadata.and_then(Result::ok).unwrap_or_default(),
            status: value.get("status").cloned().unwrap_or_default(),
            error: format!("{}: {}", error.path(), error.inner()),
        })
    })
}

/// Reads the answer to a request for one object.
///
/// # Errors
/// When the text is no JSON at all.
pub fn object(text: &str) -> Result<Item, serde_json::Error> {
    serde_json::from_str::<&RawValue>(text).map(item)
}

/// Reads one line of a watch.
///
/// # Errors
/// When the line is no event.
pub fn event(line: &str) -> Result<Event, serde_json::Error> {
    let Line { r#type, object } = serde_json::from_str(line)?;
    Ok(match r#type.as_str() {
        "ADDED" | "MODIFIED" => Event::Present(object.to_owned()),
        "DELETED" => {
            let outline: Outline<'_> = serde_json::from_str(object.get()).unwrap_or_default();
            Event::Gone(Box::new(outline.metadata))
        }
        "BOOKMARK" => {
            let outline: Outline<'_> = serde_json::from_str(object.get())?;
            Event::Bookmark(outline.metadata.resource_version)
        }
        _ => Event::Error(serde_json::from_str(object.get())?),
    })
}

/// Opens a watch. It ends without an error when the server or the connection ends it between lines.
///
/// # Errors
/// What the server or the connection says.
pub async fn events(
    client: &Client,
    mut request: Request<Vec<u8>>,
) -> Result<impl Stream<Item = Result<Event, kube::Error>> + Unpin + use<>, kube::Error> {
    // Servers that compress each event on its own are not understood by what unpacks answers.
    let plain = HeaderValue::from_static("identity");
    request.headers_mut().insert(ACCEPT_ENCODING, plain);
    let lines = client.request_stream(request).await?.lines();
    let events = lines.filter_map(|line| {
        let read = match line.map_err(kube::Error::ReadEvents) {
            Ok(line) => match event(&line) {
                // The connection ended within a line: whoever watches asks from the last version on.
                Err(error) if error.is_eof() => None,
                read => Some(read.map_err(kube::Error::SerdeError)),
            },
            Err(error) => Some(Err(error)),
        };
        std::future::ready(read)
    });
    Ok(events)
}

/// Where in the object the fault lies, and what it is.
fn fault(raw: &RawValue, error: &serde_json::Error) -> String {
    let what = if error.to_string().starts_with("recursion limit exceeded") {
        format!("nested more than {DEPTH} levels deep")
    } else {
        error.to_string()
    };
    let mut path: Vec<String> = Vec::new();
    let mut at = raw;
    while path.len() < NAMED
        && let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(at.get())
    {
        let deepest = members
            .into_iter()
            .filter(|(name, _)| name != "managedFields")
            .max_by_key(|(_, member)| depth(member.get()));
        match deepest {
            Some((name, member)) => {
                path.push(name);
                at = member;
            }
            None => break,
        }
    }
    if path.is_empty() {
        what
    } else {
        format!("{}: {what}", path.join("."))
    }
}

/// How deep a JSON text nests.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deep(levels: usize) -> String {
        let config = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        format!(
            r#"{{"metadata":{{"name":"deep","namespace":"n","resourceVersion":"7","managedFields":[{config}]}},
                "spec":{{"x":"{{","plugins":{{"org/hook":{config}}}}},"status":{{"phase":"Healthy"}}}}"#
        )
    }

    #[test]
    fn an_object_that_is_too_deep_hides_no_other() {
        let text = format!(
            r#"{{"metadata":{{"resourceVersion":"9"}},"items":[{},{{"metadata":{{"name":"web"}}}}]}}"#,
            deep(200)
        );
        let page = page(&text).unwrap();
        assert_eq!((page.version.as_str(), page.items.len()), ("9", 2));
        let unreadable = item(page.items[0]).unwrap_err();
        assert_eq!(unreadable.metadata.name, "deep");
        assert_eq!(unreadable.status["phase"], "Healthy");
        assert_eq!(
            unreadable.error,
            "spec.plugins.org/hook.a.a.a: nested more than 128 levels deep"
        );
        assert_eq!(item(page.items[1]).unwrap()["metadata"]["name"], "web");
        let deep = ("n".to_owned(), "deep".to_owned());
        assert_eq!(version(page.items[0]), Some((deep, 7)));
        assert_eq!(version(page.items[1]), None);
    }

    #[test]
    fn a_watch_goes_on_over_what_is_too_deep() {
        let line = format!(r#"{{"object":{},"type":"DELETED"}}"#, deep(3000));
        let Event::Gone(metadata) = event(&line).unwrap() else {
            panic!("the object is gone");
        };
        assert_eq!(metadata.resource_version, "7");
        let line = r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"8"}}}"#;
        assert!(matches!(event(line).unwrap(), Event::Bookmark(version) if version == "8"));
        let line = r#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}"#;
        assert!(matches!(event(line).unwrap(), Event::Error(status) if status.code == 410));
    }

    #[test]
    fn a_list_without_items_is_empty() {
        assert!(
            page(r#"{"metadata":{},"items":null}"#)
                .unwrap()
                .items
                .is_empty()
        );
        assert!(page("[]").is_err());
    }
}
