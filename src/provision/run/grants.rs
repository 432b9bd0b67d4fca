//! Admin consent: grants what is missing of both kinds of permissions, and leaves alone what users granted.

use crate::consent::ConsentApp;
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::ids::{AppRoleAssignmentId, OAuth2PermissionGrantId};
use crate::model::{
    AppRoleAssignment, NewAppRoleAssignment, NewOAuth2PermissionGrant, OAuth2PermissionGrant,
    OAuth2PermissionGrantPatch,
};
use crate::permission::PermissionKind;
use crate::provision::caller_permissions::{EntraRole, is_graph};
use crate::provision::changes::{PendingChanges, ScopeChange};
use crate::provision::observe::{self, wait_for_replicas};
use crate::provision::observed::{Assignment, Grant, Resolved};
use crate::provision::report::OpenItem;
use crate::provision::run::{Run, keep_first};

impl Run<'_> {
    /// Grants what is missing of both kinds, and removes what is surplus: one batch of 20 at most.
    pub(super) async fn change_grants(&mut self, pending: &PendingChanges, round: u32) -> Result<(), Error> {
        let Some(principal) = self.observed.principal.as_ref().map(|principal| principal.id) else { return Ok(()) };
        let mut batch = self.client.batch();
        let mut roles = Vec::new();
        for resolved in &pending.roles {
            let Some(resource) = self.observed.resource(resolved.permission.api()) else { continue };
            let new = NewAppRoleAssignment::new(principal, resource, resolved.id);
            // The directory holds each assignment once: a second attempt is refused, not doubled.
            roles.push((batch.add(self.client.app_role_assignments().create(&new).repeatable()), resolved));
        }
        let mut created = Vec::new();
        let mut updated = Vec::new();
        for change in &pending.scopes {
            let Some(resource) = self.observed.resource(change.api) else { continue };
            let api = self.client.oauth2_permission_grants();
            match &change.existing {
                Some(id) => {
                    let patch = OAuth2PermissionGrantPatch::new().scopes(&change.scopes);
                    updated.push((batch.add(api.update(id, &patch)), change));
                }
                None => {
                    let new = NewOAuth2PermissionGrant::for_all_principals(principal, resource, &change.scopes);
                    created.push((batch.add(api.create(&new).repeatable()), change));
                }
            }
        }
        let mut deleted_roles = Vec::new();
        for (resource, id) in &pending.surplus_roles {
            deleted_roles.push((batch.add(self.client.app_role_assignments().delete(*resource, id)), id));
        }
        let mut deleted_grants = Vec::new();
        for id in &pending.surplus_grants {
            deleted_grants.push((batch.add(self.client.oauth2_permission_grants().delete(id)), id));
        }
        let mut responses = batch.send().await?;
        let mut first = None;
        for (handle, resolved) in roles {
            let response = responses.take(handle);
            keep_first(&mut first, self.role_granted(resolved, response).await);
        }
        let mut read_again = false;
        for (handle, change) in created {
            let response = responses.take(handle);
            read_again |= response.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict);
            keep_first(&mut first, self.grant_created(change, response));
        }
        for (handle, change) in updated {
            let response: Result<(), Error> = responses.take(handle);
            read_again |= response.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound);
            keep_first(&mut first, self.grant_updated(change, response));
        }
        for (handle, id) in deleted_roles {
            let response = responses.take(handle);
            keep_first(&mut first, self.role_deleted(id, response));
        }
        for (handle, id) in deleted_grants {
            let response = responses.take(handle);
            keep_first(&mut first, self.grant_deleted(id, response));
        }
        if read_again {
            self.read_grants_again(round).await?;
        }
        first.map_or(Ok(()), Err)
    }

    /// Reports the grants that are missing because the caller may not grant them, with the admin consent link for
    /// somebody who may, where the app has an address to come back to.
    pub(in crate::provision) fn report_missing_consent(&mut self) {
        let (Some(app), true) = (&self.observed.application, self.observed.principal.is_some()) else { return };
        let registration = &self.plan.registration;
        let wanted = registration.wanted_permissions().filter(|_| registration.admin_consent);
        let missing: Vec<&Resolved> = wanted
            .filter_map(|permission| self.observed.resolved(permission))
            .filter(|resolved| !self.observed.is_granted(resolved))
            .collect();
        if missing.is_empty() {
            return;
        }
        let tenant = self.observed.tenant;
        let consent = ConsentApp::new(app.app_id, tenant).audience(&app.audience);
        let consent = app.redirect_uris.iter().fold(consent, |consent, uri| consent.redirect_uri(&uri.uri));
        let consent = app.declared.iter().fold(consent, |consent, declared| consent.declares(declared.api));
        let link = consent
            .browser_redirect_uri()
            .and_then(|uri| consent.link_without_state(self.client.cloud(), &tenant.into(), uri).ok());
        let of_graph = |resolved: &&Resolved| {
            resolved.permission.kind() == PermissionKind::Application && is_graph(resolved.permission.api())
        };
        let role = match missing.iter().any(of_graph) {
            true => EntraRole::PrivilegedRoleAdministrator,
            false => EntraRole::CloudApplicationAdministrator,
        };
        let names: Vec<_> = missing.iter().map(|resolved| resolved.permission.to_string()).collect();
        let action = match &link {
            Some(_) => "open the link and accept",
            None => "click Grant admin consent under API permissions of the app",
        };
        self.report.open.push(OpenItem {
            code: "admin_consent".to_owned(),
            text: format!("admin consent is missing for {}, which the caller may not grant", names.join(", ")),
            remedy: format!("Ask somebody with the role {role} to {action}; then verify."),
            link,
        });
    }

    /// Takes in the response to the creation of an app role assignment.
    async fn role_granted(
        &mut self,
        resolved: &Resolved,
        response: Result<AppRoleAssignment, Error>,
    ) -> Result<(), Error> {
        let id = match response {
            Ok(assignment) => assignment.id,
            // It is there: that is what was asked for.
            Err(error) if error.code() == ErrorCode::AlreadyGranted => None,
            Err(error) if error.code() == ErrorCode::PermissionNotInTenant => {
                return self.correct_permission_id(resolved, error).await;
            }
            Err(error) => return Err(error),
        };
        if let (Some(resource), Some(principal)) =
            (self.observed.resource(resolved.permission.api()), &mut self.observed.principal)
        {
            principal.assignments.push(Assignment { id, resource, resource_name: None, role: resolved.id });
        }
        self.done(format!("granted {}", resolved.permission));
        Ok(())
    }

    /// Corrects the id of a permission that the tenant does not know: the name is looked up there once.
    async fn correct_permission_id(&mut self, resolved: &Resolved, error: Error) -> Result<(), Error> {
        let api = resolved.permission.api();
        if !self.published.contains_key(&api) {
            let principal = observe::read_published(&self.client, api).await?;
            self.published.insert(api, principal);
        }
        let principal = self.published.get(&api).and_then(Option::as_ref);
        let unknown = Error::new(ErrorCode::PermissionNotInTenant)
            .with_message(format!("the API does not know the permission {} in this tenant", resolved.permission))
            .with_source(error);
        let Ok(found) = observe::find_published(&resolved.permission, principal) else { return Err(unknown) };
        if found.id == resolved.id {
            return Err(unknown);
        }
        let wrong = resolved.declared();
        if let Some(app) = &mut self.observed.application {
            app.declared.retain(|declared| *declared != wrong);
        }
        for entry in self.observed.permissions.iter_mut().filter(|entry| entry.permission == resolved.permission) {
            entry.id = found.id;
        }
        let text = format!("{} has the id {} in this tenant, not {}", resolved.permission, found.id, resolved.id);
        self.report.corrections.push(text);
        Ok(())
    }

    /// Takes in the response to the creation of a grant.
    fn grant_created(
        &mut self,
        change: &ScopeChange,
        response: Result<OAuth2PermissionGrant, Error>,
    ) -> Result<(), Error> {
        match response.map(observe::read_grant) {
            Ok(Some(grant)) => {
                if let Some(principal) = &mut self.observed.principal {
                    principal.grants.push(grant);
                }
                self.done(format!("granted {} (delegated, for all users)", change.scopes.join(", ")));
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes in the response to the update of a grant.
    fn grant_updated(&mut self, change: &ScopeChange, response: Result<(), Error>) -> Result<(), Error> {
        match response {
            Ok(()) => {
                let grants = self.observed.principal.iter_mut().flat_map(|principal| &mut principal.grants);
                for grant in grants.filter(|grant| Some(&grant.id) == change.existing.as_ref()) {
                    grant.scopes.clone_from(&change.scopes);
                    grant.scopes.sort();
                }
                self.done(format!("granted {} (delegated, for all users)", change.scopes.join(", ")));
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes in the response to the deletion of an app role assignment.
    fn role_deleted(&mut self, id: &AppRoleAssignmentId, response: Result<(), Error>) -> Result<(), Error> {
        match response {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if let Some(principal) = &mut self.observed.principal {
            principal.assignments.retain(|assignment| assignment.id.as_ref() != Some(id));
        }
        self.done("removed a grant that is not named");
        Ok(())
    }

    /// Takes in the response to the deletion of a grant.
    fn grant_deleted(&mut self, id: &OAuth2PermissionGrantId, response: Result<(), Error>) -> Result<(), Error> {
        match response {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if let Some(principal) = &mut self.observed.principal {
            principal.grants.retain(|grant| grant.id != *id);
        }
        self.done("removed a grant that is not named");
        Ok(())
    }

    /// Reads the grants again after one was in the way, or gone.
    async fn read_grants_again(&mut self, round: u32) -> Result<(), Error> {
        let Some(app_id) = self.observed.application.as_ref().map(|app| app.app_id) else { return Ok(()) };
        let Some(observed) = observe::read_principal(&self.client, app_id).await? else { return Ok(()) };
        let before: Option<Vec<Grant>> = self.observed.principal.as_ref().map(|principal| principal.grants.clone());
        if before.as_ref() == Some(&observed.grants) {
            wait_for_replicas(&self.client, "GET /servicePrincipals/{id}/oauth2PermissionGrants", round).await?;
        }
        if let Some(principal) = &mut self.observed.principal {
            principal.grants = observed.grants;
        }
        Ok(())
    }
}
