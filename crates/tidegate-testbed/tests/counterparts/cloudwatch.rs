//! `CloudWatch` as moto plays it (MP-505, MP-506): who asks is found in the environment, in a profile that takes a
//! role, and by a token; moto holds the signatures against those of Amazon's own library.

use anyhow::Result;
use serde_json::{Value, json};
use tidegate_testbed::{
    bench::{Bench, Controller},
    moto::{Keys, Moto},
};

use crate::runs::{self, Case};

/// The role that `prepare.py` makes, in the account that moto has.
const ROLE: &str = "arn:aws:iam::123456789012:role/measures";
/// What the canary's errors come to, the newest first.
const ERRORS: &str = "[[3.5 5]]";

/// Errors of a Service in the last ten minutes, minute by minute.
fn errors(service: &str) -> Value {
    let dimensions = json!([{"name": "Service", "value": service}]);
    let metric = json!({"namespace": "Shop", "metricName": "Errors", "dimensions": dimensions});
    let stat = json!({"metric": metric, "period": 60, "stat": "Sum"});
    json!({"cloudWatch": {"interval": "10m", "metricDataQueries": [
        {"id": "errors", "label": "all of them", "metricStat": stat}]}})
}

/// A controller of an instance, which asks moto and nobody else.
fn controller(
    bench: &Bench,
    moto: &Moto,
    (instance, more): (&str, &[(&str, String)]),
) -> Result<Controller> {
    let mut environment = vec![
        ("AWS_ENDPOINT_URL", moto.url()),
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("HOME", "/nowhere".to_owned()),
    ];
    environment.extend_from_slice(more);
    bench.controller_of(instance, &environment)
}

fn keys(Keys { id, secret }: &Keys) -> [(&'static str, String); 2] {
    [
        ("AWS_ACCESS_KEY_ID", id.clone()),
        ("AWS_SECRET_ACCESS_KEY", secret.clone()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_signs_as_amazons_own_library_does() -> Result<()> {
    let Some(bench) = Bench::start("counterparts-cloudwatch").await? else {
        return Ok(());
    };
    let Some(moto) = Moto::start(bench.folder()).await? else {
        return Ok(());
    };
    let _keys = controller(&bench, &moto, ("keys", &keys(moto.keys())))?;
    let wrong = Keys {
        id: moto.keys().id.clone(),
        secret: "another".to_owned(),
    };
    let _wrong = controller(&bench, &moto, ("wrong", &keys(&wrong)))?;
    let _nobody = controller(&bench, &moto, ("nobody", &[]))?;

    let token = bench.folder().join("token");
    std::fs::write(&token, "anything: moto looks at no token")?;
    let identity = [
        ("AWS_ROLE_ARN", ROLE.to_owned()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.display().to_string()),
    ];
    let _identity = controller(&bench, &moto, ("identity", &identity))?;

    let profiles = bench.folder().join("credentials");
    let Keys { id, secret } = moto.keys();
    std::fs::write(
        &profiles,
        format!(
            "[own]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n\
             [taken]\nrole_arn = {ROLE}\nsource_profile = own\n"
        ),
    )?;
    let profile = [
        ("AWS_PROFILE", "taken".to_owned()),
        (
            "AWS_SHARED_CREDENTIALS_FILE",
            profiles.display().to_string(),
        ),
    ];
    let _profile = controller(&bench, &moto, ("profile", &profile))?;

    let cases = Case::read(include_str!("cloudwatch.yaml"), |asks| {
        errors(asks["service"].as_str().unwrap_or_default())
    })?;
    runs::check(&bench, "keys", &cases).await?;
    let asks = |name, comes_to| [Case::new(name, errors("canary"), comes_to)];
    moto.let_pass(1).await?;
    runs::check(
        &bench,
        "identity",
        &asks("by-a-token", ("Successful", ERRORS)),
    )
    .await?;
    runs::check(
        &bench,
        "profile",
        &asks("by-a-profile", ("Successful", ERRORS)),
    )
    .await?;
    let refused = ("Error", "SignatureDoesNotMatch");
    runs::check(&bench, "wrong", &asks("by-a-wrong-key", refused)).await?;
    let unknown = ("Error", "no credentials for Amazon");
    runs::check(&bench, "nobody", &asks("by-nobody", unknown)).await
}
