//! What happens in the playground: the example arrives, a new version is set, and it reaches everybody
//! or is taken back.

use std::{
    pin::{Pin, pin},
    time::Duration,
};

use anyhow::bail;
use futures::{Stream, StreamExt};
use jiff::{SignedDuration, Timestamp};
use tidegate_api::rollout::Rollout;
use tidegate_core::rollout::phase;
use tokio::{
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior},
};

use super::{BAD, GOOD, NAMESPACE, ROLLOUT, Screen, World};
use crate::{
    commands::{
        promote::{Promotion, promote},
        set::set_image,
    },
    family::{Household, Root},
    stop,
};

/// Between two looks at whether there is something new to draw.
const FRAME: Duration = Duration::from_millis(100);
/// How long a step that waits for a person waits if there is none, in the cluster's time.
const MOMENT: SignedDuration = SignedDuration::from_secs(30);
/// The story has failed if it is not over by both of these, in the cluster's time and in ours.
const LONGEST: SignedDuration = SignedDuration::from_hours(4);
const PATIENCE: Duration = Duration::from_mins(2);

/// Which story is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plot {
    /// What the new version is like.
    pub(crate) version: Version,
    /// What happens at its end.
    pub(crate) ending: Ending,
}

/// What the new version is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// It answers as it should.
    Good,
    /// It answers with errors.
    Bad,
}

impl Version {
    fn image(self) -> &'static str {
        match self {
            Self::Good => GOOD,
            Self::Bad => BAD,
        }
    }
}

/// What happens when the story is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The playground ends, too.
    Leave,
    /// The cluster stays until somebody stops it.
    Stay,
}

/// Tells the story.
///
/// # Errors
/// When it does not end as it should, or a part of the world breaks.
pub(crate) async fn play(
    world: &mut World,
    plot: Plot,
    screen: &mut Screen<'_>,
    mut enter: mpsc::Receiver<()>,
) -> anyhow::Result<()> {
    world.apply_example()?;
    screen.say("The example is applied.", world.now())?;
    let changes: Changes = Box::pin(Household::changes(&world.cluster, (Root::Rollout, ROLLOUT)));
    let mut stage = Stage {
        story: Story::new(plot, world.now()),
        household: Household::new(Root::Rollout, ROLLOUT),
        changes,
        frame: tokio::time::interval(FRAME),
    };
    stage
        .frame
        .set_missed_tick_behavior(MissedTickBehavior::Delay);
    let clock = world.clock;
    let mut stop = pin!(stop::asked());
    loop {
        tokio::select! {
            broken = world.broken() => return Err(broken),
            () = &mut stop => match plot.ending {
                Ending::Stay => return Ok(()),
                Ending::Leave => bail!("interrupted before the story ended"),
            },
            Some(()) = enter.recv() => {
                if stage.story.waits_for_a_person() {
                    stage.go_on(Next::Promote, world, screen).await?;
                }
                continue;
            }
            done = stage.turn(screen, clock) => done?,
        }
        let Some(rollout) = stage.household.rollout() else {
            continue;
        };
        let next = stage.story.next(rollout, world.now());
        if stage.go_on(next, world, screen).await? == Over::Yes {
            return Ok(());
        }
    }
}

type Changes = Pin<
    Box<dyn Stream<Item = anyhow::Result<(crate::family::Member, crate::follow::Seen)>> + Send>,
>;

/// Whether the playground ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Yes,
    No,
}

/// The story with what is seen of it.
struct Stage {
    story: Story,
    household: Household,
    changes: Changes,
    frame: Interval,
}

impl Stage {
    /// Takes in a change, or draws what has changed.
    async fn turn(
        &mut self,
        screen: &mut Screen<'_>,
        clock: tidegate_controller::Clock,
    ) -> anyhow::Result<()> {
        tokio::select! {
            change = self.changes.next() => match change {
                Some(change) => {
                    let (member, seen) = change?;
                    match (self.household.take(member, seen), self.story.plot.ending) {
                        (Err(error), Ending::Stay) => self.miss(&error, screen, clock.now()),
                        (taken, Ending::Stay | Ending::Leave) => taken,
                    }
                }
                None => bail!("the API server says nothing more"),
            },
            _ = self.frame.tick() => {
                let now = clock.now();
                let view = self.household.view(now);
                if view.is_none() && !self.story.is_without_a_rollout() {
                    return Ok(());
                }
                screen.draw(view.as_ref(), now)
            }
        }
    }

