//! Searching: values go through the parts of a path.

use super::compare::compare;
use super::syntax::{End, Filter, Node, Slice, Test};
use crate::expr::{Key, List, Value};

/// Steps that a search may take, a step being a part that is gone through or a value that is found: more than any
/// answer needs, over within a second or so.
const MAX_STEPS: u64 = 4_000_000;

/// How deep ranges may lie in one another.
const MAX_RANGES: u32 = 100;

/// How much of a value is shown that is no list, in bytes.
const SHOWN: usize = 1024;

/// A value on its way. `None` is Go's invalid value: what a search begins with if there is nothing, as opposed to a `null` in
/// a list or object, through which parts pass without a word.
type Item = Option<Value>;

/// Values on their way, or why they went no further.
type Walked = Result<Vec<Item>, Failed>;

/// A part failed.
struct Failed {
    why: String,
    /// What a filter that asks for presence takes for found all the same.
    left: Vec<Item>,
    severity: Severity,
}

/// What a failure ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Severity {
    /// The search, but for a filter that asks for presence.
    Part,
    /// The search.
    Search,
}

impl Failed {
    fn new(why: impl Into<String>, left: Vec<Item>) -> Self {
        Self {
            why: why.into(),
            left,
            severity: Severity::Part,
        }
    }

    fn for_good(why: &str) -> Self {
        Self {
            why: why.to_owned(),
            left: Vec::new(),
            severity: Severity::Search,
        }
    }
}

/// The values found: one list for each part of the template.
pub(super) fn find(nodes: &[Node], data: &Value) -> Result<Vec<Vec<Value>>, String> {
    let mut search = Search {
        nodes,
        begun: 0,
        open: 0,
        ended: 0,
        last_end: None,
        steps_left: MAX_STEPS,
        depth: 0,
    };
    let found = search
        .template(0, &some(data.clone()))
        .map_err(|failed| failed.why)?;
    found
        .into_iter()
        .map(|items| items.into_iter().map(value).collect())
        .collect()
}

/// A value with which a search begins: `null` is none.
fn some(value: Value) -> Item {
    (!matches!(value, Value::Nil)).then_some(value)
}

fn value(item: Item) -> Result<Value, String> {
    item.ok_or_else(|| "null has no value".to_owned())
}

struct Search<'n> {
    /// The template.
    nodes: &'n [Node],
    /// Words `range` that were met and not yet begun with.
    begun: u32,
    /// Ranges under way.
    open: u32,
    /// Words `end` that were met and not yet ended with.
    ended: u32,
    /// Where in the template the last range ended.
    last_end: Option<usize>,
    steps_left: u64,
    /// How deep ranges lie in one another.
    depth: u32,
}

