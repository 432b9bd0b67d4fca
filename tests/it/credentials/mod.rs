//! Certificates and federated credentials, in a registration and by the typed client.

mod certificates;
mod federated;
mod typed;
