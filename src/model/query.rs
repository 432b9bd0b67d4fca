//! Typed queries: the conditions of `$filter`, and addresses by an alternate key.
//!
//! Some filters need Graph's advanced queries (`ConsistencyLevel: eventual` and `$count=true`,
//! <https://learn.microsoft.com/graph/aad-advanced-queries>). A filter knows whether it does, and the client asks for one.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::{Error, ErrorCode};
use crate::model::date::rfc3339;
use crate::model::property::Property;

/// A literal in a filter, escaped as OData asks for.
///
/// ```
/// use entra_apps::api::{Filter, Literal};
/// use entra_apps::time::macros::datetime;
///
/// let recent = Filter::ge("createdDateTime", Literal::date(datetime!(2026-01-31 12:00 UTC)));
/// assert_eq!(recent.as_str(), "createdDateTime ge 2026-01-31T12:00:00Z");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal(String);

impl Literal {
    /// `null`.
    pub fn null() -> Self {
        Self("null".to_owned())
    }

    /// A date and time, in UTC.
    pub fn date(date: OffsetDateTime) -> Self {
        Self(rfc3339(date).unwrap_or_default())
    }
}

impl From<&str> for Literal {
    fn from(text: &str) -> Self {
        Self(format!("'{}'", text.replace('\'', "''")))
    }
}

impl From<String> for Literal {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<bool> for Literal {
    fn from(value: bool) -> Self {
        Self(value.to_string())
    }
}

impl From<i64> for Literal {
    fn from(value: i64) -> Self {
        Self(value.to_string())
    }
}

impl From<Uuid> for Literal {
    fn from(id: Uuid) -> Self {
        // Graph compares ids as texts.
        id.to_string().into()
    }
}

macro_rules! id_literals {
    ($($id:ident)*) => {$(
        impl From<crate::ids::$id> for Literal {
            fn from(id: crate::ids::$id) -> Self {
                id.as_uuid().into()
            }
        }
    )*};
}

id_literals!(AppId ApplicationId ServicePrincipalId DirectoryObjectId TenantId PermissionId);

/// Properties of applications and service principals of which every filter is an advanced query.
const ADVANCED: [&str; 17] = [
    "description",
    "notes",
    "serviceManagementReference",
    "web/redirectUris",
    "spa/redirectUris",
    "publicClient/redirectUris",
    "requiredResourceAccess",
    "federatedIdentityCredentials",
    "web/homePageUrl",
    "verifiedPublisher/displayName",
    "owners/$count",
    "federatedIdentityCredentials/$count",
    "extensionProperties/$count",
    "appOwnerOrganizationId",
    "appRoleAssignmentRequired",
    "homepage",
    "deletedDateTime",
];

/// A condition of `$filter`.
///
/// ```
/// use entra_apps::api::Filter;
/// use entra_apps::model::ApplicationProperty;
///
/// let filter = Filter::eq(ApplicationProperty::DisplayName, "O'Brien & Sons")
///     .and(!Filter::any_eq(ApplicationProperty::Tags, "hidden"));
/// assert_eq!(filter.as_str(), "displayName eq 'O''Brien & Sons' and not(tags/any(x:x eq 'hidden'))");
/// assert!(filter.is_advanced());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Filter {
    text: String,
    advanced: bool,
    /// Whether it is made of several conditions, and needs parentheses inside another.
    compound: bool,
}

impl Filter {
    fn simple(property: &Property, text: String, advanced: bool) -> Self {
        Self { text, advanced: advanced || ADVANCED.contains(&property.as_str()), compound: false }
    }

    fn compare(property: impl Into<Property>, operator: &str, value: impl Into<Literal>, advanced: bool) -> Self {
        let property = property.into();
        let Literal(value) = value.into();
        let advanced = advanced || value == "null";
        Self::simple(&property, format!("{} {operator} {value}", property.as_str()), advanced)
    }

    /// `property eq value`.
    pub fn eq(property: impl Into<Property>, value: impl Into<Literal>) -> Self {
        Self::compare(property, "eq", value, false)
    }

    /// `property ne value`: an advanced query.
    pub fn ne(property: impl Into<Property>, value: impl Into<Literal>) -> Self {
        Self::compare(property, "ne", value, true)
    }

    /// `property ge value`.
    pub fn ge(property: impl Into<Property>, value: impl Into<Literal>) -> Self {
        Self::compare(property, "ge", value, false)
    }

