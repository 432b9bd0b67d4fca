//! How one customer stands, or what became of one: the same for an audit and for a run over all customers.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, IgnoredAny};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorCode, foreign};
use crate::ids::TenantId;
use crate::partner::customers::Customer;
use crate::partner::readiness::Gap;
use crate::strict::Strict;

/// The state of the consent to an app in a customer's tenant. In JSON it is its name in snake case.
///
/// ```
/// use entra_apps::partner::CustomerState;
///
/// assert_eq!(serde_json::to_value(CustomerState::AlreadyConsented)?, "already_consented");
/// assert_eq!(CustomerState::NotReady.to_string(), "not ready");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CustomerState {
    /// This run has consented.
    Consented,
    /// Everything was granted already, whoever did it.
    AlreadyConsented,
    /// This run has added what was missing from the consent.
    Widened,
    /// This run has taken it away.
    Revoked,
    /// The consent is missing, or a part of it, and nothing stands in the way of giving it.
    NotConsented,
    /// It can be consented in a while.
    NotYet,
    /// Something stands in the way that somebody has to remove first: in the relationship, or in the customer's tenant.
    NotReady,
    /// It was left out.
    Skipped,
    /// It was tried, and failed.
    Failed,
    /// It could not be told.
    Unknown,
}

impl CustomerState {
    /// The name in snake case, which is its stable code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Consented => "consented",
            Self::AlreadyConsented => "already_consented",
            Self::Widened => "widened",
            Self::Revoked => "revoked",
            Self::NotConsented => "not_consented",
            Self::NotYet => "not_yet",
            Self::NotReady => "not_ready",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// The words of its name, for a person.
impl fmt::Display for CustomerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.as_str().replace('_', " "))
    }
}

/// The stable code of a [`Reason`], in snake case: that of an [`ErrorCode`] or of a [`Gap`]. A code of another version is
/// kept as it is.
///
/// ```
/// use entra_apps::ErrorCode;
/// use entra_apps::partner::{Gap, ReasonCode};
///
/// assert_eq!(ReasonCode::from(ErrorCode::AppDisabled).as_str(), "app_disabled");
/// assert!(ReasonCode::from(&Gap::NoRelationship) == Gap::NoRelationship);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ReasonCode(Cow<'static, str>);

/// The longest code that is read, in bytes.
const MAX_CODE_LENGTH: usize = 64;

impl ReasonCode {
    /// The text, in snake case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<ErrorCode> for ReasonCode {
    fn from(code: ErrorCode) -> Self {
        Self(code.as_str().into())
    }
}

impl From<&Gap> for ReasonCode {
    fn from(gap: &Gap) -> Self {
        Self(gap.code().into())
    }
}

impl PartialEq<ErrorCode> for ReasonCode {
    fn eq(&self, code: &ErrorCode) -> bool {
        self.0 == code.as_str()
    }
}

/// Whether it is the code of the gap; what the gap is about is not compared.
impl PartialEq<Gap> for ReasonCode {
    fn eq(&self, gap: &Gap) -> bool {
        self.0 == gap.code()
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ReasonCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        match !code.is_empty() && code.len() <= MAX_CODE_LENGTH && code.bytes().all(is_code) {
            true => Ok(Self(code.into())),
            false => Err(de::Error::custom("a code is a few words in snake case")),
        }
    }
}

/// One reason for the state of a customer, or something to know of it.
///
/// # JSON
/// `code`, `about` (a list, left out where it is empty), `detail` and `remedy`.
///
/// ```
/// use entra_apps::partner::{Gap, Reason};
///
/// let reason = Reason::from(&Gap::NoRelationship);
/// assert_eq!(serde_json::to_value(&reason)?["code"], "no_relationship");
/// println!("{reason}"); // with what to do
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct Reason {
    /// What it is.
    pub code: ReasonCode,
    /// What it is about, in order: permissions such as `User.Read.All:application`, the ids of a relationship or of groups,
    /// an API, or the code of an error. Two reports tell reasons of one code apart by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<String>,
    /// What is the case, as a clause.
    pub detail: String,
    /// What to do about it, in sentences.
    pub remedy: String,
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Self { code, about, detail, remedy } = Self::deserialize(Strict(deserializer))?;
        Ok(Self::new(code, about, detail, remedy))
    }
}

