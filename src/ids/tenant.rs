//! A tenant as a person names it: by its id, by a domain, or any that one signs in to.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::error::{Error, ErrorCode};
use crate::ids::TenantId;

/// A tenant: its id, or one of its domains; where a person signs in, also `organizations`, `common` or `consumers`.
///
/// Parsing looks nothing up. It mends what has one meaning: blanks, quotes and invisible characters around the name, a
/// slash or full stop at its end, upper case, and a URL of the sign-in service, whose first part is the tenant. Anything
/// else is refused, such as `undefined`, `{tenant-id}`, an account's name or a name without a dot.
///
/// ```
/// use entra_apps::ids::{Tenant, TenantId};
///
/// let tenant: Tenant = " Contoso.onmicrosoft.com. ".parse()?;
/// assert_eq!(tenant.to_string(), "contoso.onmicrosoft.com");
/// assert_eq!(tenant.id(), None);
/// assert_eq!(Tenant::from(TenantId::from_u128(7)).id(), Some(TenantId::from_u128(7)));
///
/// let error = "{tenant-id}".parse::<Tenant>().unwrap_err();
/// assert_eq!(error.message(), "\"{tenant-id}\" is neither a tenant's id nor a domain");
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Tenant(Name);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Name {
    Id(TenantId),
    /// In lower case and ASCII.
    Domain(Arc<str>),
    Organizations,
    Common,
    Consumers,
}

impl Tenant {
    /// Whichever organization's tenant the person signs in to.
    pub const ORGANIZATIONS: Self = Self(Name::Organizations);

    /// Whichever tenant the person signs in to, or a personal Microsoft account.
    pub const COMMON: Self = Self(Name::Common);

    /// Personal Microsoft accounts.
    pub const CONSUMERS: Self = Self(Name::Consumers);

    /// The tenant's id, where it was named by its id.
    pub fn id(&self) -> Option<TenantId> {
        match self.0 {
            Name::Id(id) => Some(id),
            _ => None,
        }
    }

    /// The domain, in lower case, where the tenant was named by a domain.
    pub fn domain(&self) -> Option<&str> {
        match &self.0 {
            Name::Domain(domain) => Some(domain),
            _ => None,
        }
    }

    /// Whether it is one tenant, named by its id or a domain, and none of `organizations`, `common` and `consumers`.
    pub fn is_single(&self) -> bool {
        matches!(self.0, Name::Id(_) | Name::Domain(_))
    }

    /// Parses a name without anything around it.
    fn from_name(name: &str) -> Option<Self> {
        if let Ok(id) = name.parse() {
            return Some(Self(Name::Id(id)));
        }
        let named = |known: &&Self| name.eq_ignore_ascii_case(&known.to_string());
        if let Some(known) = [Self::ORGANIZATIONS, Self::COMMON, Self::CONSUMERS].iter().find(named) {
            return Some(known.clone());
        }
        // The parser of hosts decodes what is escaped in a URL.
        match Host::parse(name) {
            Ok(Host::Domain(domain))
                if !name.contains('%') && is_domain(&domain) && !SIGN_IN_HOSTS.contains(&domain.as_str()) =>
            {
                Some(Self(Name::Domain(domain.into())))
            }
            _ => None,
        }
    }
}

/// Whether `name`, which is in ASCII, can be a domain of a tenant: a host's name of two labels or more
/// ([RFC 1034, 3.5](https://www.rfc-editor.org/rfc/rfc1034#section-3.5)).
fn is_domain(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(is_label)
}

/// The hosts of the sign-in services, whose URLs begin with the tenant
/// (<https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>).
const SIGN_IN_HOSTS: [&str; 7] = [
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
    "login.microsoft.com",
    "login.windows.net",
    "sts.windows.net",
];

/// The tenant in a URL of a sign-in service, such as `https://login.microsoftonline.com/contoso.com/v2.0`, with or without
/// its scheme.
fn in_sign_in_url(text: &str) -> Option<Tenant> {
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("https://{text}")) };
    let url = url.ok().filter(|url| matches!(url.scheme(), "https" | "http") && url.username().is_empty())?;
    let is_sign_in = url.host_str().is_some_and(|host| SIGN_IN_HOSTS.contains(&host));
    Tenant::from_name(url.path_segments()?.next().filter(|_| is_sign_in)?)
}

impl FromStr for Tenant {
    type Err = Error;

    /// Parses a tenant's id, a domain, `organizations`, `common` or `consumers`, or the URL of the sign-in service that
    /// holds one of these.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code
    /// [`InvalidTenant`](crate::ErrorCode::InvalidTenant) for anything else; the error shows the text.
    fn from_str(text: &str) -> Result<Self, Error> {
        let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
        let name =
            visible.trim_start_matches(is_wrapping).trim_end_matches(|c| is_wrapping(c) || matches!(c, '/' | '.'));
        Self::from_name(name).or_else(|| in_sign_in_url(name)).ok_or_else(|| refused(text, name))
    }
}

