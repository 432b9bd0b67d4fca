//! A client of the SDK on the tenant: the one place where the emulator uses it.

use std::sync::Arc;

use entra_apps::random::Randomness as _;
use entra_apps::{Client, ClientBuilder};

use crate::random::SeededRandomness;
use crate::{Caller, MemoryTenant};

impl MemoryTenant {
    /// A client on this tenant, signed in as its [caller](Self::caller) and living by its clock. Each client has
    /// randomness of its own, the same in each run of the same seed.
    ///
    /// # Panics
    /// Never: nothing is missing that a client needs.
    pub fn client(&self) -> Client {
        self.client_builder().build().expect("tenant, credential, transport and clock are given")
    }

    /// A client on this tenant like [`client`](Self::client), signed in as another app.
    ///
    /// # Panics
    /// Never: nothing is missing that a client needs.
    pub fn client_of(&self, caller: &Caller) -> Client {
        let builder = self.client_builder().client_secret(caller.client_id, caller.client_secret.clone());
        builder.build().expect("tenant, credential, transport and clock are given")
    }

    /// The builder of a [client](Self::client) on this tenant, to be changed before it is built.
    pub fn client_builder(&self) -> ClientBuilder {
        let caller = self.caller();
        let mut seed = [0; 8];
        self.0.client_seeds.fill(&mut seed);
        Client::builder()
            .tenant(self.id())
            .client_secret(caller.client_id, caller.client_secret)
            .transport(Arc::new(self.clone()))
            .clock(self.clock())
            .randomness(Arc::new(SeededRandomness::new(u64::from_le_bytes(seed))))
    }
}
