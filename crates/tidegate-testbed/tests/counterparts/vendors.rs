//! All kinds of metrics that can be asked at any address: what each says of a server whose certificate nobody
//! knows, and of one that refuses.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};
use tidegate_testbed::bench::Bench;

use crate::runs::Case;

/// Where the controller's own Secrets are.
const SECRETS: &str = "/api/v1/namespaces/default/secrets";

/// One case of each kind for each of these servers, which are called something, are somewhere, and make a
/// measurement say something.
pub(crate) async fn cases(bench: &Bench, servers: &[(&str, &str, &str)]) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for (name, url, told) in servers {
        let data = json!({
            "address": url, "api-key": "an-api-key", "app-key": "an-app-key",
            "authToken": "a-token", "org": "shop",
            "personal-api-key": "a-personal-key", "account-id": "1", "base-url-nerdgraph": url, "base-url-rest": url,
        });
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data});
        bench.create(SECRETS, &secret).await?;
        let text = include_str!("vendors.yaml")
            .replace("WHERE", url)
            .replace("SECRET", name);
        let kinds: BTreeMap<String, Value> = serde_saphyr::from_str(&text)?;
        cases.extend(kinds.into_iter().map(|(kind, asks)| {
            let case = format!("{}-{name}", kind.to_lowercase());
            Case::new(&case, json!({kind: asks}), ("Error", told))
        }));
    }
    Ok(cases)
}