impl Reason {
    pub(super) fn new(
        code: impl Into<ReasonCode>,
        about: Vec<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let mut about: Vec<String> = about.into_iter().map(foreign).collect();
        about.sort();
        about.dedup();
        Self { code: code.into(), about, detail: foreign(detail.into()), remedy: foreign(remedy.into()) }
    }

    /// The reason of a code, with its remedy, about these things, which stand behind its cause.
    pub(super) fn of(code: ErrorCode, about: Vec<String>) -> Self {
        let detail = match about.is_empty() {
            true => code.cause().to_owned(),
            false => format!("{}: {}", code.cause(), about.join(", ")),
        };
        Self::new(code, about, detail, code.remedy())
    }

    /// Whether another reason says the same, in whatever words.
    pub fn is_same(&self, other: &Self) -> bool {
        self.code == other.code && self.about == other.about
    }
}

impl From<&Gap> for Reason {
    fn from(gap: &Gap) -> Self {
        let relationship = gap.relationship().map(ToString::to_string);
        let groups = gap.groups().iter().map(ToString::to_string);
        let roles = gap.roles().iter().map(ToString::to_string);
        let error = match gap {
            Gap::Unknown { error, .. } => Some(error.to_string()),
            _ => None,
        };
        let about = relationship.into_iter().chain(groups).chain(roles).chain(error).collect();
        Self::new(gap, about, gap.to_string(), gap.remedy())
    }
}

impl From<&Error> for Reason {
    fn from(error: &Error) -> Self {
        Self::new(error.code(), Vec::new(), error.message(), error.remedy())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.detail, self.remedy)
    }
}

/// How one customer stands, and why.
///
/// # JSON
/// `tenantId`, `displayName`, `outcome` (the [state](CustomerState)), `detail` and `remedy` (each all of its reasons in one
/// text), and `reasons` (each a [`Reason`]). `displayName`, `detail` and `remedy` are null where there are none.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
/// # use std::sync::Arc;
/// # let cloud = MemoryCloud::partner_with_customers(1);
/// # let partner = &cloud.tenants()[0];
/// # let caller = partner.add_caller(&["DelegatedAdminRelationship.Read.All", "Directory.Read.All"]);
/// # let builder = partner.client_builder().transport(Arc::new(cloud.clone()));
/// # let client = builder.client_secret(caller.client_id, caller.client_secret).build()?;
/// use entra_apps::partner::{CustomerOutcome, CustomerState};
/// use entra_apps::{AppRegistration, ErrorCode, SignInAudience};
///
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").audience(SignInAudience::MultipleOrganizations);
/// # let of_the_partner = cloud.client(partner);
/// # of_the_partner.apply(&of_the_partner.plan(&backup).await?).await.unwrap();
/// let audit = client.partner().audit(&backup);
/// # let audit = audit.settling(std::time::Duration::ZERO); // the relationship is new
/// let report = audit.await?;
/// let CustomerOutcome { display_name, state, reasons, .. } = &report.customers[0];
/// println!("{display_name:?}: {state}");
/// // Nobody has consented to the app that asks in the customer's tenant.
/// assert_eq!(*state, CustomerState::Unknown);
/// assert!(reasons.iter().any(|reason| reason.code == ErrorCode::ConsentUnknown));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CustomerOutcome {
    /// The tenant id.
    pub tenant_id: TenantId,
    /// The display name, where it is known.
    pub display_name: Option<String>,
    /// The state.
    pub state: CustomerState,
    /// The reasons for it, and what else is to know.
    pub reasons: Vec<Reason>,
}

impl CustomerOutcome {
    pub(super) fn new(customer: &Customer, state: CustomerState, reasons: Vec<Reason>) -> Self {
        let display_name = customer.display_name.clone().or_else(|| customer.default_domain.clone()).map(foreign);
        let mut outcome = Self { tenant_id: customer.tenant_id, display_name, state, reasons: Vec::new() };
        for reason in reasons {
            outcome.add(reason);
        }
        outcome
    }

