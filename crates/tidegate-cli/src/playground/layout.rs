//! What of the picture finds room on a terminal. What does not fit scrolls, and then the status is the
//! first thing that nobody sees.

use tidegate_core::view::{Kind, Node, RolloutView};

use crate::render::{self, Colour};

/// Columns and rows of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// How large the terminal is now; `None` if it does not tell.
pub(super) fn room() -> Option<Room> {
    let (width, height) = terminal_size::terminal_size()?;
    let room = Room {
        columns: width.0.into(),
        rows: height.0.into(),
    };
    (room.columns > 1 && room.rows > 1).then_some(room)
}

/// What there is to show.
pub(super) struct Parts<'a> {
    pub(super) intro: &'a str,
    /// `None` while there is no Rollout.
    pub(super) view: Option<&'a RolloutView>,
    /// The newest is the last.
    pub(super) notes: &'a [&'a str],
    pub(super) colour: Colour,
}

/// What of it is shown.
#[derive(Clone, Copy)]
struct Choice<'a> {
    intro: &'a str,
    /// How many of the newest notes.
    notes: usize,
    counts: Counts,
    /// How many pods from the top.
    pods: usize,
}

/// The counts of pods in the header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// One a line, as `get rollout` shows them.
    Apart,
    Together,
}

/// The picture: whole if there is room. Else the introduction goes first, then old notes; then the
/// counts share a line and pods go, the last one first. The header and the newest note stay.
pub(super) fn fit(parts: &Parts<'_>, room: Option<Room>) -> String {
    let whole = Choice {
        intro: parts.intro,
        notes: parts.notes.len(),
        counts: Counts::Apart,
        pods: parts.view.map_or(0, |view| pods(&view.tree)),
    };
    let Some(room) = room else {
        return picture(&lines(parts, whole, usize::MAX));
    };
    // A line that ends in the last column, and a picture in the last row, would move what is above.
    let (columns, rows) = (room.columns - 1, room.rows - 1);
    let fits = |choice: &Choice<'_>| {
        let (top, notes) = lines(parts, *choice, columns);
        top.len() + notes.len() <= rows
    };
    let bare = Choice { intro: "", ..whole };
    let newest = Choice {
        notes: whole.notes.min(1),
        ..bare
    };
    let fewer_notes = (newest.notes..=whole.notes)
        .rev()
        .map(|notes| Choice { notes, ..bare });
    let fewer_pods = (0..=whole.pods).rev().map(|pods| Choice {
        counts: Counts::Together,
        pods,
        ..newest
    });
    let mut choices = [whole].into_iter().chain(fewer_notes).chain(fewer_pods);
    if let Some(choice) = choices.find(fits) {
        return picture(&lines(parts, choice, columns));
    }
    let least = Choice {
        counts: Counts::Together,
        pods: 0,
        ..newest
    };
    let (mut top, mut notes) = lines(parts, least, columns);
    top.retain(|line| !line.is_empty());
    notes.truncate(rows);
    top.truncate(rows - notes.len());
    picture(&(top, notes))
}