    /// Somebody has tried something, as the screen asks for: the Rollout is gone, or cannot be read.
    fn miss(
        &mut self,
        error: &anyhow::Error,
        screen: &mut Screen<'_>,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        if self.household.rollout().is_some() {
            return screen.say(&format!("What is shown is old: {error}"), now);
        }
        if self.story.is_without_a_rollout() {
            return Ok(());
        }
        self.story.lose();
        screen.say(
            &format!(
                "The rollout is gone, and the story with it. One that is called {ROLLOUT} in the namespace {NAMESPACE} will be shown again. Ctrl-C ends it."
            ),
            now,
        )
    }

    /// Does what is next. What fails ends the playground, unless somebody is there to see it.
    async fn go_on(
        &mut self,
        next: Next,
        world: &World,
        screen: &mut Screen<'_>,
    ) -> anyhow::Result<Over> {
        match (self.act(next, world, screen).await, self.story.plot.ending) {
            (Err(error), Ending::Stay) => {
                screen.say(&format!("That failed: {error}"), world.now())?;
                Ok(Over::No)
            }
            (done, Ending::Stay | Ending::Leave) => done,
        }
    }

    async fn act(
        &mut self,
        next: Next,
        world: &World,
        screen: &mut Screen<'_>,
    ) -> anyhow::Result<Over> {
        let now = world.now();
        match next {
            Next::Wait => {}
            Next::Welcome => screen.say("There is a rollout again.", now)?,
            Next::SetImage(image) => {
                screen.say(
                    &format!("Version 1 is Healthy. kubectl argo rollouts set image {ROLLOUT} {ROLLOUT}={image}"),
                    now,
                )?;
                let image = (ROLLOUT.to_owned(), image.to_owned());
                set_image(&world.cluster, ROLLOUT, &image).await?;
            }
            Next::AskForPromotion => screen.say(&self.story.request(), now)?,
            Next::Promote => {
                screen.say(&format!("kubectl argo rollouts promote {ROLLOUT}"), now)?;
                promote(&world.cluster, ROLLOUT, Promotion::Next).await?;
            }
            Next::End(verdict) => return self.end(verdict, world, screen),
        }
        Ok(Over::No)
    }

    fn end(
        &mut self,
        verdict: Verdict,
        world: &World,
        screen: &mut Screen<'_>,
    ) -> anyhow::Result<Over> {
        let now = world.now();
        let (over, failure) = match (self.story.plot.ending, verdict) {
            (Ending::Leave, Verdict::AsItShould(what)) => {
                screen.say(&what, now)?;
                (Over::Yes, None)
            }
            (Ending::Leave, Verdict::Otherwise(why)) => (Over::Yes, Some(why)),
            (Ending::Stay, Verdict::AsItShould(what) | Verdict::Otherwise(what)) => {
                screen.say(&what, now)?;
                // On a small terminal this is all that is left of the introduction.
                let kubeconfig = world.kubeconfig().display();
                screen.say(
                    &format!("The cluster stays as it is: try something (KUBECONFIG={kubeconfig}). Ctrl-C ends it."),
                    now,
                )?;
                (Over::No, None)
            }
        };
        // Last, so that a terminal, which shows notes with the picture, shows what was said.
        if let Some(view) = self.household.view(now) {
            screen.conclude(&view, now)?;
        }
        match failure {
            Some(why) => bail!(why),
            None => Ok(over),
        }
    }
}

/// What is done next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Next {
    Wait,
    /// A Rollout is there again.
    Welcome,
    SetImage(&'static str),
    AskForPromotion,
    Promote,
    End(Verdict),
}

