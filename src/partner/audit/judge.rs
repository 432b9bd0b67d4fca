//! The judgement: from what is known of a customer's consent and of its relationships to its outcome. It reads nothing.

use crate::error::ErrorCode;
use crate::partner::audit::consent::{Known, Refusal};
use crate::partner::outcome::{CustomerOutcome, CustomerState, Reason};
use crate::partner::readiness::{CustomerReadiness, Gap, GapSeverity, ReadinessOutcome};
use crate::provision::consent_check::{Consent, Principal};

/// How the consent itself stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Complete,
    Missing,
    /// Something in the customer's tenant is in the way of it.
    InTheWay,
    Unknown,
}

/// The outcome of one customer. A consent that is complete counts, whatever has become of the relationship since.
pub(in crate::partner) fn outcome(readiness: &CustomerReadiness, partner: &[Gap], known: Known) -> CustomerOutcome {
    let (verdict, reasons) = judge(known);
    let state = match (verdict, readiness.outcome) {
        (Verdict::Complete, _) => CustomerState::AlreadyConsented,
        (Verdict::InTheWay, _) | (_, ReadinessOutcome::NotReady) => CustomerState::NotReady,
        (_, ReadinessOutcome::NotYet) => CustomerState::NotYet,
        (Verdict::Missing, _) => CustomerState::NotConsented,
        (Verdict::Unknown, _) => CustomerState::Unknown,
    };
    // What the partner is told of once counts here where it keeps this customer from being ready.
    let everywhere = partner.iter().filter(|gap| gap.severity() != GapSeverity::Notice);
    let everywhere = everywhere.filter(|_| state != CustomerState::AlreadyConsented);
    let gaps = readiness.gaps.iter().chain(everywhere).map(Reason::from);
    CustomerOutcome::new(&readiness.customer, state, gaps.chain(reasons).collect())
}

fn judge(known: Known) -> (Verdict, Vec<Reason>) {
    match known {
        Known::Read(consent) => judge_consent(&consent),
        Known::Absent => (Verdict::Missing, vec![Reason::of(ErrorCode::ServicePrincipalMissing, Vec::new())]),
        Known::Disabled => (Verdict::InTheWay, vec![Reason::of(ErrorCode::AppDisabled, Vec::new())]),
        Known::TenantGone(error) => (Verdict::InTheWay, vec![Reason::from(&error)]),
        Known::NotAsked => (Verdict::Unknown, Vec::new()),
        Known::Refused(refusals) => refused(&refusals),
    }
}

fn judge_consent(consent: &Consent) -> (Verdict, Vec<Reason>) {
    let mut reasons = Vec::new();
    let mut verdict = Verdict::Complete;
    let mut find = |found: Verdict, reason: Reason| {
        let weight = |verdict: Verdict| match verdict {
            Verdict::Complete => 0,
            Verdict::Unknown => 1,
            Verdict::Missing => 2,
            Verdict::InTheWay => 3,
        };
        if weight(found) > weight(verdict) {
            verdict = found;
        }
        reasons.push(reason);
    };
    match &consent.principal {
        Principal::Present => {}
        Principal::Disabled => find(Verdict::InTheWay, Reason::of(ErrorCode::AppDisabled, Vec::new())),
        Principal::Absent => find(Verdict::Missing, Reason::of(ErrorCode::ServicePrincipalMissing, Vec::new())),
        Principal::Deleted(ids) => {
            let code = ErrorCode::ServicePrincipalDeleted;
            let detail = format!("{}: {}", code.cause(), ids.join(", "));
            let remedy = "Restore it among the deleted objects if it is to come back, or consent again.";
            find(Verdict::Missing, Reason::new(code, ids.clone(), detail, remedy));
        }
        Principal::OfAnotherPublisher(owner) => {
            find(Verdict::InTheWay, Reason::of(ErrorCode::WrongPublisher, vec![owner.to_string()]));
        }
    }
    for (code, about, text, remedy) in &consent.obstacles {
        find(Verdict::InTheWay, Reason::new(*code, vec![about.clone()], text, remedy));
    }
    if let Some(member) = consent.unreadable {
        let reason = Reason::of(ErrorCode::UnreadableMember, vec![member.to_owned()]);
        find(Verdict::Unknown, reason);
    } else if !consent.missing.is_empty() && !is_absent(&consent.principal) {
        let list = consent.missing.join(", ");
        let (code, detail) = match consent.is_any_granted {
            true => (
                ErrorCode::PermissionAddedAfterConsent,
                format!("the app lacks {list}, which was taken away, or added after the consent, or left out of it"),
            ),
            false => {
                (ErrorCode::ConsentMissing, format!("the app holds none of the permissions that it needs: {list}"))
            }
        };
        find(Verdict::Missing, Reason::new(code, consent.missing.clone(), detail, code.remedy()));
    }
    if !consent.unseen.is_empty() {
        find(Verdict::Unknown, Reason::of(ErrorCode::DelegatedPermissionsUnseen, consent.unseen.clone()));
    }
    if !consent.surplus.is_empty() {
        find(Verdict::Complete, Reason::of(ErrorCode::SurplusPermissions, consent.surplus.clone()));
    }
    if consent.assignment_required {
        find(Verdict::Complete, Reason::of(ErrorCode::AssignmentRequired, Vec::new()));
    }
    for notice in &consent.notices {
        find(Verdict::Complete, Reason::new(notice.code, notice.about.clone(), &*notice.text, &*notice.remedy));
    }
    (verdict, reasons)
}

/// Whether there is no service principal, which says already that nothing is granted.
fn is_absent(principal: &Principal) -> bool {
    matches!(principal, Principal::Absent | Principal::Deleted(_))
}

/// What a refusal of who asked says of the customer: never that the consent is missing.
fn refused(refusals: &[Refusal]) -> (Verdict, Vec<Reason>) {
    let is_blocked =
        |code| matches!(code, ErrorCode::BlockedByConditionalAccess | ErrorCode::BlockedByCrossTenantPolicy);
    if let Some(blocked) = refusals.iter().find(|it| it.is_of_person && is_blocked(it.error.code())) {
        let gap = Gap::BlockedByCustomer { error: blocked.error.code(), partner: None };
        return (Verdict::InTheWay, vec![Reason::from(&gap)]);
    }
    let reasons = refusals.iter().map(|Refusal { error, is_of_app_itself, .. }| {
        let who = if *is_of_app_itself { "the app itself asked" } else { "who asked was refused" };
        let detail = format!("{}, because {who}: {}", ErrorCode::ConsentUnknown.cause(), error.message());
        let remedy = match is_about_the_asking_app(error.code()) && !is_of_app_itself {
            true => ErrorCode::ConsentUnknown.remedy(),
            false => error.remedy(),
        };
        Reason::new(ErrorCode::ConsentUnknown, vec![error.code().to_string()], detail, remedy)
    });
    (Verdict::Unknown, reasons.collect())
}

/// Whether a sign-in was refused because nobody has consented to the app that asked.
pub(in crate::partner) fn is_about_the_asking_app(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NotConsented
            | ErrorCode::AppNotInTenant
            | ErrorCode::ServicePrincipalMissing
            | ErrorCode::PartnerNotAuthorized
            | ErrorCode::CallerNotInTenant
            | ErrorCode::AdminConsentNeeded
            | ErrorCode::PermissionsNotDeclared
    )
}
