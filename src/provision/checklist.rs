//! The checklist: every step of the guide, ticked or not, with the remedy.

use std::fmt;

use time::OffsetDateTime;

use crate::error::on_one_line;
use crate::permission::PermissionKind;
use crate::provision::diff::{Diff, permission_code};
use crate::provision::observed::Observed;
use crate::provision::plan_options::PlanOptions;
use crate::provision::registration::AppRegistration;
use crate::provision::step::StepStatus;

/// Every step of the guide, ticked or not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checklist {
    /// The steps, in the order of the guide.
    pub items: Vec<ChecklistItem>,
}

/// One step of the guide, ticked or not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChecklistItem {
    /// A stable code, such as `permission_granted:Directory.Read.All:application`.
    pub code: String,
    /// The step, in the words of the guide.
    pub step: String,
    /// Whether the app does not work without it. What is surplus, and what only a person can confirm, is not required.
    pub required: bool,
    /// Whether it is done.
    pub done: bool,
    /// What to do, where it is not.
    pub remedy: Option<String>,
}

impl Checklist {
    /// Whether every required step is done.
    pub fn is_done(&self) -> bool {
        self.items.iter().all(|item| item.done || !item.required)
    }

    /// The steps that are not done, the ones that are not required among them.
    pub fn open(&self) -> impl Iterator<Item = &ChecklistItem> {
        self.items.iter().filter(|item| !item.done)
    }

    pub(super) fn of(registration: &AppRegistration, observed: &Observed, now: OffsetDateTime) -> Self {
        let mut list = Self { items: Vec::new() };
        list.registration(registration, observed);
        list.settings(registration, observed, now);
        list.permissions(registration, observed);
        list.secrets(registration, observed, now);
        list.used_in_time(registration, observed, now);
        list.surplus(registration, observed, now);
        for confirmation in &registration.confirmations {
            list.items.push(ChecklistItem {
                code: format!("confirm:{}", confirmation.code),
                step: confirmation.step.clone(),
                required: false,
                done: false,
                remedy: Some("Only a person can confirm this.".to_owned()),
            });
        }
        list
    }

    fn add_required(&mut self, code: impl Into<String>, step: impl Into<String>, done: bool, remedy: &str) {
        let remedy = (!done).then(|| remedy.to_owned());
        let step = on_one_line(step.into());
        self.items.push(ChecklistItem { code: code.into(), step, required: true, done, remedy });
    }

    fn registration(&mut self, registration: &AppRegistration, observed: &Observed) {
        let app = observed.application.as_ref();
        self.add_required(
            "registered",
            format!("“{}” is registered in Microsoft Entra", registration.display_name),
            app.is_some(),
            "Apply the registration; an application that was made by hand is adopted by its client id.",
        );
        self.add_required(
            "service_principal",
            "The app is present in this tenant and may sign in",
            observed.principal.as_ref().is_some_and(|principal| principal.enabled),
            "Apply the registration; if the app is there and disabled, enable it under Enterprise applications.",
        );
        self.add_required(
            "audience",
            format!("Supported account types: {}", registration.audience.portal_name()),
            app.is_some_and(|app| app.audience == registration.audience),
            "Apply the registration, or set it under Authentication.",
        );
        for uri in &registration.redirect_uris {
            self.add_required(
                format!("redirect_uri:{}:{}", uri.platform.as_str(), uri.uri),
                format!("Redirect URI {uri}"),
                app.is_some_and(|app| app.has_redirect_uri(uri)),
                "Apply the registration, or add it under Authentication, letter for letter.",
            );
        }
    }

    /// The other settings, as the plan compares them.
    fn settings(&mut self, registration: &AppRegistration, observed: &Observed, now: OffsetDateTime) {
        let listed =
            ["display_name", "public_client_flows", "property_lock", "notes", "homepage", "logout_url", "tag:"];
        let planned = Diff::between(registration, observed, &PlanOptions::default(), now).steps;
        for step in planned {
            if !listed.iter().any(|start| step.code.starts_with(start)) {
                continue;
            }
            let text = match step.code.as_str() {
                "public_client_flows" => {
                    let state = if registration.public_client_flows == Some(true) { "enabled" } else { "disabled" };
                    format!("Public client flows are {state}")
                }
                "property_lock" => "App instance property lock".to_owned(),
                "display_name" => format!("Display name: {}", registration.display_name),
                _ => step.text.split(" → ").last().unwrap_or(&step.text).to_owned(),
            };
            let done = observed.application.is_some() && step.status == StepStatus::Unchanged;
            self.add_required(step.code, text, done, "Apply the registration, or set it in the portal.");
        }
    }

