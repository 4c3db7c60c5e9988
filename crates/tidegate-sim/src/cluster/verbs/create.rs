//! POST of an object.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    super::{
        Call, Cluster, Draft, Locator, Mode, Part, Verb, What, admission, definitions,
        fields::{self, map_mut, text},
        kinds::{self, Generation, Kind, KindId, Scope},
        refusal::{Reason, Refusal},
    },
    admit, drop_status, instant, name_kind,
};

/// Members of `metadata` that only the server sets.
const OF_THE_SERVER: [&str; 5] = [
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
];

/// The most bytes of a generated name before its suffix.
const LONGEST_PREFIX: usize = 58;

impl Cluster {
    /// Creates an object; returns it as stored.
    ///
    /// # Errors
    /// 409 when the name is taken, 404 or 403 when the namespace is missing or going, 422 when the
    /// object breaks a rule.
    pub fn create(
        &mut self,
        call: &Call,
        kind: KindId,
        namespace: &str,
        body: Value,
    ) -> Result<Arc<Value>, Refusal> {
        let id = kind;
        let kind = Arc::clone(self.kinds.get(id));
        let mut object = body;
        name_kind(&kind, &mut object)?;
        self.place((id, &kind), namespace, &mut object)?;
        self.check_namespace(&kind, namespace, fields::name(&object))?;
        if !fields::version(&object).is_empty() {
            return Err(Refusal::new(
                Reason::InternalError,
                "resourceVersion should not be set on objects to be created",
            ));
        }
        if self.get(id, namespace, fields::name(&object)).is_some() {
            return Err(Refusal::already_exists(&kind, fields::name(&object)));
        }
        let locator = Locator::new(id, namespace, fields::name(&object));
        let uid = self.uid_of_next(&locator);
        set_metadata(call, &kind, (&mut object, uid));
        if let Some(members) = object.as_object_mut() {
            drop_status(&kind, members);
        }
        admit((id, &kind), &mut object, None, call.validation)?;
        self.allocate(id, call, &mut object)?;
        if call.mode == Mode::DryRun {
            return Ok(Arc::new(object));
        }
        Ok(self.commit(
            call,
            Draft {
                object: locator,
                what: What::Added,
                old: None,
                new: object,
                verb: Verb::Create,
                part: Part::Whole,
            },
        ))
    }

    /// Puts name and namespace into the object's metadata.
    fn place(
        &mut self,
        (id, kind): (KindId, &Kind),
        namespace: &str,
        object: &mut Value,
    ) -> Result<(), Refusal> {
        let given = fields::namespace(object).to_owned();
        if kind.scope == Scope::Namespaced && !given.is_empty() && given != namespace {
            return Err(Refusal::bad_request(format!(
                "the namespace of the provided object does not match the namespace sent on the request: \"{given}\" != \"{namespace}\""
            )));
        }
        let prefix = text(object, &["metadata", "generateName"]).to_owned();
        let nameless = fields::name(object).is_empty();
        let suffix = (nameless && !prefix.is_empty())
            .then(|| suffix(self.number_of_name(Locator::new(id, namespace, &prefix))));
        let metadata = map_mut(object, "metadata");
        match kind.scope {
            Scope::Namespaced => {
                metadata.insert("namespace".to_owned(), json!(namespace));
            }
            Scope::Cluster => {
                metadata.remove("namespace");
            }
        }
        if let Some(suffix) = suffix {
            let prefix: String = prefix.chars().take(LONGEST_PREFIX).collect();
            metadata.insert(
                "name".to_owned(),
                Value::String(format!("{prefix}{suffix}")),
            );
        }
        Ok(())
    }

    fn check_namespace(&self, kind: &Kind, namespace: &str, name: &str) -> Result<(), Refusal> {
        if kind.scope == Scope::Cluster {
            return Ok(());
        }
        let Some(found) = self.get(kinds::NAMESPACES, "", namespace) else {
            return Err(Refusal::not_found(
                self.kinds.get(kinds::NAMESPACES),
                namespace,
            ));
        };
        if fields::is_deleting(found) {
            let mut refusal = Refusal::forbidden(
                kind,
                name,
                &format!(
                    "unable to create new content in namespace {namespace} because it is being terminated"
                ),
            );
            refusal.details["causes"] = json!([{
                "reason": "NamespaceTerminating",
                "message": format!("namespace {namespace} is being terminated"),
                "field": "metadata.namespace",
            }]);
            return Err(refusal);
        }
        Ok(())
    }

    /// What the server hands out or starts with the object: addresses, phases, new kinds.
    fn allocate(&mut self, id: KindId, call: &Call, object: &mut Value) -> Result<(), Refusal> {
        if id == kinds::SERVICES {
            let serial = self.next_serial();
            admission::service_address(object, serial);
        } else if id == kinds::PODS {
            object["status"] = json!({"phase": "Pending", "qosClass": admission::quality(object)});
        } else if id == kinds::NAMESPACES {
            object["status"] = json!({"phase": "Active"});
            object["spec"] = json!({"finalizers": ["kubernetes"]});
            let name = fields::name(object).to_owned();
            let labels = fields::child_mut(map_mut(object, "metadata"), "labels");
            labels.insert(
                "kubernetes.io/metadata.name".to_owned(),
                Value::String(name),
            );
        } else if id == kinds::DEFINITIONS {
            let mut kinds = (*self.kinds).clone();
            let defined = kinds.define(object).map_err(Refusal::bad_request)?;
            object["status"] = definitions::established(kinds.get(defined), &instant(call.now));
            if call.mode == Mode::Commit {
                self.shelves.resize_with(kinds.len(), Default::default);
                self.kinds = Arc::new(kinds);
            }
        }
        Ok(())
    }
}

fn set_metadata(call: &Call, kind: &Kind, (object, uid): (&mut Value, String)) {
    let metadata = map_mut(object, "metadata");
    for member in OF_THE_SERVER {
        metadata.remove(member);
    }
    metadata.insert("uid".to_owned(), Value::String(uid));
    metadata.insert(
        "creationTimestamp".to_owned(),
        Value::String(instant(call.now)),
    );
    match kind.generation {
        Generation::None => {
            metadata.remove("generation");
        }
        Generation::Spec | Generation::AllButMetadata => {
            metadata.insert("generation".to_owned(), json!(1));
        }
    }
}

/// A generated name's five characters, out of Kubernetes' alphabet without vowels.
fn suffix(serial: u64) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    // A prime stride over the alphabet's fifth power spreads neighbours without a repeat.
    let space = 27_u64.pow(5);
    let mut number = serial.wrapping_mul(8_161_439) % space;
    (0..5)
        .map(|_| {
            let digit = usize::try_from(number % 27).expect("a digit is below 27");
            number /= 27;
            char::from(ALPHABET[digit])
        })
        .collect()
}
