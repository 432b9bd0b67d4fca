//! What the client costs beside bare reqwest and serde_json: 999 applications over loopback, read into the same types.
//!
//! `cargo bench --bench overhead`; the two take turns in one run, and the ratio of the medians is
//! printed. An absolute time says little on a shared machine.

#[cfg(feature = "reqwest")]
mod measured {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use entra_apps::Client;
    use entra_apps::cloud::Cloud;
    use entra_apps::model::Application;
    use entra_apps::secrecy::SecretString;
    use entra_apps::url::Url;
    use entra_emulator::MemoryTenant;
    use serde::Deserialize;

    const APPLICATIONS: usize = 999;
    const ROUNDS: usize = 60;

    #[derive(Deserialize)]
    struct Page {
        value: Vec<Application>,
    }

    /// A page of applications as the tenant writes it.
    fn page() -> String {
        let tenant = MemoryTenant::new();
        for number in 0..APPLICATIONS {
            let body = format!(r#"{{"displayName":"Application {number}","tags":["t"],"notes":"n"}}"#);
            tenant.send_json("POST", "/applications", Some(&body));
        }
        let (_, page) = tenant.send_json("GET", "/applications?$top=999", None);
        // One page: what follows is not part of the measurement.
        let mut page: serde_json::Value = serde_json::from_str(&page).expect("the tenant answers JSON");
        page.as_object_mut().expect("a list is an object").remove("@odata.nextLink");
        page.to_string()
    }

    fn median(mut times: Vec<Duration>) -> Duration {
        times.sort_unstable();
        times[times.len() / 2]
    }

    pub(super) async fn run() {
        let body = page();
        let mut server = mockito::Server::new_async().await;
        let path = mockito::Matcher::Regex("^/v1.0/applications".to_owned());
        server.mock("GET", path).with_header("content-type", "application/json").with_body(&body).create_async().await;
        let url = Url::parse(&server.url()).expect("the server has an address");

        let token = entra_apps::auth::StaticToken::new(SecretString::from("token"));
        let client = Client::builder()
            .cloud(Cloud::custom("bench", &url, &url).expect("loopback is allowed"))
            .tenant("contoso.example")
            .token_provider(Arc::new(token))
            .build()
            .expect("it builds");
        let bare = reqwest::Client::new();
        let address = format!("{url}v1.0/applications?%24top=999");

        let (mut with_client, mut without) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS + 5 {
            let started = Instant::now();
            let listed = client.applications().list().top(999).all().await.expect("it lists");
            let first = started.elapsed();
            assert_eq!(listed.len(), APPLICATIONS);

            let started = Instant::now();
            let answer = bare.get(&address).bearer_auth("token").send().await.expect("it answers");
            let bytes = answer.bytes().await.expect("it has a body");
            let listed: Page = serde_json::from_slice(&bytes).expect("it is JSON");
            let second = started.elapsed();
            assert_eq!(listed.value.len(), APPLICATIONS);

            // The first rounds warm connections and caches up.
            if round >= 5 {
                with_client.push(first);
                without.push(second);
            }
        }
        let (with_client, without) = (median(with_client), median(without));
        println!("{APPLICATIONS} applications, {} bytes, {ROUNDS} rounds", body.len());
        println!(
            "client {with_client:?}, bare {without:?}, ratio {:.3} (aim: 1.05)",
            with_client.as_secs_f64() / without.as_secs_f64()
        );
    }
}

#[cfg(feature = "reqwest")]
#[tokio::main(flavor = "current_thread")]
async fn main() {
    measured::run().await;
}

#[cfg(not(feature = "reqwest"))]
fn main() {
    println!("This benchmark needs the feature reqwest.");
}
