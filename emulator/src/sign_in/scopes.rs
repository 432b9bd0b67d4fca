//! The `scope` parameter.
//!
//! <https://learn.microsoft.com/entra/identity-platform/scopes-oidc>

use super::error::{SignInError, SignInResult};
use crate::data::json::eq_ignore_case;

/// The scopes that concern the user, not an API.
const ABOUT_THE_USER: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// The permission that stands for all that the app declares in its registration.
const DEFAULT: &str = ".default";

/// The scopes of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scopes {
    pub(super) openid: bool,
    pub(super) profile: bool,
    pub(super) email: bool,
    pub(super) offline_access: bool,
    /// The APIs in the order of the request.
    pub(super) apis: Vec<ApiScopes>,
}

/// The scopes of one API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ApiScopes {
    /// The name in the request; `None` is Microsoft Graph, whose permissions need no prefix.
    pub(super) name: Option<String>,
    pub(super) permissions: Vec<String>,
    pub(super) is_default: bool,
}

impl Scopes {
    pub(super) fn parse(text: &str) -> SignInResult<Self> {
        let mut scopes = Self::default();
        for scope in text.split_whitespace() {
            let (name, permission) = match scope.rsplit_once('/') {
                Some((name, permission)) => (Some(name), permission),
                None => (None, scope),
            };
            if permission.is_empty() || name.is_some_and(|name| name.trim_matches('/').is_empty()) {
                return Err(invalid(scope));
            }
            match ABOUT_THE_USER.into_iter().find(|known| eq_ignore_case(known, permission)) {
                Some("openid") => scopes.openid = true,
                Some("profile") => scopes.profile = true,
                Some("email") => scopes.email = true,
                Some(_) => scopes.offline_access = true,
                None => scopes.api(name).add(permission),
            }
        }
        match scopes.apis.iter().find(|api| api.is_default && !api.permissions.is_empty()) {
            Some(_) => Err(SignInError::new(
                "invalid_scope",
                70011,
                format!(
                    "The provided request must include a 'scope' input parameter. The provided value for the input \
                        parameter 'scope' is not valid. The scope {text} is not valid. .default scope can't be \
                        combined with resource-specific scopes."
                ),
            )),
            None => Ok(scopes),
        }
    }

    fn api(&mut self, name: Option<&str>) -> &mut ApiScopes {
        let plain = |name: &str| name.trim_end_matches('/').to_lowercase();
        let index = self.apis.iter().position(|known| known.name.as_deref().map(plain) == name.map(plain));
        let index = index.unwrap_or_else(|| {
            self.apis.push(ApiScopes { name: name.map(str::to_owned), ..ApiScopes::default() });
            self.apis.len() - 1
        });
        &mut self.apis[index]
    }

    /// The scopes of the one API that a token can be for.
    pub(super) fn one_api(&self) -> SignInResult<ApiScopes> {
        match self.apis.as_slice() {
            [] => Ok(ApiScopes::default()),
            [api] => Ok(api.clone()),
            [first, ..] => {
                let name = first.name.as_deref().unwrap_or("Microsoft Graph");
                let message = format!(
                    "Provided value for the input parameter scope is not valid because it contains more than one \
                        resource. The first is {name}."
                );
                Err(SignInError::new("invalid_scope", 28000, message))
            }
        }
    }

    /// The scopes that concern the user and one API, as a string.
    pub(super) fn only(&self, api: &ApiScopes) -> String {
        let prefix = api.name.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
        let default = api.is_default.then_some(DEFAULT);
        let of_api = api.permissions.iter().map(String::as_str).chain(default);
        let about = self.about_the_user().map(str::to_owned);
        let offline = self.offline_access.then(|| "offline_access".to_owned());
        about.chain(offline).chain(of_api.map(|scope| format!("{prefix}{scope}"))).collect::<Vec<_>>().join(" ")
    }

    /// The scopes about the user that an access token and its response name.
    pub(super) fn about_the_user(&self) -> impl Iterator<Item = &'static str> {
        let all = [(self.openid, "openid"), (self.profile, "profile"), (self.email, "email")];
        all.into_iter().filter_map(|(is_asked, name)| is_asked.then_some(name))
    }
}

impl ApiScopes {
    fn add(&mut self, permission: &str) {
        if eq_ignore_case(permission, DEFAULT) {
            self.is_default = true;
        } else if !self.permissions.iter().any(|known| eq_ignore_case(known, permission)) {
            self.permissions.push(permission.to_owned());
        }
    }
}

fn invalid(scope: &str) -> SignInError {
    let message = format!(
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter \
            'scope' is not valid. The scope {scope} is not valid."
    );
    SignInError::new("invalid_scope", 70011, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_in_any_order_and_case() {
        let scopes = Scopes::parse("https://management.core.windows.net//.Default OpenId offline_access profile");
        let scopes = scopes.unwrap();
        assert!(scopes.openid && scopes.profile && scopes.offline_access && !scopes.email);
        let api = scopes.one_api().unwrap();
        assert_eq!((api.name.as_deref(), api.is_default), (Some("https://management.core.windows.net/"), true));
        let graph = Scopes::parse("User.Read user.read Mail.Read").unwrap().one_api().unwrap();
        assert_eq!((graph.name, graph.permissions), (None, vec!["User.Read".to_owned(), "Mail.Read".to_owned()]));
    }

    #[test]
    fn a_token_is_for_one_api() {
        let scopes = Scopes::parse("https://graph.microsoft.com/User.Read api://x/a").unwrap();
        assert_eq!((scopes.apis.len(), scopes.one_api().is_err()), (2, true));
        assert!(Scopes::parse("https://graph.microsoft.com/.default https://graph.microsoft.com/User.Read").is_err());
        assert!(Scopes::parse("api://x/").is_err());
    }
}