    /// Adds a reason.
    pub(super) fn add(&mut self, reason: Reason) {
        if !self.has(&reason) {
            self.reasons.push(reason);
        }
    }

    /// Whether one of its reasons says the same.
    pub(super) fn has(&self, reason: &Reason) -> bool {
        self.reasons.iter().any(|own| own.is_same(reason))
    }

    /// The name to show: the display name, or the tenant id.
    pub fn name(&self) -> String {
        self.display_name.clone().unwrap_or_else(|| self.tenant_id.to_string())
    }

    /// What is the case, in one text; `None` where there is nothing to say.
    pub fn detail(&self) -> Option<String> {
        joined(self.reasons.iter().map(|reason| &*reason.detail), "; ")
    }

    /// What to do, in one text; `None` where there is nothing to do.
    pub fn remedy(&self) -> Option<String> {
        joined(self.reasons.iter().map(|reason| &*reason.remedy), " ")
    }
}

/// Texts as one, each once.
fn joined<'a>(texts: impl Iterator<Item = &'a str>, with: &str) -> Option<String> {
    let mut all: Vec<&str> = Vec::new();
    for text in texts {
        if !all.contains(&text) {
            all.push(text);
        }
    }
    (!all.is_empty()).then(|| all.join(with))
}

impl Serialize for CustomerOutcome {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(6))?;
        map.serialize_entry("tenantId", &self.tenant_id)?;
        map.serialize_entry("displayName", &self.display_name)?;
        map.serialize_entry("outcome", &self.state)?;
        map.serialize_entry("detail", &self.detail())?;
        map.serialize_entry("remedy", &self.remedy())?;
        map.serialize_entry("reasons", &self.reasons)?;
        map.end()
    }
}

/// An outcome as it is read: the texts that are made of its reasons are made again.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OutcomeFile {
    tenant_id: TenantId,
    display_name: Option<String>,
    outcome: CustomerState,
    #[serde(rename = "detail")]
    _detail: IgnoredAny,
    #[serde(rename = "remedy")]
    _remedy: IgnoredAny,
    reasons: Vec<Reason>,
}

impl<'de> Deserialize<'de> for CustomerOutcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let OutcomeFile { tenant_id, display_name, outcome, reasons, .. } =
            OutcomeFile::deserialize(Strict(deserializer))?;
        Ok(Self { tenant_id, display_name: display_name.map(foreign), state: outcome, reasons })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_one_code_in_text_and_in_json() {
        use CustomerState::{
            AlreadyConsented, Consented, Failed, NotConsented, NotReady, NotYet, Revoked, Skipped, Unknown, Widened,
        };
        let all =
            [Consented, AlreadyConsented, Widened, Revoked, NotConsented, NotYet, NotReady, Skipped, Failed, Unknown];
        for state in all {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(serde_json::from_value::<CustomerState>(state.as_str().into()).unwrap(), state);
            assert_eq!(state.to_string().replace(' ', "_"), state.as_str());
        }
    }

    #[test]
    fn what_is_said_by_others_is_shown_on_one_line_and_each_reason_once() {
        let customer = Customer {
            tenant_id: TenantId::from_u128(7),
            display_name: Some("Evil\r\n".to_owned()),
            default_domain: None,
            sources: Vec::new(),
        };
        let reason = |about: &[&str], detail: &str| {
            Reason::new(ErrorCode::SurplusPermissions, about.iter().map(|it| (*it).to_owned()).collect(), detail, "Go.")
        };
        let reasons = vec![reason(&["b", "a", "b"], "one\n"), reason(&["a", "b"], "two"), reason(&["c"], "three")];
        let outcome = CustomerOutcome::new(&customer, CustomerState::Unknown, reasons);
        assert_eq!(outcome.name(), "Evil  ");
        assert_eq!(outcome.detail().as_deref(), Some("one ; three"), "what is about the same is said once");
        assert_eq!(outcome.remedy().as_deref(), Some("Go."));
        assert_eq!(outcome.reasons[0].about, ["a", "b"]);
        let silent = CustomerOutcome::new(&customer, CustomerState::AlreadyConsented, Vec::new());
        assert_eq!((silent.detail(), silent.remedy()), (None, None));
    }
}
