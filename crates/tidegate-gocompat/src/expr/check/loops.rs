//! Builtins with a predicate.

use super::super::nature::Nature;
use super::super::syntax::{Loop, LoopKind, NodeId};
use super::super::types::{Signature, Type};
use super::call::check_argument;
use super::{Checker, Scope};

impl Checker<'_> {
    pub(super) fn loops(&mut self, body: &Loop) -> Result<Nature, String> {
        let name = body.kind.name();
        let collection = self.visit(body.collection)?.pointed();
        if !collection.is_list() && !collection.is_unknown() {
            return Err(format!(
                "builtin {name} takes only array (got {collection})"
            ));
        }
        let Some(predicate) = body.predicate else {
            return Ok(match body.kind {
                LoopKind::Sum if !collection.is_unknown() => collection.element(),
                LoopKind::Sum => Nature::Unknown,
                _ => Nature::of(Type::Int),
            });
        };
        let result = self.predicate(body.kind, &collection, predicate)?;
        self.check_extra(body)?;
        if result.is_nil() {
            return no_result(body.kind, &collection);
        }
        if wants_bool(body.kind) && !result.is_bool() && !result.is_unknown() {
            return Err(format!("predicate should return boolean (got {result})"));
        }
        Ok(match body.kind {
            LoopKind::All | LoopKind::None | LoopKind::Any | LoopKind::One => {
                Nature::of(Type::Bool)
            }
            LoopKind::Filter if collection.is_unknown() => Nature::of(Type::list()),
            LoopKind::Filter => Nature::list_of(collection.element()),
            LoopKind::Map => Nature::list_of(result),
            LoopKind::Count | LoopKind::FindIndex | LoopKind::FindLastIndex => {
                Nature::of(Type::Int)
            }
            LoopKind::Sum => match result.type_only() {
                Nature::Unknown => Nature::of(Type::Any),
                known => known,
            },
            LoopKind::Find | LoopKind::FindLast if collection.is_unknown() => Nature::Unknown,
            LoopKind::Find | LoopKind::FindLast => collection.element(),
            LoopKind::GroupBy => Nature::of(Type::map(Type::Any, Type::list())),
            LoopKind::SortBy => collection,
            LoopKind::Reduce => result,
        })
    }

    fn predicate(
        &mut self,
        kind: LoopKind,
        collection: &Nature,
        predicate: NodeId,
    ) -> Result<Nature, String> {
        let index = || ("index", Nature::of(Type::Int));
        let named = match kind {
            LoopKind::Map => vec![index()],
            LoopKind::Reduce => vec![index(), ("acc", Nature::Unknown)],
            _ => Vec::new(),
        };
        self.predicates.push(Scope {
            collection: collection.clone(),
            named,
        });
        let result = self.visit(predicate)?;
        self.predicates.pop();
        Ok(result)
    }

    fn check_extra(&mut self, body: &Loop) -> Result<(), String> {
        let Some(extra) = body.extra else {
            return Ok(());
        };
        let extra = self.visit(extra)?;
        if body.kind == LoopKind::SortBy && !extra.is_string() && !extra.is_unknown() {
            return Err(format!(
                "sortBy order argument must be a string (got {extra})"
            ));
        }
        Ok(())
    }

    pub(super) fn pointer(&self, name: &str) -> Result<Nature, String> {
        let Some(scope) = self.predicates.last() else {
            return Err("cannot use pointer accessor outside predicate".to_owned());
        };
        if name.is_empty() {
            if scope.collection.is_unknown() {
                return Ok(Nature::Unknown);
            }
            return Ok(scope.collection.element());
        }
        let named = scope.named.iter().find(|(known, _)| *known == name);
        named
            .map(|(_, nature)| nature.clone())
            .ok_or_else(|| format!("unknown pointer #{name}"))
    }
}

fn wants_bool(kind: LoopKind) -> bool {
    match kind {
        LoopKind::All
        | LoopKind::None
        | LoopKind::Any
        | LoopKind::One
        | LoopKind::Filter
        | LoopKind::Count
        | LoopKind::Find
        | LoopKind::FindIndex
        | LoopKind::FindLast
        | LoopKind::FindLastIndex => true,
        LoopKind::Map | LoopKind::Sum | LoopKind::GroupBy | LoopKind::SortBy | LoopKind::Reduce => {
            false
        }
    }
}

/// A predicate that is always nil gives no value, to Go's types.
fn no_result(kind: LoopKind, collection: &Nature) -> Result<Nature, String> {
    match kind {
        LoopKind::Reduce => Err("predicate should has two input and one output param".to_owned()),
        // `sum` falls back to the rule for plain functions, which no such predicate meets.
        LoopKind::Sum => {
            let predicate = |results| {
                Type::Function(std::sync::Arc::new(Signature {
                    parameters: vec![Type::Any],
                    results,
                }))
            };
            check_argument("sum", collection, &Type::list())?;
            let given = Nature::of(predicate(Vec::new()));
            check_argument("sum", &given, &predicate(vec![Type::Bool]))?;
            Ok(Nature::of(Type::Int))
        }
        _ => Err("predicate should has one input and one output param".to_owned()),
    }
}
