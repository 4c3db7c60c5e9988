//! Measurements: metric servers are asked in place, and so is the cluster.

use tidegate_api::analysis::Measurement;
use tidegate_core::{
    analysis_run::{Collect, Decision, Due, Masks, Measure, Measured, Secrets},
    run::Failure,
};
use tidegate_integrations::metrics::{Answer, Call, Course, Turn};

use super::{
    AnalysisRun, Concluded, Controller, Died, ObjectKey, Outcome, Surroundings, Verdict,
    analysis_run, key_of_run,
};

/// What a pass over a run comes to, and why a measurement could not be taken now, if one could not;
/// `None` if nobody can say what is in a Secret.
type Taken = Option<(Concluded, Option<Failure>)>;

/// Where a course has led.
enum Led {
    Measured(Box<Measurement>),
    Later(Failure),
    Collected,
}

impl Controller {
    /// A pass over a run.
    ///
    /// # Errors
    /// When the controller dies over it.
    pub(super) fn measure(
        &mut self,
        around: &mut impl Surroundings,
        run: &AnalysisRun,
    ) -> Result<Verdict, Died> {
        let now = around.now();
        let about = key_of_run(run);
        let ended = self.caches.ended(run);
        let (concluded, failure) = match analysis_run::decide(run, &ended, now) {
            Decision::Idle(wake) => return Ok(Verdict::Done(wake)),
            Decision::Delete(write) => return self.send_if_any(around, &about, Some(*write)),
            Decision::Refuse(sentence) => (Concluded::refused(run, sentence, now), None),
            Decision::Measure(due) => match self.take_all(around, run, &due)? {
                Some(taken) => taken,
                None => return Ok(Verdict::Failed(None)),
            },
        };
        let wake = concluded.wake.as_ref().map(|wake| wake.at);
        match (self.hand_over(around, run, concluded)?, failure) {
            (Verdict::Done(_) | Verdict::Writing(_), Some(failure)) => {
                Ok(self.after(&about, &failure, wake))
            }
            (verdict, _) => Ok(verdict),
        }
    }

    pub(super) fn conclude(
        &mut self,
        around: &mut impl Surroundings,
        about: &ObjectKey,
        concluded: Concluded,
    ) -> Result<Verdict, Died> {
        let wake = concluded.wake.map(|wake| wake.at);
        if let Some(write) = &concluded.write
            && let Outcome::Failed(failure) = self.send_alone(around, about, write)?
        {
            return Ok(self.after(about, &failure, wake));
        }
        around.tell(about, concluded.events);
        Ok(Verdict::Done(wake))
    }

    /// Every measurement that is due; as in the shell.
    ///
    /// # Errors
    /// When the controller dies over a write.
    fn take_all(
        &self,
        around: &mut impl Surroundings,
        run: &AnalysisRun,
        due: &Due,
    ) -> Result<Taken, Died> {
        let mut secrets = Secrets::new();
        for name in due.secrets(run) {
            match around.secret(&run.metadata.namespace, name) {
                Ok(secret) => secrets.insert(name.to_owned(), secret),
                Err(_) => return Ok(None),
            };
        }
        let now = around.now();
        let asked = match due.arm(run, &secrets) {
            Ok(asked) => asked,
            Err(error) => {
                let sentence = format!("Unable to resolve metric arguments: {error}");
                return Ok(Some((Concluded::refused(run, sentence, now), None)));
            }
        };
        let mut measured = Vec::new();
        let mut failure = None;
        for measure in asked {
            match self.take(around, run, measure)? {
                Ok(one) => measured.push(one),
                Err(later) => failure = Some(later),
            }
        }
        let masks = Masks::new(&run.spec.args, &secrets);
        let concluded = analysis_run::conclude(run, due, (measured, &masks), now);
        for one in &concluded.collect {
            self.collect(around, run, one)?;
        }
        Ok(Some((concluded, failure)))
    }

    fn take(
        &self,
        around: &mut impl Surroundings,
        run: &AnalysisRun,
        measure: Measure,
    ) -> Result<Result<Measured, Failure>, Died> {
        let name = measure.metric.name.clone();
        let mut course = Course::new(run, measure, &self.environment);
        let turn = course.begin(around.now());
        Ok(match lead(around, run, (&mut course, turn))? {
            Led::Measured(measurement) => Ok(Measured {
                name,
                measurement: *measurement,
                metadata: course.metadata(),
            }),
            Led::Later(failure) => Err(failure),
            Led::Collected => Err(Failure::Unknown("nothing was measured".to_owned())),
        })
    }

    fn collect(
        &self,
        around: &mut impl Surroundings,
        run: &AnalysisRun,
        collect: &Collect,
    ) -> Result<(), Died> {
        let (mut course, turn) = Course::collecting(run, collect, &self.environment);
        lead(around, run, (&mut course, turn)).map(drop)
    }
}

/// Leads a course to its end.
fn lead(
    around: &mut impl Surroundings,
    run: &AnalysisRun,
    (course, mut turn): (&mut Course, Turn),
) -> Result<Led, Died> {
    loop {
        let answer = match turn {
            Turn::Ask(request) => around.ask(&request),
            Turn::Secret { namespace, name } => Answer::Secret(around.secret(&namespace, &name)),
            Turn::File(path) => Answer::File(Err(format!("open {path}: no such file"))),
            Turn::Cluster(call) => Answer::Cluster(match *call {
                Call::Write(write) => match around.send(&key_of_run(run), &write)? {
                    Outcome::Done(object) => Ok((*object).clone()),
                    Outcome::Failed(failure) => Err(failure),
                },
                call @ (Call::Get(_) | Call::List { .. }) => around.look_up(&call),
            }),
            Turn::Measured(measurement) => return Ok(Led::Measured(measurement)),
            Turn::Later(failure) => return Ok(Led::Later(failure)),
            Turn::Collected => return Ok(Led::Collected),
        };
        turn = course.read(answer, around.now());
    }
}
