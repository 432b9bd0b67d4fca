//! A whole job, planned, applied and verified, on a tenant whose answers the data spoils.
//!
//! Each round of the data says which answer, what is done to it, and with what.
#![no_main]

use std::sync::{Arc, Mutex};

use entra_apps::bytes::Bytes;
use entra_apps::http::{Request, Response, StatusCode};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::transport::{Transport, TransportError};
use entra_apps::{AppRegistration, ClientSecret, RedirectUri, async_trait};
use entra_apps_fuzz::{QuickClock, block_on, check_error, check_for};
use entra_emulator::MemoryTenant;
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct Spoiled {
    tenant: MemoryTenant,
    rounds: Vec<Vec<u8>>,
    sent: Mutex<usize>,
}

#[async_trait]
impl Transport for Spoiled {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let at = {
            let mut sent = self.sent.lock().unwrap();
            *sent += 1;
            assert!(*sent < 2_000, "there is no end to it");
            *sent - 1
        };
        let mut response = self.tenant.send(request).await?;
        for round in &self.rounds {
            let [which, how, at_low, at_high, with @ ..] = &round[..] else { continue };
            if usize::from(*which) != at {
                continue;
            }
            let mut body = response.body().to_vec();
            let place = usize::from(u16::from_le_bytes([*at_low, *at_high])).min(body.len());
            match how % 8 {
                0 => body.truncate(place),
                1 => drop(body.splice(place..place, with.iter().copied())),
                2 => {
                    let end = (place + with.len()).min(body.len());
                    drop(body.splice(place..end, with.iter().copied()));
                }
                3 => body = with.to_vec(),
                4 => return Err(TransportError::maybe_sent("told to")),
                5 => *response.status_mut() = StatusCode::from_u16(100 + u16::from(*at_low) * 3).unwrap(),
                6 => {
                    // The value of some member.
                    let text = String::from_utf8_lossy(&body).into_owned();
                    if let Some(colon) = text.match_indices("\":").nth(usize::from(*at_low)).map(|(at, _)| at + 2) {
                        let end = text[colon..].find([',', '}', ']']).map_or(text.len(), |end| colon + end);
                        body = [text[..colon].as_bytes(), with, text[end..].as_bytes()].concat();
                    }
                }
                _ => body = String::from_utf8_lossy(&body).replace("null", &String::from_utf8_lossy(with)).into(),
            }
            *response.body_mut() = body.into();
        }
        Ok(response)
    }
}

fuzz_target!(|data: &[u8]| {
    let clock = Arc::new(QuickClock::default());
    let tenant = MemoryTenant::builder().clock(clock.clone()).build();
    let caller = tenant.caller();
    let rounds = data.split(|byte| *byte == 0xff).take(8).map(<[u8]>::to_vec).collect();
    let transport = Arc::new(Spoiled { tenant: tenant.clone(), rounds, sent: Mutex::default() });
    let client = entra_apps::Client::builder()
        .tenant(tenant.id())
        .client_secret(caller.client_id, caller.client_secret)
        .transport(transport)
        .clock(clock)
        .randomness(Arc::new(entra_emulator::SeededRandomness::new(1)))
        .build()
        .unwrap();
    let registration = AppRegistration::new("fuzz", "Fuzz")
        .redirect_uri(RedirectUri::web("https://fuzz.example/callback").expect("an address that Entra takes"))
        .permission(application::DIRECTORY_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Main").valid_for_months(6));
    block_on(async {
        for _ in 0..2 {
            if let Some(plan) = check_for(client.plan(&registration).await, None) {
                let _ = plan.to_string();
                if let Err(error) = client.apply(&plan).await {
                    check_error(&error, None);
                }
            }
        }
        check_for(client.verify(&registration).await.map(|list| list.to_string()), None);
    });
});
