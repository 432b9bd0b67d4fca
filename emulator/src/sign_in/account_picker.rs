//! The pages of the sign-in service: the account picker, and errors.

use bytes::Bytes;
use http::{Response, StatusCode};
use url::form_urlencoded;

use super::SignInRequest;
use super::error::SignInError;
use super::flows::Account;
use super::form::Form;
use super::response::{escape, page};
use crate::cloud_state::CloudState;
use crate::data::json::text;
use crate::data::object_store::{ObjectState, ReplicaView};

/// The query parameter for the user who signs in, by user principal name, which the links of the account picker add.
const ACCOUNT_PARAMETER: &str = "_as";
/// The query parameter for a user who cancels.
const CANCEL_PARAMETER: &str = "_cancel";

/// The maximum number of users of a tenant that the page lists.
const MAX_LISTED_USERS: usize = 100;

impl CloudState {
    /// The account that signs in: the one picked on the page, or else the one that signs in automatically.
    pub(super) fn browser_account(&self, request: &SignInRequest<'_>, form: &Form) -> Option<Account> {
        match form.optional(ACCOUNT_PARAMETER) {
            Some(name) => self.account(request.tenant, name),
            None => self.flows.auto_sign_in.clone(),
        }
    }

    /// Whether the user cancels instead of consenting.
    pub(super) fn is_cancelled(&self, form: &Form) -> bool {
        form.optional(CANCEL_PARAMETER).is_some() || self.flows.declines_consent
    }

    /// The page that lists the users who can sign in, each with a link that does so, below `intro` (HTML).
    pub(super) fn account_picker_page(&self, first: usize, title: &str, intro: &str, form: &Form) -> Response<Bytes> {
        let link = |name: &str, value: &str, shown: &str| {
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(form.pairs())
                .append_pair(name, value)
                .finish();
            format!("<li><a href=\"?{}\">{}</a></li>\n", escape(&query), escape(shown))
        };
        let mut list = String::new();
        let others = self.tenants().map(|(index, _)| index).filter(|index| *index != first);
        for index in std::iter::once(first).chain(others) {
            let users = self[index].directory.users.all(ObjectState::Live, ReplicaView::CURRENT);
            for user in users.filter(|user| user.value["accountEnabled"] != false).take(MAX_LISTED_USERS) {
                let name = text(&user.value, "userPrincipalName");
                let shown = format!("{} ({name})", text(&user.value, "displayName"));
                list.push_str(&link(ACCOUNT_PARAMETER, name, &shown));
            }
        }
        if list.is_empty() {
            list.push_str("<li>The tenant has no people.</li>\n");
        }
        list.push_str(&link(CANCEL_PARAMETER, "1", "Cancel"));
        page(StatusCode::OK, title, &format!("{intro}<p>Sign in as</p>\n<ul class=\"choices\">\n{list}</ul>"))
    }
}

/// The error page that a user sees when the browser cannot be sent back to the app.
pub(super) fn error_page(error: &SignInError, request: &SignInRequest<'_>) -> Response<Bytes> {
    let correlation = request.correlation;
    let body = format!(
        "<p>Sorry, but we're having trouble signing you in.</p>\n<p>{}</p>\n<p>Request Id: {}<br>Correlation Id: {}</p>",
        escape(&error.message()),
        escape(&correlation.request_id),
        escape(&correlation.client_request_id)
    );
    page(error.page_status(), "Sign in to your account", &body)
}