fn picture((top, notes): &(Vec<String>, Vec<String>)) -> String {
    let mut text = String::new();
    for line in top.iter().chain(notes) {
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// The lines above the notes, and those of the notes.
fn lines(parts: &Parts<'_>, choice: Choice<'_>, columns: usize) -> (Vec<String>, Vec<String>) {
    let mut top: Vec<String> = choice
        .intro
        .lines()
        .flat_map(|line| wrap(line, columns))
        .collect();
    if !top.is_empty() {
        top.push(String::new());
    }
    if let Some(view) = parts.view {
        let mut view = view.clone();
        let mut left = choice.pods;
        keep_pods(&mut view.tree, &mut left);
        let text = render::rollout(&view, parts.colour);
        let text = match choice.counts {
            Counts::Apart => text,
            Counts::Together => together(&view, &text),
        };
        top.extend(text.lines().map(|line| cut(line, columns)));
        top.push(String::new());
    }
    let old = parts.notes.len() - choice.notes;
    let notes = parts.notes.iter().skip(old);
    let notes = notes.flat_map(|note| wrap(note, columns)).collect();
    (top, notes)
}

/// The picture with the counts of pods in one line.
fn together(view: &RolloutView, text: &str) -> String {
    let Some((above, rest)) = text.split_once("Replicas:\n") else {
        return text.to_owned();
    };
    let below = rest.split_once("\n\n").map_or("", |(_, tree)| tree);
    let counts = view.replicas;
    format!(
        "{above}{:<17}desired {}, current {}, updated {}, ready {}, available {}\n\n{below}",
        "Replicas:", counts.desired, counts.current, counts.updated, counts.ready, counts.available
    )
}

fn pods(node: &Node) -> usize {
    let own = usize::from(node.kind == Kind::Pod);
    own + node.children.iter().map(pods).sum::<usize>()
}

/// Leaves only so many pods in the tree, counted from the top.
fn keep_pods(node: &mut Node, left: &mut usize) {
    node.children.retain_mut(|child| {
        if child.kind == Kind::Pod {
            let kept = *left > 0;
            *left = left.saturating_sub(1);
            return kept;
        }
        keep_pods(child, left);
        true
    });
}

/// As much of a line as there are columns. Escape sequences take none, and those behind the edge stay,
/// for they end a colour.
fn cut(line: &str, columns: usize) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut left = columns;
    let mut escaped = false;
    for character in line.chars() {
        if escaped || character == '\u{1b}' {
            kept.push(character);
            escaped = character != 'm';
        } else if left > 0 {
            kept.push(character);
            left -= 1;
        }
    }
    kept
}

/// A line of plain text over as many as it takes.
fn wrap(line: &str, columns: usize) -> Vec<String> {
    let characters: Vec<char> = line.chars().collect();
    if characters.is_empty() {
        return vec![String::new()];
    }
    let rows = characters.chunks(columns);
    rows.map(|row| row.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use tidegate_core::view::{Counts as Numbers, Icon, Image, Info, Mark, Purpose, Strategy, Tag};

    use super::*;

    fn node(kind: Kind, name: &str, children: Vec<Node>) -> Node {
        Node {
            kind,
            name: name.to_owned(),
            status: (kind != Kind::Revision).then(|| Mark {
                icon: Icon::Ok,
                text: "Healthy".to_owned(),
            }),
            age: "10s".to_owned(),
            info: match kind {
                Kind::ReplicaSet => vec![Info::Tag(Tag::Stable)],
                Kind::Pod => vec![Info::Text("ready:1/1".to_owned())],
                Kind::Rollout | Kind::Revision | Kind::Experiment => Vec::new(),
                Kind::AnalysisRun | Kind::Job => vec![Info::Count(Icon::Ok, 30)],
            },
            children,
        }
    }

    fn set(hash: &str, pods: usize) -> Node {
        let name = format!("api-server-{hash}");
        let pods = (0..pods).map(|pod| node(Kind::Pod, &format!("{name}-pod{pod}"), Vec::new()));
        let pods = pods.collect();
        node(Kind::ReplicaSet, &name, pods)
    }

    /// The shipped example in the middle of its update.
    fn view() -> RolloutView {
        let run = |name: &str| node(Kind::AnalysisRun, name, Vec::new());
        let image = |version: &str, tag: Tag| Image {
            name: format!("registry.example.com/api-server:{version}"),
            tags: vec![Purpose::Tag(tag)],
        };
        let new = vec![
            set("999b4f999", 3),
            run("api-server-999b4f999-2-2"),
            run("api-server-999b4f999-2-7"),
        ];
        let revisions = vec![
            node(Kind::Revision, "revision:2", new),
            node(Kind::Revision, "revision:1", vec![set("6fc6cdff94", 5)]),
        ];
        RolloutView {
            name: "api-server".to_owned(),
            namespace: "production".to_owned(),
            status: Mark {
                icon: Icon::Paused,
                text: "Paused".to_owned(),
            },
            message: "CanaryPauseStep".to_owned(),
            strategy: Strategy::Canary {
                step: "5/10".to_owned(),
                set_weight: "20".to_owned(),
                actual_weight: "20".to_owned(),
            },
            images: vec![image("1.0.0", Tag::Stable), image("1.1.0", Tag::Canary)],
            replicas: Numbers {
                desired: 5,
                current: 8,
                updated: 3,
                ready: 8,
                available: 8,
            },
            tree: node(Kind::Rollout, "api-server", revisions),
        }
    }

    const INTRO: &str = "A cluster in this process: http://127.0.0.1:1/\nIts clock is yours.\n";
    const NOTES: [&str; 2] = [
        "00:00:00  The example is applied.",
        "00:01:00  The step waits for a person: press Enter, or run kubectl argo rollouts promote api-server",
    ];

    fn shown(colour: Colour, room: Option<(usize, usize)>) -> String {
        let parts = Parts {
            intro: INTRO,
            view: Some(&view()),
            notes: &NOTES,
            colour,
        };
        fit(&parts, room.map(|(rows, columns)| Room { columns, rows }))
    }

    /// Nothing reaches the edges, at which a terminal would scroll or wrap.
    #[track_caller]
    fn assert_fits(text: &str, (rows, columns): (usize, usize)) {
        assert!(text.lines().count() < rows, "{text}");
        for line in text.lines() {
            assert!(line.chars().count() < columns, "{line}");
        }
    }

    #[test]
    fn everything_is_shown_where_there_is_room() {
        let whole = shown(Colour::Off, None);
        assert!(whole.starts_with(INTRO), "{whole}");
        assert_eq!(shown(Colour::Off, Some((60, 200))), whole);
    }

    #[test]
    fn on_80_columns_and_24_rows_status_tree_and_newest_note_are_shown() {
        let text = shown(Colour::Off, Some((24, 80)));
        assert_fits(&text, (24, 80));
        insta::assert_snapshot!("on_80_columns_and_24_rows", text);
    }

    #[test]
    fn the_introduction_goes_before_notes_and_notes_before_pods() {
        let without_intro = shown(Colour::Off, Some((40, 80)));
        assert!(!without_intro.contains("A cluster"), "{without_intro}");
        assert!(without_intro.contains("is applied"), "{without_intro}");
        assert_eq!(without_intro.matches("-pod").count(), 8);
        let fewer_pods = shown(Colour::Off, Some((30, 80)));
        assert!(!fewer_pods.contains("is applied"), "{fewer_pods}");
        let pods = fewer_pods.matches("-pod").count();
        assert!((1..8).contains(&pods), "{fewer_pods}");
        assert!(fewer_pods.contains("999b4f999-pod0"), "{fewer_pods}");
    }

    #[test]
    fn on_a_tiny_terminal_the_status_and_the_newest_note_stay() {
        let text = shown(Colour::Off, Some((8, 60)));
        assert_fits(&text, (8, 60));
        assert!(text.contains("Status:          ॥ Paused\n"), "{text}");
        assert!(text.ends_with("promote api-server\n"), "{text}");
        assert_fits(&shown(Colour::Off, Some((2, 2))), (2, 2));
    }

    #[test]
    fn colours_take_no_columns_and_end_behind_the_edge() {
        let plain = shown(Colour::Off, Some((24, 40)));
        let coloured = shown(Colour::On, Some((24, 40)));
        assert_eq!(stripped(&coloured), plain);
        for line in coloured.lines().filter(|line| line.contains('\u{1b}')) {
            assert!(
                line.rfind("\u{1b}[0m") >= line.rfind("\u{1b}[3"),
                "{line:?}"
            );
        }
    }

    fn stripped(text: &str) -> String {
        let mut escaped = false;
        text.chars()
            .filter(|character| {
                let kept = !escaped && *character != '\u{1b}';
                escaped = !kept && *character != 'm';
                kept
            })
            .collect()
    }
}
