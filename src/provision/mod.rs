//! The provisioner: a registration is planned, applied and verified.

mod apply;
mod caller;
mod consent;
mod credential;
mod diagnose;
mod diff;
mod observe;
mod observed;
mod plan;
mod plan_request;
mod preflight;
mod redirect_uri;
mod registration;
mod report;
mod requests;
mod run;
mod secret_readiness;
mod secrets;
mod verify;

pub use apply::{Apply, ApplyError, Progress};
pub use caller::{CallerPermissions, EntraRole};
pub use credential::{ClientSecret, Lifetime};
pub use diagnose::{Diagnose, Diagnosis, Evidence, Finding};
pub use plan::{Line, Mark, Plan};
pub use plan_request::{PlanRequest, VerifyRequest};
pub use preflight::{CallerKind, Missing, Preflight, PreflightCheck, Verdict};
pub use redirect_uri::{Platform, RedirectUri};
pub use registration::AppRegistration;
pub use report::{IssuedSecret, OpenItem, Registered, RegisteredApplication, SecretSink};
pub use secret_readiness::{SecretReadiness, WaitUntilUsable};
pub use verify::{Checklist, ChecklistItem};
