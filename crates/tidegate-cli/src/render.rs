//! The picture of a Rollout or an Experiment: header and tree, in upstream's layout and colours (CLI-102 to CLI-107, CLI-112).

use std::fmt::{self, Write};

use tidegate_core::view::{
    ExperimentView, Icon, Image, Info, Kind, Mark, Node, Purpose, RolloutView, Strategy, Tag,
};

use crate::table;

/// Whether escape sequences colour the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// They do.
    On,
    /// Plain text.
    Off,
}

const PLAIN: u8 = 0;
const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;
const BRIGHT_BLUE: u8 = 94;

impl Colour {
    /// With colours on, even what has none is wrapped, so that output is upstream's byte for byte.
    fn paint(self, text: &str, code: u8) -> String {
        match self {
            Self::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Off => text.to_owned(),
        }
    }

    fn icon(self, icon: Icon) -> String {
        let code = match icon {
            Icon::Waiting | Icon::Unknown => YELLOW,
            Icon::Progressing => BRIGHT_BLUE,
            Icon::Warning | Icon::Bad => RED,
            Icon::Ok => GREEN,
            Icon::Paused | Icon::Neutral | Icon::None => PLAIN,
        };
        self.paint(icon.as_str(), code)
    }

    fn tag(self, tag: Tag) -> String {
        self.paint(tag.as_str(), tag_code(tag))
    }
}

fn tag_code(tag: Tag) -> u8 {
    match tag {
        Tag::Stable | Tag::Active => GREEN,
        Tag::Canary => YELLOW,
        Tag::Preview | Tag::Ping | Tag::Pong => BRIGHT_BLUE,
    }
}

/// Header and tree.
pub fn rollout(view: &RolloutView, colour: Colour) -> String {
    format!("{}\n{}", header(view, colour), tree(&view.tree, colour))
}

fn header(view: &RolloutView, colour: Colour) -> String {
    let mut text = head(
        (&view.name, &view.namespace),
        (&view.status, &view.message),
        colour,
    );
    line(&mut text, "Strategy:", &view.strategy.as_str());
    if let Strategy::Canary {
        step,
        set_weight,
        actual_weight,
    } = &view.strategy
    {
        line(&mut text, "  Step:", step);
        line(&mut text, "  SetWeight:", set_weight);
        line(&mut text, "  ActualWeight:", actual_weight);
    }
    text.push_str(&images(&view.images, colour));
    text.push_str("Replicas:\n");
    line(&mut text, "  Desired:", &view.replicas.desired);
    line(&mut text, "  Current:", &view.replicas.current);
    line(&mut text, "  Updated:", &view.replicas.updated);
    line(&mut text, "  Ready:", &view.replicas.ready);
    line(&mut text, "  Available:", &view.replicas.available);
    text
}

/// Header and tree of an Experiment.
pub fn experiment(view: &ExperimentView, colour: Colour) -> String {
    let text = head(
        (&view.name, &view.namespace),
        (&view.status, &view.message),
        colour,
    );
    let images = images(&view.images, colour);
    format!("{text}{images}\n{}", tree(&view.tree, colour))
}

/// What a header begins with.
fn head(
    (name, namespace): (&str, &str),
    (status, message): (&Mark, &str),
    colour: Colour,
) -> String {
    let mut text = String::new();
    line(&mut text, "Name:", &name);
    line(&mut text, "Namespace:", &namespace);
    line(&mut text, "Status:", &mark(status, colour));
    if !message.is_empty() {
        line(&mut text, "Message:", &message);
    }
    text
}

fn line(text: &mut String, name: &str, value: &dyn fmt::Display) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{name:<17}{value}");
}

/// One line for each image, with what it runs for.
fn images(images: &[Image], colour: Colour) -> String {
    let mut text = String::new();
    for (index, image) in images.iter().enumerate() {
        let tags: Vec<String> = image
            .tags
            .iter()
            .map(|purpose| match purpose {
                Purpose::Tag(tag) => colour.tag(*tag),
                Purpose::Template(_) => colour.paint(&purpose.to_string(), PLAIN),
            })
            .collect();
        let shown = if tags.is_empty() {
            image.name.clone()
        } else {
            format!("{} ({})", image.name, tags.join(", "))
        };
        let name = if index == 0 { "Images:" } else { "" };
        let _ = writeln!(text, "{name:<17}{shown}");
    }
    text
}

fn mark(mark: &Mark, colour: Colour) -> String {
    format!("{} {}", colour.icon(mark.icon), mark.text)
}

/// A picture that takes the place of the one before on a terminal: each line wipes what was longer,
/// the last one what was below, so that nothing flickers.
pub fn frame(picture: &str) -> String {
    let lines = picture.replace('\n', "\u{1b}[K\n");
    format!("\u{1b}[H{lines}\u{1b}[J")
}

/// The tree alone.
pub fn tree(root: &Node, colour: Colour) -> String {
    let mut rows = vec![
        ["NAME", "KIND", "STATUS", "AGE", "INFO"]
            .map(str::to_owned)
            .to_vec(),
    ];
    branch(root, (String::new(), String::new()), colour, &mut rows);
    table::align(&rows)
}

fn branch(
    node: &Node,
    (prefix, below): (String, String),
    colour: Colour,
    rows: &mut Vec<Vec<String>>,
) {
    rows.push(vec![
        format!("{prefix}{} {}", node.kind.icon(), name(node, colour)),
        node.kind.as_str().to_owned(),
        node.status
            .as_ref()
            .map_or_else(|| " ".to_owned(), |status| mark(status, colour)),
        node.age.clone(),
        info(node, colour),
    ]);
    let last = node.children.len().saturating_sub(1);
    for (index, child) in node.children.iter().enumerate() {
        let (own, next) = if index == last {
            ("└──", "   ")
        } else {
            ("├──", "│  ")
        };
        let prefixes = (format!("{below}{own}"), format!("{below}{next}"));
        branch(child, prefixes, colour, rows);
    }
}

/// A ReplicaSet has the colours of its roles, the last one outermost; a measurement that goes on has
/// one, too.
fn name(node: &Node, colour: Colour) -> String {
    match node.kind {
        Kind::Rollout | Kind::Revision | Kind::Pod => node.name.clone(),
        Kind::ReplicaSet => node
            .info
            .iter()
            .fold(node.name.clone(), |name, info| match info {
                Info::Tag(tag) => colour.paint(&name, tag_code(*tag)),
                Info::Count(..) | Info::Text(_) => name,
            }),
        Kind::Experiment | Kind::AnalysisRun | Kind::Job => {
            let status = node.status.as_ref().map(|status| status.text.as_str());
            let code = match status {
                Some("Pending" | "Running") => BRIGHT_BLUE,
                Some(_) | None => PLAIN,
            };
            colour.paint(&node.name, code)
        }
    }
}

fn info(node: &Node, colour: Colour) -> String {
    let parts: Vec<String> = node
        .info
        .iter()
        .map(|info| match info {
            Info::Tag(tag) => colour.tag(*tag),
            Info::Count(icon, count) => format!("{} {count}", colour.icon(*icon)),
            Info::Text(text) => text.clone(),
        })
        .collect();
    parts.join(",")
}