    /// `property le value`.
    pub fn le(property: impl Into<Property>, value: impl Into<Literal>) -> Self {
        Self::compare(property, "le", value, false)
    }

    /// `property in (…)`.
    pub fn is_in(property: impl Into<Property>, values: impl IntoIterator<Item = impl Into<Literal>>) -> Self {
        let property = property.into();
        let name = property.as_str();
        let values: Vec<String> = values.into_iter().map(|value| value.into().0).collect();
        Self::simple(&property, format!("{name} in ({})", values.join(",")), false)
    }

    /// `startsWith(property,'text')`.
    pub fn starts_with(property: impl Into<Property>, text: &str) -> Self {
        let property = property.into();
        let name = property.as_str();
        Self::simple(&property, format!("startsWith({name},{})", Literal::from(text).0), false)
    }

    /// `endsWith(property,'text')`: an advanced query.
    pub fn ends_with(property: impl Into<Property>, text: &str) -> Self {
        let property = property.into();
        let name = property.as_str();
        Self::simple(&property, format!("endsWith({name},{})", Literal::from(text).0), true)
    }

    /// Some item of a collection of strings equals `value`: `property/any(x:x eq value)`.
    pub fn any_eq(property: impl Into<Property>, value: impl Into<Literal>) -> Self {
        let property = property.into();
        let name = property.as_str();
        Self::simple(&property, format!("{name}/any(x:x eq {})", value.into().0), false)
    }

    /// Some item of a collection of strings starts with `text`: `property/any(x:startsWith(x,'text'))`.
    pub fn any_starts_with(property: impl Into<Property>, text: &str) -> Self {
        let property = property.into();
        let name = property.as_str();
        Self::simple(&property, format!("{name}/any(x:startsWith(x,{}))", Literal::from(text).0), false)
    }

    /// Some item of a collection of objects has `member` equal to `value`: `property/any(x:x/member eq value)`.
    pub fn any_member_eq(property: impl Into<Property>, member: &str, value: impl Into<Literal>) -> Self {
        let property = property.into();
        let name = property.as_str();
        Self::simple(&property, format!("{name}/any(x:x/{member} eq {})", value.into().0), false)
    }

    /// This condition and the other: both must hold.
    pub fn and(self, other: Self) -> Self {
        self.joined("and", other)
    }

    /// This condition or the other: at least one must hold.
    pub fn or(self, other: Self) -> Self {
        self.joined("or", other)
    }

    fn joined(self, operator: &str, other: Self) -> Self {
        let advanced = self.advanced || other.advanced;
        Self { text: format!("{} {operator} {}", self.grouped(), other.grouped()), advanced, compound: true }
    }

    /// A condition in OData's own syntax.
    pub fn raw(text: impl Into<String>) -> Self {
        Self { text: text.into(), advanced: false, compound: true }
    }

    /// A condition in OData's own syntax that needs an advanced query.
    pub fn raw_advanced(text: impl Into<String>) -> Self {
        Self { advanced: true, ..Self::raw(text) }
    }

    fn grouped(self) -> String {
        if self.compound { format!("({})", self.text) } else { self.text }
    }

    /// The text of `$filter`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it needs an advanced query.
    pub fn is_advanced(&self) -> bool {
        self.advanced
    }
}

impl std::ops::Not for Filter {
    type Output = Self;

    /// Negates the condition: an advanced query.
    fn not(self) -> Self {
        Self { text: format!("not({})", self.text), advanced: true, compound: false }
    }
}

/// The query of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) filter: Option<Filter>,
    pub(crate) select: Vec<String>,
    pub(crate) order_by: Vec<String>,
    pub(crate) expand: Vec<String>,
    pub(crate) search: Option<String>,
    pub(crate) top: Option<u16>,
    pub(crate) count: bool,
}

/// The largest page of applications and service principals, in items.
const MAX_TOP: u16 = 999;

impl Query {
    pub(crate) fn selecting(properties: &[&str]) -> Self {
        Self { select: properties.iter().map(|name| (*name).to_owned()).collect(), ..Self::default() }
    }

    /// Whether it needs `ConsistencyLevel: eventual`.
    pub(crate) fn is_advanced(&self) -> bool {
        self.count
            || self.search.is_some()
            || !self.order_by.is_empty()
            || self.filter.as_ref().is_some_and(Filter::is_advanced)
    }

