//! Where the playground is shown: a picture redrawn in place on a terminal, lines elsewhere.

use std::{collections::VecDeque, io::Write};

use jiff::{SignedDuration, Timestamp};
use tidegate_core::view::{Icon, Info, Kind, Node, RolloutView, Strategy};

use super::layout::{self, Parts};
use crate::render::{self, Colour};

/// Notes that stay under the picture.
const NOTES: usize = 6;
const WIPE: &str = "\u{1b}[2J";

/// What is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surface {
    /// A terminal, with or without colours.
    Terminal(Colour),
    /// A file or a pipe.
    Lines,
}

/// The show.
pub(crate) struct Screen<'a> {
    out: &'a mut (dyn Write + Send),
    surface: Surface,
    began: Timestamp,
    intro: String,
    notes: VecDeque<String>,
    shown: String,
}

impl<'a> Screen<'a> {
    /// Shows the introduction; times count from `now` on.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn open(
        out: &'a mut (dyn Write + Send),
        surface: Surface,
        intro: String,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        match surface {
            Surface::Terminal(_) => write!(out, "{WIPE}{}", render::frame(&intro))?,
            Surface::Lines => write!(out, "{intro}")?,
        }
        out.flush()?;
        Ok(Self {
            out,
            surface,
            began: now,
            intro,
            notes: VecDeque::new(),
            shown: String::new(),
        })
    }

    /// Says what happens in the story.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn say(&mut self, note: &str, now: Timestamp) -> anyhow::Result<()> {
        let note = format!("{}  {note}", self.time(now));
        match self.surface {
            Surface::Terminal(_) => {
                self.notes.push_back(note);
                if self.notes.len() > NOTES {
                    self.notes.pop_front();
                }
            }
            Surface::Lines => {
                writeln!(self.out, "{note}")?;
                self.out.flush()?;
            }
        }
        Ok(())
    }

    /// Shows the Rollout as it is now, if there is one and that is news.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn draw(
        &mut self,
        view: Option<&RolloutView>,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        let picture = match (self.surface, view) {
            (Surface::Terminal(colour), _) => {
                let notes: Vec<&str> = self.notes.iter().map(String::as_str).collect();
                let parts = Parts {
                    intro: &self.intro,
                    view,
                    notes: &notes,
                    colour,
                };
                layout::fit(&parts, layout::room())
            }
            (Surface::Lines, Some(view)) => line(view),
            (Surface::Lines, None) => return Ok(()),
        };
        if picture == self.shown {
            return Ok(());
        }
        match self.surface {
            Surface::Terminal(_) => write!(self.out, "{}", render::frame(&picture))?,
            Surface::Lines => writeln!(self.out, "{}  {picture}", self.time(now))?,
        }
        self.out.flush()?;
        self.shown = picture;
        Ok(())
    }

    /// Shows the Rollout whole, where lines told of it only.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn conclude(&mut self, view: &RolloutView, now: Timestamp) -> anyhow::Result<()> {
        match self.surface {
            Surface::Terminal(_) => self.draw(Some(view), now),
            Surface::Lines => {
                write!(self.out, "\n{}\n", render::rollout(view, Colour::Off))?;
                self.out.flush()?;
                Ok(())
            }
        }
    }

    /// How long the cluster has lived, in its own time.
    fn time(&self, now: Timestamp) -> String {
        let lived: SignedDuration = now.duration_since(self.began);
        let seconds = lived.as_secs();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)
    }
}

/// A Rollout in one line, without what changes all the time.
fn line(view: &RolloutView) -> String {
    let mut words = vec![format!(
        "{} {}",
        view.status.icon.as_str(),
        view.status.text
    )];
    if let Strategy::Canary {
        step,
        set_weight,
        actual_weight,
    } = &view.strategy
    {
        words.push(format!("step {step}"));
        words.push(format!("weight {actual_weight} of {set_weight}"));
    }
    let counts = view.replicas;
    words.push(format!(
        "pods {}, updated {}, available {}",
        counts.current, counts.updated, counts.available
    ));
    if let Some(run) = running(&view.tree) {
        let info: Vec<String> = run.info.iter().map(Info::to_string).collect();
        words.push(format!("analysis {}", info.join(" ")).trim_end().to_owned());
    }
    if !view.message.is_empty() {
        words.push(view.message.clone());
    }
    words.join("  ")
}

/// An AnalysisRun under way.
fn running(node: &Node) -> Option<&Node> {
    let status = node.status.as_ref();
    let under_way = status.is_some_and(|status| status.icon == Icon::Progressing);
    if node.kind == Kind::AnalysisRun && under_way {
        return Some(node);
    }
    node.children.iter().find_map(running)
}
