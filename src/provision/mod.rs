//! The provisioner: a registration is planned, applied and verified.

mod apply;
mod caller;
mod consent;
mod credential;
mod diagnose;
mod diff;
mod observe;
mod plan;
mod planning;
mod preflight;
mod redirect_uri;
mod report;
mod requests;
mod run;
mod secrets;
mod snapshot;
mod spec;
mod usable;
mod verify;

pub use apply::{Apply, ApplyError, Progress};
pub use caller::{CallerPermissions, EntraRole};
pub use credential::{ClientSecret, Lifetime};
pub use diagnose::{Diagnose, Diagnosis, Evidence, Finding};
pub use plan::{Line, Mark, Plan};
pub use planning::{PlanRequest, VerifyRequest};
pub use preflight::{CallerKind, Missing, Preflight, PreflightCheck, Verdict};
pub use redirect_uri::{Platform, RedirectUri};
pub use report::{IssuedSecret, OpenItem, Registered, RegisteredApplication, SecretSink};
pub use spec::AppRegistration;
pub use usable::{Usable, WaitUntilUsable};
pub use verify::{Checklist, ChecklistItem};