/// How the story ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    AsItShould(String),
    Otherwise(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chapter {
    /// The first version is on its way.
    Arriving,
    /// The second is.
    Shipping,
    Over,
    /// It is over, for the Rollout is gone.
    Lost,
}

/// Where the story is. Decides from what the Rollout says alone.
struct Story {
    plot: Plot,
    chapter: Chapter,
    began: (Timestamp, Instant),
    /// Since when a step waits for a person.
    asked: Option<Timestamp>,
}

impl Story {
    fn new(plot: Plot, now: Timestamp) -> Self {
        Self {
            plot,
            chapter: Chapter::Arriving,
            began: (now, Instant::now()),
            asked: None,
        }
    }

    fn waits_for_a_person(&self) -> bool {
        self.asked.is_some()
    }

    fn is_without_a_rollout(&self) -> bool {
        self.chapter == Chapter::Lost
    }

    /// The Rollout is gone. Another one has a story of its own.
    fn lose(&mut self) {
        self.chapter = Chapter::Lost;
        self.asked = None;
    }

    fn request(&self) -> String {
        match self.plot.ending {
            Ending::Leave => format!(
                "The step waits for a person; here it is promoted by itself after {} s.",
                MOMENT.as_secs()
            ),
            Ending::Stay => format!(
                "The step waits for a person: press Enter, or run kubectl argo rollouts promote {ROLLOUT}"
            ),
        }
    }

    fn next(&mut self, rollout: &Rollout, now: Timestamp) -> Next {
        let phase = phase::shown(rollout);
        let end = match self.chapter {
            Chapter::Over => return Next::Wait,
            Chapter::Lost => {
                self.chapter = Chapter::Over;
                return Next::Welcome;
            }
            Chapter::Arriving if phase.name == phase::HEALTHY => {
                self.chapter = Chapter::Shipping;
                return Next::SetImage(self.plot.version.image());
            }
            Chapter::Arriving => None,
            Chapter::Shipping => self.verdict(rollout, &phase.name, &phase.message),
        };
        let end = end.or_else(|| self.overdue(now, &phase.name, &phase.message));
        if let Some(verdict) = end {
            self.chapter = Chapter::Over;
            self.asked = None;
            return Next::End(verdict);
        }
        self.pause(rollout, now)
    }

    fn verdict(&self, rollout: &Rollout, phase: &str, message: &str) -> Option<Verdict> {
        let status = &rollout.status;
        let everywhere = phase == phase::HEALTHY
            && status.stable_rs == status.current_pod_hash
            && runs(rollout, self.plot.version.image());
        let weight = status
            .canary
            .weights
            .as_ref()
            .map(|weights| weights.canary.weight);
        let taken_back = status.abort && phase == phase::DEGRADED && weight == Some(0);
        match self.plot.version {
            Version::Good if everywhere => Some(Verdict::AsItShould(
                "The new version reached everybody.".to_owned(),
            )),
            Version::Bad if taken_back => Some(Verdict::AsItShould(format!(
                "The new version was taken back: {message}"
            ))),
            Version::Good if taken_back => Some(Verdict::Otherwise(format!(
                "the new version was taken back: {message}"
            ))),
            Version::Bad if everywhere => Some(Verdict::Otherwise(
                "the bad version reached everybody".to_owned(),
            )),
            Version::Good | Version::Bad => None,
        }
    }

    /// Nobody waits forever, unless a person is there.
    fn overdue(&self, now: Timestamp, phase: &str, message: &str) -> Option<Verdict> {
        let (then, began) = self.began;
        let late = now.duration_since(then) > LONGEST && began.elapsed() > PATIENCE;
        (late && self.plot.ending == Ending::Leave).then(|| {
            Verdict::Otherwise(format!(
                "the story is not over in time: the rollout is {phase}: {message}"
            ))
        })
    }

    fn pause(&mut self, rollout: &Rollout, now: Timestamp) -> Next {
        if !waits(rollout) {
            self.asked = None;
            return Next::Wait;
        }
        match (self.asked, self.plot.ending) {
            (None, _) => {
                self.asked = Some(now);
                Next::AskForPromotion
            }
            (Some(since), Ending::Leave) if now.duration_since(since) >= MOMENT => {
                self.asked = None;
                Next::Promote
            }
            (Some(_), Ending::Leave | Ending::Stay) => Next::Wait,
        }
    }
}

fn runs(rollout: &Rollout, image: &str) -> bool {
    let template = serde_json::to_value(&rollout.spec.template).unwrap_or_default();
    template["spec"]["containers"][0]["image"] == image
}

/// Whether the Rollout is at a pause that ends with a person's word only.
fn waits(rollout: &Rollout) -> bool {
    let status = &rollout.status;
    let index = status
        .current_step_index
        .and_then(|index| usize::try_from(index).ok());
    let canary = rollout.spec.strategy.canary.as_ref();
    let step = index.and_then(|index| canary?.steps.get(index));
    let endless = step
        .and_then(|step| step.pause.as_ref())
        .is_some_and(|pause| pause.duration.is_none());
    endless && !status.pause_conditions.is_empty()
}