    fn permissions(&mut self, registration: &AppRegistration, observed: &Observed) {
        for permission in registration.wanted_permissions() {
            let Some(resolved) = observed.resolved(permission) else { continue };
            self.add_required(
                permission_code("permission_declared", resolved),
                format!("Permission {permission} is added"),
                observed.is_declared(resolved),
                "Apply the registration, or add it under API permissions.",
            );
            let kind = match permission.kind() {
                PermissionKind::Application => "for the app itself",
                PermissionKind::Delegated => "for all users",
            };
            self.add_required(
                permission_code("permission_granted", resolved),
                format!("Admin consent is granted for {permission}, {kind}"),
                observed.is_granted(resolved),
                if registration.admin_consent {
                    "Apply the registration, or click Grant admin consent under API permissions, as an administrator who may."
                } else {
                    "Click Grant admin consent under API permissions, as an administrator who may."
                },
            );
        }
    }

    fn secrets(&mut self, registration: &AppRegistration, observed: &Observed, now: OffsetDateTime) {
        for wanted in &registration.credentials {
            let name = wanted.name();
            let live =
                observed.application.iter().flat_map(|app| app.live_secrets(name, now)).max_by_key(|secret| secret.end);
            let until = live
                .and_then(|secret| secret.end)
                .map_or_else(String::new, |end| format!(", valid until {}", end.date()));
            let expired = observed
                .application
                .iter()
                .flat_map(|app| &app.secrets)
                .any(|secret| secret.name.as_deref() == Some(name));
            let remedy = if expired {
                "It has expired: apply the registration to issue another, and store its value where the app reads it."
            } else {
                "Apply the registration to issue it, and store its value where the app reads it."
            };
            self.add_required(
                format!("secret:{name}"),
                format!("Client secret “{name}” is generated{until}"),
                live.is_some(),
                remedy,
            );
        }
    }

    fn used_in_time(&mut self, registration: &AppRegistration, observed: &Observed, now: OffsetDateTime) {
        let Some(within) = registration.use_within else { return };
        let end =
            observed.application.as_ref().and_then(|app| app.created).and_then(|created| created.checked_add(within));
        let step = match end {
            Some(end) => {
                format!(
                    "The registration is still usable, until {} {:02}:{:02} UTC",
                    end.date(),
                    end.hour(),
                    end.minute()
                )
            }
            None => format!("The registration is to be used within {} hours of its creation", within.whole_hours()),
        };
        let remedy = match end {
            Some(_) => "It is too late: delete this registration for good and make a new one.",
            None => "Apply the registration first.",
        };
        self.add_required("used_in_time", step, end.is_some_and(|end| now < end), remedy);
    }

    fn surplus(&mut self, registration: &AppRegistration, observed: &Observed, now: OffsetDateTime) {
        let kinds = [
            ("surplus:permission_granted", "surplus_grant", "Enterprise applications, Permissions"),
            ("surplus:permission_declared", "surplus_declaration", "App registrations, API permissions"),
        ];
        for step in Diff::between(registration, observed, &PlanOptions::default(), now).steps {
            let Some((start, code, place)) = kinds.iter().find(|(start, ..)| step.code.starts_with(start)) else {
                continue;
            };
            self.items.push(ChecklistItem {
                code: step.code.replacen(start, code, 1),
                step: format!("Nothing more than needed: {}", step.text),
                required: false,
                done: false,
                remedy: Some(format!("Take it away under {place}, if nothing else needs it; remove_surplus does it.")),
            });
        }
    }
}

impl fmt::Display for Checklist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in &self.items {
            writeln!(f, "[{}] {}", if item.done { 'x' } else { ' ' }, item.step)?;
            if let Some(remedy) = &item.remedy {
                writeln!(f, "      {remedy}")?;
            }
        }
        Ok(())
    }
}
