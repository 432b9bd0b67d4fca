//! Microsoft Graph: routes, authorization, validation, and one handler per operation on a directory.

pub(crate) mod app_management;
pub(crate) mod applications;
pub(crate) mod authorize;
pub(crate) mod call;
pub(crate) mod deleted_items;
pub(crate) mod delta;
pub(crate) mod directory;
pub(crate) mod eligibility;
pub(crate) mod federated_credentials;
pub(crate) mod grants;
pub(crate) mod key_credentials;
pub(crate) mod objects;
pub(crate) mod organization;
pub(crate) mod password_credentials;
pub(crate) mod policy;
pub(crate) mod redirect_uris;
pub(crate) mod removed_credentials;
pub(crate) mod reports;
pub(crate) mod response;
pub(crate) mod role_management;
pub(crate) mod route;
pub(crate) mod service_principals;
pub(crate) mod users_and_groups;
pub(crate) mod validation;
