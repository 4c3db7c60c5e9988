//! Builtins with a predicate.

use std::collections::BTreeMap;

use super::super::operate;
use super::super::sort::{Direction, sort_by};
use super::super::syntax::{Binary, Loop, LoopKind, Missing, NodeId};
use super::super::types::Type;
use super::super::value::{Key, List, Map, Value};
use super::{Machine, Stop, access, bool_of};

/// A loop under way.
pub(super) struct Scope {
    list: List,
    access: ItemAccess,
    index: usize,
    /// `#acc`
    accumulator: Value,
}

/// Whether items can be had by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemAccess {
    Granted,
    /// A map has a length to loop over, but no items by index.
    Refused,
}

impl Scope {
    fn item(&self) -> Result<Value, String> {
        if self.access == ItemAccess::Refused {
            return Err("reflect: call of reflect.Value.Index on map Value".to_owned());
        }
        let item = self.list.items().get(self.index);
        item.cloned()
            .ok_or_else(|| "reflect: slice index out of range".to_owned())
    }
}

/// Whether a loop goes on.
enum Turn {
    Next,
    Done(Value),
}

/// From which end a loop begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Forwards,
    Backwards,
}

/// What a predicate says of the item looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    True,
    False,
}

impl Machine<'_> {
    pub(super) fn run_loop(&mut self, body: &Loop) -> Result<Value, Stop> {
        let collection = self.value(body.collection)?.pointed();
        let (list, access) = access::items(collection)?;
        let depth = self.scopes.len();
        self.scopes.push(Scope {
            list,
            access,
            index: 0,
            accumulator: Value::Nil,
        });
        let result = self.run_kind(body);
        self.scopes.truncate(depth);
        result
    }

    fn run_kind(&mut self, body: &Loop) -> Result<Value, Stop> {
        match body.kind {
            LoopKind::All => self
                .search(body, Wanted::False, Order::Forwards, |_, _| {
                    Ok(Value::Bool(false))
                })
                .map(|found| found.unwrap_or(Value::Bool(true))),
            LoopKind::None => self
                .search(body, Wanted::True, Order::Forwards, |_, _| {
                    Ok(Value::Bool(false))
                })
                .map(|found| found.unwrap_or(Value::Bool(true))),
            LoopKind::Any => self
                .search(body, Wanted::True, Order::Forwards, |_, _| {
                    Ok(Value::Bool(true))
                })
                .map(|found| found.unwrap_or(Value::Bool(false))),
            LoopKind::Find => self.find(body, Order::Forwards),
            LoopKind::FindLast => self.find(body, Order::Backwards),
            LoopKind::FindIndex => self.find_index(body, Order::Forwards),
            LoopKind::FindLastIndex => self.find_index(body, Order::Backwards),
            LoopKind::One | LoopKind::Count => self.count(body),
            LoopKind::Filter => self.filter(body),
            LoopKind::Map => self.map_items(body),
            LoopKind::Sum => self.sum_items(body),
            LoopKind::GroupBy => self.group_by(body),
            LoopKind::SortBy => self.sort_by(body),
            LoopKind::Reduce => self.reduce(body),
        }
    }

    fn scope(&mut self) -> &mut Scope {
        self.scopes.last_mut().expect("a loop is under way")
    }

    pub(super) fn pointer(&self, name: &str) -> Result<Value, Stop> {
        let Some(scope) = self.scopes.last() else {
            return Err(Stop::Fails(format!("unknown pointer #{name}")));
        };
        match name {
            "" => Ok(scope.item()?),
            "index" => Ok(Value::Int(int_of(scope.index))),
            "acc" => Ok(scope.accumulator.clone()),
            _ => Err(Stop::Fails(format!("unknown pointer #{name}"))),
        }
    }

    /// What the predicate makes of the item at hand; the item itself without a predicate.
    fn outcome(&mut self, predicate: Option<NodeId>) -> Result<Value, Stop> {
        match predicate {
            Some(predicate) => self.value(predicate),
            None => Ok(self.scope().item()?),
        }
    }

    /// Takes a turn for each index.
    fn turns(
        &mut self,
        order: Order,
        mut turn: impl FnMut(&mut Self) -> Result<Turn, Stop>,
    ) -> Result<Option<Value>, Stop> {
        let first = self.scope().index;
        let length = self.scope().list.items().len();
        for step in first..length {
            self.means.step()?;
            self.scope().index = match order {
                Order::Forwards => step,
                Order::Backwards => length - 1 - step,
            };
            match turn(self)? {
                Turn::Next => {}
                Turn::Done(value) => return Ok(Some(value)),
            }
        }
        Ok(None)
    }

    /// What is made of the first item of which the predicate is `wanted`.
    fn search(
        &mut self,
        body: &Loop,
        wanted: Wanted,
        order: Order,
        found: impl Fn(&mut Self, &Loop) -> Result<Value, Stop>,
    ) -> Result<Option<Value>, Stop> {
        self.turns(order, |machine| {
            let outcome = machine.outcome(body.predicate)?;
            if bool_of(&outcome)? == (wanted == Wanted::True) {
                return found(machine, body).map(Turn::Done);
            }
            Ok(Turn::Next)
        })
    }

    fn find(&mut self, body: &Loop, order: Order) -> Result<Value, Stop> {
        let found = self.search(body, Wanted::True, order, |machine, body| {
            machine.outcome(body.mapped)
        })?;
        match (found, body.missing) {
            (Some(value), _) => Ok(value),
            (None, Missing::Nil) => Ok(Value::Nil),
            (None, Missing::Fails) => {
                Err(Stop::Fails("reflect: slice index out of range".to_owned()))
            }
        }
    }

    fn find_index(&mut self, body: &Loop, order: Order) -> Result<Value, Stop> {
        let found = self.search(body, Wanted::True, order, |machine, _| {
            Ok(Value::Int(int_of(machine.scope().index)))
        })?;
        Ok(found.unwrap_or(Value::Nil))
    }

    fn count(&mut self, body: &Loop) -> Result<Value, Stop> {
        let mut count = 0;
        let enough = self.turns(Order::Forwards, |machine| {
            let outcome = machine.outcome(body.predicate)?;
            if bool_of(&outcome)? {
                count += 1;
                if body.enough.is_some_and(|enough| count >= enough) {
                    return Ok(Turn::Done(Value::Int(count)));
                }
            }
            Ok(Turn::Next)
        })?;
        if body.kind == LoopKind::One {
            return Ok(Value::Bool(count == 1));
        }
        Ok(enough.unwrap_or(Value::Int(count)))
    }

    fn filter(&mut self, body: &Loop) -> Result<Value, Stop> {
        let mut kept = Vec::new();
        self.turns(Order::Forwards, |machine| {
            let outcome = machine.outcome(body.predicate)?;
            if bool_of(&outcome)? {
                kept.push(machine.outcome(body.mapped)?);
            }
            Ok(Turn::Next)
        })?;
        self.means.keep(kept.len())?;
        Ok(Value::list(kept)?)
    }

    fn map_items(&mut self, body: &Loop) -> Result<Value, Stop> {
        let mut mapped = Vec::new();
        self.turns(Order::Forwards, |machine| {
            mapped.push(machine.outcome(body.predicate)?);
            Ok(Turn::Next)
        })?;
        self.means.keep(mapped.len())?;
        Ok(Value::list(mapped)?)
    }

    fn sum_items(&mut self, body: &Loop) -> Result<Value, Stop> {
        let mut sum = Value::Int(0);
        self.turns(Order::Forwards, |machine| {
            let outcome = machine.outcome(body.predicate)?;
            sum = operate::arithmetic(&mut machine.means, Binary::Add, &outcome, &sum)?;
            Ok(Turn::Next)
        })?;
        Ok(sum)
    }

    fn group_by(&mut self, body: &Loop) -> Result<Value, Stop> {
        let mut groups: BTreeMap<Key, Vec<Value>> = BTreeMap::new();
        self.turns(Order::Forwards, |machine| {
            let outcome = machine.outcome(body.predicate)?;
            let key =
                Key::of(&outcome, groups.len()).ok_or_else(|| access::unhashable(&outcome))?;
            groups.entry(key).or_default().push(machine.scope().item()?);
            Ok(Turn::Next)
        })?;
        let entries = groups
            .into_iter()
            .map(|(key, items)| Ok((key, Value::list(items)?)))
            .collect::<Result<_, Stop>>()?;
        let ty = Type::map(Type::Any, Type::list());
        Ok(Value::Map(Map::new(ty, entries)?))
    }

    fn sort_by(&mut self, body: &Loop) -> Result<Value, Stop> {
        let direction = match body.extra {
            None => Direction::Ascending,
            Some(order) => match self.value(order)? {
                Value::String(order) => Direction::of(&order.to_str())
                    .ok_or_else(|| "unknown order, use asc or desc".to_owned())?,
                _ => {
                    return Err(Stop::Fails(
                        "sortBy order argument must be a string".to_owned(),
                    ));
                }
            },
        };
        let mut pairs = Vec::new();
        self.turns(Order::Forwards, |machine| {
            let outcome = machine.outcome(body.predicate)?;
            pairs.push((outcome, machine.scope().item()?));
            Ok(Turn::Next)
        })?;
        let sorted = sort_by(pairs, direction, |(one, _), (other, _)| {
            self.means.step()?;
            operate::compare(Binary::Less, one, other)
        })?;
        self.means.keep(sorted.len())?;
        let items = sorted.into_iter().map(|(_, item)| item).collect();
        Ok(Value::list(items)?)
    }

    fn reduce(&mut self, body: &Loop) -> Result<Value, Stop> {
        self.scope().accumulator = match body.extra {
            Some(first) => self.value(first)?.pointed(),
            None if self.scope().list.items().is_empty() => {
                return Err(Stop::Fails(
                    "reduce of empty array with no initial value".to_owned(),
                ));
            }
            None => {
                let first = self.scope().item()?;
                self.scope().index = 1;
                first
            }
        };
        self.turns(Order::Forwards, |machine| {
            let outcome = machine.outcome(body.predicate)?;
            machine.scope().accumulator = outcome;
            Ok(Turn::Next)
        })?;
        Ok(self.scope().accumulator.clone())
    }
}

fn int_of(index: usize) -> i64 {
    i64::try_from(index).expect("indices fit into 63 bits")
}