/// Whether a character has no width, so that nobody sees that it was copied as well.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}

/// Whether a character stands around a value and is no part of it.
fn is_wrapping(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}')
}

/// The most characters of a refused text that its error shows.
const MAX_SHOWN: usize = 60;

/// The error for a text that is no tenant. `name` is the text without what stands around it.
fn refused(text: &str, name: &str) -> Error {
    let mut shown: String = text.chars().take(MAX_SHOWN).collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        shown.push('…');
    }
    let error = Error::new(ErrorCode::InvalidTenant);
    let remedy = if name.is_empty() {
        return error.with_message("the tenant is empty");
    } else if name.contains("://") {
        "Give the tenant's id or a domain of the tenant alone, not a URL."
    } else if name.contains('@') {
        "That is an account: give the tenant's id, or the domain after the @ if it is the tenant's."
    } else if name.contains(['<', '>', '{', '}', '$', '%']) {
        "A placeholder was not filled in: put the tenant's id or a domain of the tenant in its place."
    } else if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        "Give the tenant's id, or the whole domain, such as contoso.onmicrosoft.com; check that the value was set."
    } else {
        ErrorCode::InvalidTenant.remedy()
    };
    error.with_message(format!("{shown:?} is neither a tenant's id nor a domain")).with_remedy(remedy)
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Name::Id(id) => fmt::Display::fmt(id, f),
            Name::Domain(domain) => f.write_str(domain),
            Name::Organizations => f.write_str("organizations"),
            Name::Common => f.write_str("common"),
            Name::Consumers => f.write_str("consumers"),
        }
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tenant({self})")
    }
}

impl From<TenantId> for Tenant {
    fn from(id: TenantId) -> Self {
        Self(Name::Id(id))
    }
}

impl From<&Self> for Tenant {
    fn from(tenant: &Self) -> Self {
        tenant.clone()
    }
}

impl From<Tenant> for String {
    fn from(tenant: Tenant) -> Self {
        tenant.to_string()
    }
}

impl TryFrom<&str> for Tenant {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<String> for Tenant {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<&String> for Tenant {
    type Error = Error;

    fn try_from(text: &String) -> Result<Self, Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";

    /// What a text is read as.
    fn read(text: &str) -> Option<String> {
        text.parse::<Tenant>().ok().map(|tenant| tenant.to_string())
    }

    #[test]
    fn what_names_a_tenant_is_read() {
        for (text, tenant) in [
            (ID, ID),
            ("contoso.onmicrosoft.com", "contoso.onmicrosoft.com"),
            ("a-b.c_d.example", "a-b.c_d.example"),
            ("münchen.example", "xn--mnchen-3ya.example"),
            ("organizations", "organizations"),
            ("common", "common"),
            ("consumers", "consumers"),
        ] {
            assert_eq!(read(text).as_deref(), Some(tenant), "{text}");
        }
    }

    #[test]
    fn what_has_one_meaning_is_mended() {
        for around in [
            " {} ",
            "\t{}\r\n",
            "\u{a0}{}",
            "\"{}\"",
            "'{}'",
            "`{}`",
            "“{}”",
            "« {} »",
            "\" {} \"",
            "{}/",
            "{}.",
            "{}//",
            "{}./",
            "\"{}/\"",
            "{}/\"",
            "\u{feff}{}",
            "{}\u{200b}",
            "\u{200e}{}\u{202c}",
            "\u{2060}{}\u{ad}",
            "https://login.microsoftonline.com/{}",
            "https://login.microsoftonline.com/{}/",
            "https://login.microsoftonline.com/{}/v2.0",
            "https://login.microsoftonline.com/{}/oauth2/v2.0/token?x=y#z",
            "https://login.microsoftonline.us/{}/v2.0",
            "https://login.chinacloudapi.cn/{}",
            "https://login.partner.microsoftonline.cn/{}",
            "https://sts.windows.net/{}/",
            "https://login.windows.net/{}",
            "http://login.microsoftonline.com/{}",
            "login.microsoftonline.com/{}/",
            " HTTPS://Login.MicrosoftOnline.com/{} ",
        ] {
            for name in [ID, "contoso.onmicrosoft.com", "organizations"] {
                for name in [name.to_owned(), name.to_uppercase()] {
                    let text = around.replace("{}", &name);
                    assert_eq!(read(&text), Some(name.to_lowercase()), "{text:?}");
                }
            }
        }
        assert_eq!(read(&format!("{{{ID}}}")).as_deref(), Some(ID));
        assert_eq!(read(&ID.replace('-', "")).as_deref(), Some(ID));
        assert_eq!(read("con\u{200b}toso.example").as_deref(), Some("contoso.example"));
        assert_eq!(read("contoso。example").as_deref(), Some("contoso.example"), "the full stop of another script");
    }

