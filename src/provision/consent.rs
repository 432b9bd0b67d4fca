//! Admin consent: what is missing of both kinds of permissions is granted, and nothing that users granted is touched.

use crate::client::refusal::ALREADY_GRANTED;
use crate::consent::{ConsentApp, ConsentTenant};
use crate::error::{Error, ErrorKind};
use crate::ids::OAuth2PermissionGrantId;
use crate::model::{
    AppRoleAssignment, NewAppRoleAssignment, NewOAuth2PermissionGrant, OAuth2PermissionGrant,
    OAuth2PermissionGrantPatch,
};
use crate::permission::PermissionKind;
use crate::provision::caller::{EntraRole, is_graph};
use crate::provision::diff::{ScopeWork, Todo};
use crate::provision::observe::{self, pause};
use crate::provision::observed::{Assignment, Grant, Resolved};
use crate::provision::registration::is_multi_tenant;
use crate::provision::report::OpenItem;
use crate::provision::run::{Run, keep_first};

impl Run<'_> {
    /// Admin consent: what is missing of both kinds, in one request of 20 at most.
    pub(super) async fn grants(&mut self, todo: &Todo, round: u32) -> Result<(), Error> {
        let Some(principal) = self.state.principal.as_ref().map(|principal| principal.id) else { return Ok(()) };
        let mut batch = self.client.batch();
        let mut roles = Vec::new();
        for resolved in &todo.roles {
            let Some(resource) = self.state.resource(resolved.permission.api()) else { continue };
            let new = NewAppRoleAssignment::new(principal, resource, resolved.id);
            // The directory holds each assignment once: a second attempt is refused, not doubled.
            roles.push((batch.add(self.client.app_role_assignments().create(&new).repeatable()), resolved));
        }
        let mut made = Vec::new();
        let mut widened = Vec::new();
        for work in &todo.scopes {
            let Some(resource) = self.state.resource(work.api) else { continue };
            let api = self.client.oauth2_permission_grants();
            match &work.existing {
                Some(id) => {
                    let patch = OAuth2PermissionGrantPatch::new().scopes(&work.scopes);
                    widened.push((batch.add(api.update(id, &patch)), work));
                }
                None => {
                    let new = NewOAuth2PermissionGrant::for_all_principals(principal, resource, &work.scopes);
                    made.push((batch.add(api.create(&new).repeatable()), work));
                }
            }
        }
        let mut removed = Vec::new();
        for (resource, id) in &todo.surplus_roles {
            removed.push((batch.add(self.client.app_role_assignments().delete(*resource, id)), id));
        }
        let mut taken = Vec::new();
        for id in &todo.surplus_grants {
            taken.push((batch.add(self.client.oauth2_permission_grants().delete(id)), id));
        }
        let mut responses = batch.send().await?;
        let mut first = None;
        for (handle, resolved) in roles {
            let response = responses.take(handle);
            keep_first(&mut first, self.role_granted(resolved, response).await);
        }
        let mut look_again = false;
        for (handle, work) in made {
            let response = responses.take(handle);
            look_again |= response.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict);
            keep_first(&mut first, self.grant_made(work, response));
        }
        for (handle, work) in widened {
            let response: Result<(), Error> = responses.take(handle);
            look_again |= response.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound);
            keep_first(&mut first, self.grant_widened(work, response));
        }
        for (handle, id) in removed {
            let response = responses.take(handle);
            keep_first(&mut first, self.role_removed(id, response));
        }
        for (handle, id) in taken {
            let response = responses.take(handle);
            keep_first(&mut first, self.grant_taken(id, response));
        }
        if look_again {
            self.look_at_grants(round).await?;
        }
        first.map_or(Ok(()), Err)
    }

    async fn role_granted(
        &mut self,
        resolved: &Resolved,
        response: Result<AppRoleAssignment, Error>,
    ) -> Result<(), Error> {
        let id = match response {
            Ok(assignment) => assignment.id,
            // It is there: that is what was asked for.
            Err(error) if error.code() == ALREADY_GRANTED => None,
            Err(error) if error.code() == "permission_unknown_in_tenant" => return self.correct(resolved, error).await,
            Err(error) => return Err(error),
        };
        if let (Some(resource), Some(principal)) =
            (self.state.resource(resolved.permission.api()), &mut self.state.principal)
        {
            principal.assignments.push(Assignment { id, resource, resource_name: None, role: resolved.id });
        }
        self.done(format!("granted {}", resolved.permission));
        Ok(())
    }

    /// The tenant does not know the id: the name is looked up there once, and the declaration corrected.
    async fn correct(&mut self, resolved: &Resolved, error: Error) -> Result<(), Error> {
        let api = resolved.permission.api();
        if !self.published.contains_key(&api) {
            let principal = observe::published(&self.client, api).await?;
            self.published.insert(api, principal);
        }
        let principal = self.published.get(&api).and_then(Option::as_ref);
        let unknown = Error::new(
            ErrorKind::Refused,
            "permission_unknown_in_tenant",
            format!("the API does not know the permission {} in this tenant", resolved.permission),
        )
        .with_remedy(
            "Leave it out for this tenant, or name one that its API publishes; some clouds lack some permissions.",
        )
        .with_source(error);
        let Ok(found) = observe::look_up(&resolved.permission, principal) else { return Err(unknown) };
        if found.id == resolved.id {
            return Err(unknown);
        }
        let wrong = resolved.declared();
        if let Some(app) = &mut self.state.application {
            app.declared.retain(|declared| *declared != wrong);
        }
        for entry in self.state.permissions.iter_mut().filter(|entry| entry.permission == resolved.permission) {
            entry.id = found.id;
        }
        let text = format!("{} has the id {} in this tenant, not {}", resolved.permission, found.id, resolved.id);
        self.report.corrections.push(text);
        Ok(())
    }

    fn grant_made(&mut self, work: &ScopeWork, response: Result<OAuth2PermissionGrant, Error>) -> Result<(), Error> {
        match response.map(observe::read_grant) {
            Ok(Some(grant)) => {
                if let Some(principal) = &mut self.state.principal {
                    principal.grants.push(grant);
                }
                self.done(format!("granted {} (delegated, for all users)", work.scopes.join(", ")));
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn grant_widened(&mut self, work: &ScopeWork, response: Result<(), Error>) -> Result<(), Error> {
        match response {
            Ok(()) => {
                let grants = self.state.principal.iter_mut().flat_map(|principal| &mut principal.grants);
                for grant in grants.filter(|grant| Some(&grant.id) == work.existing.as_ref()) {
                    grant.scopes.clone_from(&work.scopes);
                    grant.scopes.sort();
                }
                self.done(format!("granted {} (delegated, for all users)", work.scopes.join(", ")));
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn role_removed(&mut self, id: &crate::ids::AppRoleAssignmentId, response: Result<(), Error>) -> Result<(), Error> {
        match response {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if let Some(principal) = &mut self.state.principal {
            principal.assignments.retain(|held| held.id.as_ref() != Some(id));
        }
        self.done("removed a grant that is not named");
        Ok(())
    }

    /// The caller may not grant: somebody else may, and gets a link for it where the app has an address to come back to.
    pub(super) fn leave_consent_open(&mut self) {
        let (Some(app), true) = (&self.state.application, self.state.principal.is_some()) else { return };
        let registration = &self.plan.registration;
        let wanted = registration.wanted_permissions().filter(|_| registration.admin_consent);
        let missing: Vec<&Resolved> = wanted
            .filter_map(|permission| self.state.resolved(permission))
            .filter(|resolved| !self.state.is_granted(resolved))
            .collect();
        if missing.is_empty() {
            return;
        }
        let tenant = self.state.tenant;
        let consent = ConsentApp::new(app.app_id, tenant).multi_tenant(is_multi_tenant(&app.audience));
        let consent = app.redirect_uris.iter().fold(consent, |consent, uri| consent.redirect_uri(&uri.uri));
        let consent = app.declared.iter().fold(consent, |consent, declared| consent.declares(declared.api));
        let link = consent
            .browser_redirect_uri()
            .and_then(|uri| consent.link_without_state(self.client.cloud(), &ConsentTenant::Id(tenant), uri).ok());
        let of_graph = |resolved: &&Resolved| {
            resolved.permission.kind() == PermissionKind::Application && is_graph(resolved.permission.api())
        };
        let role = match missing.iter().any(of_graph) {
            true => EntraRole::PrivilegedRoleAdministrator,
            false => EntraRole::CloudApplicationAdministrator,
        };
        let names: Vec<_> = missing.iter().map(|resolved| resolved.permission.to_string()).collect();
        let place = match &link {
            Some(_) => "open the link and accept",
            None => "click Grant admin consent under API permissions of the app",
        };
        self.report.open.push(OpenItem {
            code: "admin_consent".to_owned(),
            text: format!("admin consent is missing for {}, which the caller may not grant", names.join(", ")),
            remedy: format!("Ask somebody with the role {role} to {place}; then verify."),
            link,
        });
    }

    fn grant_taken(&mut self, id: &OAuth2PermissionGrantId, response: Result<(), Error>) -> Result<(), Error> {
        match response {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if let Some(principal) = &mut self.state.principal {
            principal.grants.retain(|grant| grant.id != *id);
        }
        self.done("removed a grant that is not named");
        Ok(())
    }

    /// A grant is in the way, or gone: the lists say which.
    async fn look_at_grants(&mut self, round: u32) -> Result<(), Error> {
        let Some(app_id) = self.state.application.as_ref().map(|app| app.app_id) else { return Ok(()) };
        let Some(observed) = observe::read_principal(&self.client, app_id).await? else { return Ok(()) };
        let before: Option<Vec<Grant>> = self.state.principal.as_ref().map(|principal| principal.grants.clone());
        if before.as_ref() == Some(&observed.grants) {
            pause(&self.client, "GET /servicePrincipals/{id}/oauth2PermissionGrants", round).await?;
        }
        if let Some(principal) = &mut self.state.principal {
            principal.grants = observed.grants;
        }
        Ok(())
    }
}