    /// The query parameters of the URL.
    pub(crate) fn pairs(&self) -> Result<Vec<(String, String)>, Error> {
        if self.top.is_some_and(|top| top == 0 || top > MAX_TOP) {
            return Err(Error::new(ErrorCode::InvalidPageSize).with_message(format!("a page has 1 to {MAX_TOP} items")));
        }
        if self.is_advanced() && !self.expand.is_empty() {
            return Err(Error::new(ErrorCode::InvalidQuery).with_message("an advanced query cannot expand"));
        }
        let mut pairs = Vec::new();
        let mut push = |name: &str, value: String| pairs.push((name.to_owned(), value));
        if let Some(filter) = &self.filter {
            push("$filter", filter.text.clone());
        }
        if let Some(search) = &self.search {
            push("$search", search.clone());
        }
        for (name, list) in [("$select", &self.select), ("$orderby", &self.order_by), ("$expand", &self.expand)] {
            if !list.is_empty() {
                push(name, list.join(","));
            }
        }
        if let Some(top) = self.top {
            push("$top", top.to_string());
        }
        if self.is_advanced() {
            push("$count", "true".to_owned());
        }
        Ok(pairs)
    }
}

/// `name(property='value')`, a segment that addresses an object by an alternate key.
pub(crate) fn keyed(name: &str, property: &str, value: &str) -> String {
    format!("{name}({property}={})", Literal::from(value).0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    const HOSTILE: [&str; 10] =
        ["O'Brien", "../../x", "a/b?c#d", "100%25", "%2F", "é😀", "مرحبا", "a&b=c", "+ +", "'; drop"];

    #[test]
    fn a_text_arrives_as_it_is_in_a_path() {
        for text in HOSTILE {
            let mut url = Url::parse("https://graph.example/").unwrap();
            url.path_segments_mut().unwrap().pop_if_empty().push("v1.0").push(&keyed(
                "applications",
                "uniqueName",
                text,
            ));
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            assert_eq!(segments.len(), 2, "{text}: {url}");
            assert_eq!((url.query(), url.fragment()), (None, None), "{text}");
            let mut decoded = String::new();
            for (key, _) in url::form_urlencoded::parse(
                segments[1].replace('+', "%2B").replace('&', "%26").replace('=', "%3D").as_bytes(),
            ) {
                decoded.push_str(&key);
            }
            assert_eq!(decoded, format!("applications(uniqueName='{}')", text.replace('\'', "''")));
        }
    }

    #[test]
    fn a_text_arrives_as_it_is_in_a_filter() {
        for text in HOSTILE {
            let query = Query { filter: Some(Filter::eq("displayName", text)), ..Query::default() };
            let mut url = Url::parse("https://graph.example/v1.0/applications").unwrap();
            url.query_pairs_mut().extend_pairs(query.pairs().unwrap());
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            assert_eq!(pairs, [("$filter".to_owned(), format!("displayName eq '{}'", text.replace('\'', "''")))]);
        }
    }

    #[test]
    fn advanced_queries_are_known_and_ask_for_a_count() {
        let advanced = |filter: Filter| {
            let query = Query { filter: Some(filter), ..Query::default() };
            (query.is_advanced(), query.pairs().unwrap().contains(&("$count".to_owned(), "true".to_owned())))
        };
        assert_eq!(advanced(Filter::eq("displayName", "x")), (false, false));
        assert_eq!(advanced(Filter::any_eq("tags", "x")), (false, false));
        assert_eq!(advanced(Filter::ne("displayName", "x")), (true, true));
        assert_eq!(advanced(!Filter::eq("displayName", "x")), (true, true));
        assert_eq!(advanced(Filter::eq("notes", "x")), (true, true));
        assert_eq!(advanced(Filter::eq("displayName", Literal::null())), (true, true));
        assert_eq!(advanced(Filter::eq("appId", "x").or(Filter::ends_with("displayName", "y"))), (true, true));
    }

    #[test]
    fn conditions_keep_their_grouping() {
        let filter = Filter::eq("a", true).or(Filter::eq("b", 2_i64)).and(Filter::starts_with("c", "d"));
        assert_eq!(filter.as_str(), "(a eq true or b eq 2) and startsWith(c,'d')");
    }
}
