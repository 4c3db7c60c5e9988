//! Measurements: metric servers are asked in place.

use super::{
    AnalysisRun, BTreeMap, Concluded, Controller, Due, Ending, Measure, Measured, Secret, Secrets,
    Surroundings, Turn, analysis_run, metrics,
};

impl Controller {
    /// Every measurement that is due. Secrets are never there in a simulation.
    pub(super) fn take_all(
        &self,
        around: &mut impl Surroundings,
        run: &AnalysisRun,
        due: &Due,
    ) -> Concluded {
        let secrets: Secrets = due
            .secrets(run)
            .into_iter()
            .map(|reference| (reference.name.clone(), Secret::Absent))
            .collect();
        let now = around.now();
        match due.arm(run, &secrets) {
            Ok(asked) => {
                let measured = asked
                    .into_iter()
                    .map(|measure| self.take(around, measure))
                    .collect();
                analysis_run::conclude(run, due, (measured, &secrets), now)
            }
            Err(error) => {
                let sentence = format!("Unable to resolve metric arguments: {error}");
                Concluded::refused(run, sentence, now)
            }
        }
    }

    fn take(&self, around: &mut impl Surroundings, measure: Measure) -> Measured {
        let name = measure.metric.name.clone();
        let now = around.now();
        let alone = |measurement| Measured {
            name: name.clone(),
            measurement,
            metadata: BTreeMap::new(),
        };
        if let (Some(unfinished), Ending::Yes) = (measure.unfinished, measure.ending) {
            return alone(unfinished);
        }
        let mut provider = match metrics::provider(&measure.metric, &self.environment) {
            Ok(provider) => provider,
            Err(sentence) => return alone(analysis_run::failed_measurement(now, sentence)),
        };
        let metadata = provider.metadata();
        let mut turn = provider.start(now);
        loop {
            turn = match turn {
                Turn::Ask(request) => provider.read(around.ask(&request), now),
                Turn::Measured(measurement) => {
                    return Measured {
                        name,
                        measurement: *measurement,
                        metadata,
                    };
                }
            };
        }
    }
}