impl Search<'_> {
    fn step(&mut self) -> Result<(), Failed> {
        self.steps(1)
    }

    fn steps(&mut self, count: usize) -> Result<(), Failed> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.steps_left = self
            .steps_left
            .checked_sub(count)
            .ok_or_else(|| Failed::for_good("step budget exceeded"))?;
        Ok(())
    }

    /// Goes through the template from one of its parts on, up to the end of the range that is under way.
    fn template(&mut self, from: usize, data: &Item) -> Result<Vec<Vec<Item>>, Failed> {
        let nodes = self.nodes;
        let mut found = Vec::new();
        let mut at = from;
        while let Some(node) = nodes.get(at) {
            let items = self.walk(vec![data.clone()], node)?;
            if self.ended > 0 && self.ended <= self.open {
                self.ended -= 1;
                self.last_end = Some(at);
                break;
            }
            if self.begun > 0 {
                self.begun -= 1;
                self.range(at + 1, items, &mut found)?;
                at = self.last_end.filter(|end| *end > at).unwrap_or(at);
            } else {
                found.push(items);
            }
            at += 1;
        }
        Ok(found)
    }

    /// Goes through a range's parts for each value.
    fn range(
        &mut self,
        from: usize,
        items: Vec<Item>,
        found: &mut Vec<Vec<Item>>,
    ) -> Result<(), Failed> {
        self.depth += 1;
        if self.depth > MAX_RANGES {
            return Err(Failed::for_good("ranges nest too deep"));
        }
        self.open += 1;
        if items.is_empty() {
            // The parts are gone through all the same, and may fail.
            self.template(from, &None)?;
        }
        for item in items {
            let value = value(item).map_err(|why| Failed::for_good(&why))?;
            found.extend(self.template(from, &some(value))?);
        }
        self.open -= 1;
        self.depth -= 1;
        Ok(())
    }

    fn walk(&mut self, input: Vec<Item>, node: &Node) -> Walked {
        self.step()?;
        match node {
            Node::List(nodes) => self.list(input, nodes),
            Node::Text(text) => Ok(vec![Some(Value::String(text.as_slice().into()))]),
            Node::Field(name) => self.field(&input, name),
            Node::Slice(slice) => self.slice(input, *slice),
            Node::Filter(filter) => self.filter(input, filter),
            Node::Int(int) => Ok(constant(&input, &Value::Int(*int))),
            Node::Float(float) => Ok(constant(&input, &Value::Float(*float))),
            Node::Bool(flag) => Ok(constant(&input, &Value::Bool(*flag))),
            Node::Wildcard => self.wildcard(&input),
            Node::Recursive => {
                let mut found = Vec::new();
                for item in input.into_iter().flatten() {
                    self.descend(&item, &mut found)?;
                }
                Ok(found)
            }
            Node::Union(actions) => {
                let mut found = Vec::new();
                for action in actions {
                    match self.list(input.clone(), action) {
                        Ok(items) => found.extend(items),
                        Err(failed) => {
                            return Err(Failed {
                                left: input,
                                ..failed
                            });
                        }
                    }
                }
                Ok(found)
            }
            Node::Word(word) => self.word(input, word),
        }
    }

    fn list(&mut self, input: Vec<Item>, nodes: &[Node]) -> Walked {
        self.steps(input.len())?;
        nodes
            .iter()
            .try_fold(input, |items, node| self.walk(items, node))
    }

    fn word(&mut self, input: Vec<Item>, word: &str) -> Walked {
        match word {
            "range" => {
                self.begun += 1;
                Ok(input)
            }
            "end" if self.open > 0 => {
                self.ended += 1;
                Ok(Vec::new())
            }
            "end" => Err(Failed::new("not in range, nothing to end", Vec::new())),
            _ => Err(Failed::new(
                format!("unrecognized identifier {word}"),
                input,
            )),
        }
    }

    fn field(&mut self, input: &[Item], name: &str) -> Walked {
        self.steps(input.len())?;
        let key = Key::text(name);
        let found: Vec<Item> = input
            .iter()
            .flatten()
            .filter_map(|value| match value {
                Value::Map(map) => map.entries().get(&key).cloned(),
                _ => None,
            })
            .map(Some)
            .collect();
        if found.is_empty() && !input.is_empty() {
            return Err(Failed::new(format!("{name} is not found"), found));
        }
        Ok(found)
    }

    fn slice(&mut self, input: Vec<Item>, slice: Slice) -> Walked {
        let mut found = Vec::new();
        for index in 0..input.len() {
            let failed = match &input[index] {
                Some(Value::Nil) => continue,
                Some(Value::List(list)) => match bounds(list.items().len(), slice) {
                    Ok(Some((start, end, step))) => {
                        let items = &list.items()[start..end];
                        self.steps(items.len())?;
                        found.extend(items.iter().step_by(step).cloned().map(Some));
                        continue;
                    }
                    // Where nothing is asked for, the values after this one are not asked, either.
                    Ok(None) => return Ok(found),
                    Err(why) => why,
                },
                Some(other) => format!("{} is not array or slice", other.type_text()),
                None => return Err(Failed::for_good("null is not array or slice")),
            };
            return Err(Failed::new(failed, input));
        }
        Ok(found)
    }

    fn wildcard(&mut self, input: &[Item]) -> Walked {
        let mut found = Vec::new();
        for item in input.iter().flatten() {
            match item {
                Value::List(list) => {
                    self.steps(list.items().len())?;
                    found.extend(list.items().iter().cloned().map(Some));
                }
                Value::Map(map) => {
                    self.steps(map.entries().len())?;
                    found.extend(map.entries().values().cloned().map(Some));
                }
                Value::String(text) => {
                    self.steps(text.bytes().len())?;
                    found.extend(text.bytes().iter().map(|byte| Some(Value::Uint8(*byte))));
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// The value and all that lie in it, those that hold something. Values nest no deeper than 200 levels.
    fn descend(&mut self, value: &Value, found: &mut Vec<Item>) -> Result<(), Failed> {
        self.step()?;
        match value {
            Value::List(list) if !list.items().is_empty() => {
                found.push(Some(value.clone()));
                for item in list.items() {
                    self.descend(item, found)?;
                }
            }
            Value::Map(map) if !map.entries().is_empty() => {
                found.push(Some(value.clone()));
                for member in map.entries().values() {
                    self.descend(member, found)?;
                }
            }
            Value::String(text) if !text.bytes().is_empty() => found.push(Some(value.clone())),
            _ => {}
        }
        Ok(())
    }

    fn filter(&mut self, input: Vec<Item>, filter: &Filter) -> Walked {
        let mut found = Vec::new();
        for index in 0..input.len() {
            let Some(Value::List(list)) = &input[index] else {
                let shown = input[index].as_ref().map_or_else(
                    || "<invalid reflect.Value>".to_owned(),
                    |value| shown(value, SHOWN),
                );
                let why = format!("{shown} is not array or slice and cannot be filtered");
                return Err(Failed::new(why, input));
            };
            let list: List = list.clone();
            for item in list.items() {
                self.step()?;
                match self.passes(item, filter) {
                    Ok(Passes::Yes) => found.push(Some(item.clone())),
                    Ok(Passes::No) => {}
                    Err(NoAnswer::OfSide(failed)) => {
                        return Err(Failed {
                            left: input,
                            ..failed
                        });
                    }
                    Err(NoAnswer::OfComparison(why)) => return Err(Failed::new(why, found)),
                }
            }
        }
        Ok(found)
    }

    fn passes(&mut self, item: &Value, filter: &Filter) -> Result<Passes, NoAnswer> {
        let side = |search: &mut Self, nodes: &[Node]| search.list(vec![Some(item.clone())], nodes);
        let left = side(self, &filter.left);
        let (operator, right) = match &filter.test {
            Test::Exists => {
                let is_found = match left {
                    Ok(items) => !items.is_empty(),
                    Err(failed) if failed.severity == Severity::Search => return Err(failed.into()),
                    Err(failed) => !failed.left.is_empty(),
                };
                return Ok(if is_found { Passes::Yes } else { Passes::No });
            }
            Test::Compare { operator, right } => (operator, right),
        };
        let Some(left) = only(left?)? else {
            return Ok(Passes::No);
        };
        let Some(right) = only(side(self, right)?)? else {
            return Ok(Passes::No);
        };
        match compare(operator, &left, &right) {
            Some(Ok(true)) => Ok(Passes::Yes),
            Some(Ok(false)) => Ok(Passes::No),
            Some(Err(why)) => Err(NoAnswer::OfComparison(why.to_owned())),
            None => {
                let why = format!("unrecognized filter operator {operator}");
                Err(NoAnswer::OfComparison(why))
            }
        }
    }
}

/// Whether an item passes a filter.
enum Passes {
    Yes,
    No,
}

/// Why nobody can say.
enum NoAnswer {
    /// One of the sides failed.
    OfSide(Failed),
    /// The sides cannot be compared.
    OfComparison(String),
}

impl From<Failed> for NoAnswer {
    fn from(failed: Failed) -> Self {
        Self::OfSide(failed)
    }
}

/// The one value of a side; `None` if there is none.
fn only(items: Vec<Item>) -> Result<Option<Value>, Failed> {
    let mut items = items.into_iter();
    match (items.next(), items.next()) {
        (None, _) => Ok(None),
        (Some(item), None) => value(item).map(Some).map_err(|why| Failed::for_good(&why)),
        (Some(_), Some(_)) => Err(Failed::new(
            "can only compare one element at a time",
            Vec::new(),
        )),
    }
}

fn constant(input: &[Item], value: &Value) -> Vec<Item> {
    input.iter().map(|_| Some(value.clone())).collect()
}

/// Start, end and step of a slice of a list; `None` if it asks for nothing.
fn bounds(length: usize, slice: Slice) -> Result<Option<(usize, usize, usize)>, String> {
    let size = i64::try_from(length).unwrap_or(i64::MAX);
    let from_end = |bound: i64| bound.wrapping_add(size);
    let start = match slice.start.unwrap_or(0) {
        start @ ..0 => from_end(start),
        start => start,
    };
    let end = match slice.end {
        End::OfList => size,
        End::Before(end @ ..0) | End::AfterOne(end @ ..=0) => from_end(end),
        End::Before(end) | End::AfterOne(end) => end,
    };
    if start == end {
        return Ok(None);
    }
    let outside = |index: i64| format!("array index out of bounds: index {index}, length {length}");
    let first = usize::try_from(start)
        .ok()
        .filter(|first| *first < length)
        .ok_or_else(|| outside(start))?;
    let last = usize::try_from(end)
        .ok()
        .filter(|last| *last <= length)
        .ok_or_else(|| outside(end.wrapping_sub(1)))?;
    if start > end {
        return Err(format!(
            "starting index {start} is greater than ending index {end}"
        ));
    }
    let step = match slice.step {
        None => 1,
        Some(step) => usize::try_from(step)
            .ok()
            .filter(|step| *step > 0)
            .ok_or("step must be > 0")?,
    };
    Ok(Some((first, last, step)))
}

/// A value as Go prints it, or its type if that is too long.
fn shown(value: &Value, limit: usize) -> String {
    value.print(limit).map_or_else(
        |_| value.type_text(),
        |text| String::from_utf8_lossy(&text).into_owned(),
    )
}
