//! The one place where the tenant meets the client: a client on it, signed in as its caller.

use std::sync::Arc;

use crate::client::{Client, ClientBuilder};
use crate::memory::MemoryTenant;

impl MemoryTenant {
    /// A client on this tenant, signed in as its [caller](Self::caller), whose time is the tenant's.
    ///
    /// # Panics
    /// Never: nothing is missing that a client needs.
    pub fn client(&self) -> Client {
        self.client_builder().build().expect("tenant, credential, transport and clock are given")
    }

    /// The same, to be changed before it is built.
    pub fn client_builder(&self) -> ClientBuilder {
        let caller = self.caller();
        Client::builder()
            .tenant(self.id())
            .client_secret(caller.client_id, caller.client_secret)
            .transport(Arc::new(self.clone()))
            .clock(self.clock())
    }
}