    #[test]
    fn what_names_no_tenant_is_refused_and_shown() {
        for text in [
            "undefined",
            "null",
            "None",
            "nil",
            "NaN",
            "true",
            "0",
            "[object Object]",
            "contoso",
            "tenant",
            "your-tenant-id",
            "TENANT_ID",
            "{tenant-id}",
            "{tenant}.onmicrosoft.com",
            "${TENANT_ID}",
            "$(tenantId)",
            "%TENANT_ID%",
            "<tenant>",
            "<contoso.example>",
            "{{tenant}}",
            "admin@contoso.onmicrosoft.com",
            "@contoso.example",
            "a b.example",
            "a/b.example",
            "/contoso.example",
            "contoso.example/extra",
            "contoso\\example.com",
            "a..example",
            ".example.com",
            "con\u{0}toso.example",
            "contoso.exa\u{1b}[2Jmple",
            "contoso.example\nhost: evil",
            "contoso%2eexample",
            "contoso.example?x",
            "contoso.example#x",
            "contoso.example:443",
            "127.0.0.1",
            "[::1]",
            "*.contoso.example",
            "contoso.example,fabrikam.example",
            "aaaabbbb-0000-cccc-1111-dddd2222eee",
            "aaaabbbb-0000-cccc-1111-dddd2222eeee1",
            "https://contoso.example",
            "https://contoso.sharepoint.com/sites/x",
            "https://portal.azure.com/#home",
            "https://login.microsoftonline.com",
            "https://login.microsoftonline.com/undefined/v2.0",
            "https://login.microsoftonline.com/{tenant}/v2.0",
            "https://login.microsoftonline.com//contoso.example",
            "https://user@login.microsoftonline.com/contoso.example",
            "https://login.microsoftonline.com.evil.example/a.example",
            "ftp://login.microsoftonline.com/contoso.example",
            "login.microsoftonline.com.evil.example/a.example",
            "login.microsoftonline.com",
            "LOGIN.microsoftonline.com/",
            "sts.windows.net",
        ] {
            let error = text.parse::<Tenant>().unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidTenant, "{text}");
            assert_eq!(error.message(), format!("{text:?} is neither a tenant's id nor a domain"));
            assert!(!error.to_string().contains(char::is_control), "{error:?}");
        }
        for text in ["", " ", "\"\"", "''", ".", "..", "/", "\u{feff}", "\u{200b} \u{200b}", "\n"] {
            let error = text.parse::<Tenant>().unwrap_err();
            assert_eq!((error.code(), error.message()), (ErrorCode::InvalidTenant, "the tenant is empty"), "{text:?}");
        }
    }

    #[test]
    fn each_mistake_has_its_own_remedy() {
        for (text, part) in [
            ("undefined", "check that the value was set"),
            ("<tenant>", "placeholder"),
            ("%TENANT_ID%", "placeholder"),
            ("https://contoso.example", "not a URL"),
            ("admin@contoso.example", "after the @"),
            ("", "Directory (tenant) ID"),
            ("a b", "Directory (tenant) ID"),
        ] {
            let error = text.parse::<Tenant>().unwrap_err();
            assert!(error.remedy().contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_long_text_is_shortened() {
        let fits = "x".repeat(MAX_SHOWN);
        assert!(fits.parse::<Tenant>().unwrap_err().message().contains(&format!("\"{fits}\"")));
        let error = "é".repeat(100_000).parse::<Tenant>().unwrap_err();
        assert!(error.message().chars().count() < 150 && error.message().contains('…'), "{error}");
    }

    #[test]
    fn labels_and_names_have_their_longest() {
        let label = "a".repeat(63);
        let name = |length: usize| format!("{}.{}", [label.as_str(); 3].join("."), "b".repeat(length));
        assert_eq!((name(61).len(), read(&name(61)).is_some(), read(&name(62)).is_some()), (253, true, false));
        assert_eq!((read(&format!("{label}.com")).is_some(), read(&format!("{label}a.com"))), (true, None));
    }

    #[test]
    fn json_holds_it_as_a_text() {
        for tenant in [ID, "contoso.example", "organizations"] {
            let read: Tenant = serde_json::from_str(&format!("\"{tenant}\"")).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), format!("\"{tenant}\""));
        }
        assert!(serde_json::from_str::<Tenant>("\"undefined\"").is_err());
    }
}
