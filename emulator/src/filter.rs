//! `$filter`: parsed, checked against what Graph can filter by, and evaluated.

use serde_json::Value;

use super::data::json::{eq_ignore_case, member, timestamp};
use super::data::object_kind::ObjectKind;
use super::graph::response::GraphError;

/// How deep parentheses, `not` and lambdas of a `$filter` may stand in one another. Each is a step of a recursion, here as in
/// the service, whose OData library has such a bound too.
/// <https://learn.microsoft.com/dotnet/api/microsoft.odata.uriparser.odatauriparsersettings.filterlimit>
const MAX_DEPTH: usize = 100;
/// How many tests, `and`, `or` and `not` a `$filter` may have.
const MAX_CLAUSES: usize = 250;

/// A parsed `$filter`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare(Path, Comparison, Literal),
    In(Path, Vec<Literal>),
    Text(TextTest, Path, String),
    /// `path/any(x: …)` or `path/any()`; `all` when the flag is set.
    Lambda {
        path: Path,
        variable: String,
        test: Option<Box<Filter>>,
        all: bool,
    },
}

/// A property path; inside a lambda its first segment may be the variable.
pub(super) type Path = Vec<String>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextTest {
    Starts,
    Ends,
    Contains,
}

/// What an index is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Keys<'a> {
    /// One of these.
    Any(Vec<&'a str>),
    /// Whatever starts with this.
    Starting(&'a str),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Null,
    Flag(bool),
    Number(i64),
    /// A quoted text, or a bare GUID or date-time.
    Text(String),
}

impl Literal {
    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

impl Filter {
    /// Parses the value of `$filter`.
    pub(super) fn parse(text: &str) -> Result<Self, GraphError> {
        let invalid = |at: usize| {
            let message = format!("Invalid filter clause: syntax error at position {at} in '{text}'.");
            GraphError::new(http::StatusCode::BAD_REQUEST, "BadRequest", message)
        };
        let too_large = |what: &str| {
            let message = format!("Invalid filter clause: {what}.");
            GraphError::new(http::StatusCode::BAD_REQUEST, "BadRequest", message)
        };
        let tokens = tokens(text).map_err(invalid)?;
        let mut parser = Parser { tokens: &tokens, at: 0, depth: 0, clauses: 0 };
        let filter = parser.or();
        if parser.depth > MAX_DEPTH {
            return Err(too_large(&format!("the query is too deep, the limit is {MAX_DEPTH}")));
        }
        if parser.clauses > MAX_CLAUSES {
            return Err(too_large(&format!("the query has too many clauses, the limit is {MAX_CLAUSES}")));
        }
        let filter = filter.filter(|_| parser.at == tokens.len());
        filter.ok_or_else(|| invalid(tokens.get(parser.at).map_or(text.len(), |(at, _)| *at)))
    }

    /// Whether an object passes.
    pub(super) fn test(&self, object: &Value) -> bool {
        self.holds(object, &mut Vec::new())
    }

    fn holds<'a>(&'a self, object: &'a Value, variables: &mut Vec<(&'a str, &'a Value)>) -> bool {
        match self {
            Self::And(a, b) => a.holds(object, variables) && b.holds(object, variables),
            Self::Or(a, b) => a.holds(object, variables) || b.holds(object, variables),
            Self::Not(a) => !a.holds(object, variables),
            Self::Compare(path, comparison, literal) => match path.split_last() {
                Some((last, collection)) if last == "$count" => {
                    let count = find(object, collection, variables).and_then(Value::as_array).map_or(0, Vec::len);
                    compare(&Value::from(count), *comparison, literal)
                }
                _ => compare(find(object, path, variables).unwrap_or(&Value::Null), *comparison, literal),
            },
            Self::In(path, literals) => {
                let value = find(object, path, variables).unwrap_or(&Value::Null);
                literals.iter().any(|literal| compare(value, Comparison::Eq, literal))
            }
            Self::Text(test, path, wanted) => {
                let value = find(object, path, variables).and_then(Value::as_str);
                let (value, wanted) = (value.unwrap_or_default().to_lowercase(), wanted.to_lowercase());
                match test {
                    TextTest::Starts => value.starts_with(&wanted),
                    TextTest::Ends => value.ends_with(&wanted),
                    TextTest::Contains => value.contains(&wanted),
                }
            }
            Self::Lambda { path, variable, test, all } => {
                let items = find(object, path, variables).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                let Some(test) = test else { return !items.is_empty() };
                let mut holds = |item| {
                    variables.push((variable, item));
                    let holds = test.holds(object, variables);
                    variables.pop();
                    holds
                };
                if *all { items.iter().all(&mut holds) } else { items.iter().any(&mut holds) }
            }
        }
    }

    /// The navigations that the filter goes through.
    pub(super) fn navigations(&self) -> Vec<String> {
        match self {
            Self::And(a, b) | Self::Or(a, b) => [a.navigations(), b.navigations()].concat(),
            Self::Not(a) => a.navigations(),
            Self::Compare(path, ..) | Self::In(path, _) | Self::Text(_, path, _) | Self::Lambda { path, .. } => {
                let first = path.first().map(String::as_str).unwrap_or_default();
                let known = ObjectKind::ALL.into_iter().flat_map(ObjectKind::navigations);
                known.copied().find(|known| known.eq_ignore_ascii_case(first)).map(str::to_owned).into_iter().collect()
            }
        }
    }

    /// The way into an index: a member that `indexed` knows, and what every match has there.
    pub(super) fn pinned<M>(&self, indexed: &impl Fn(&str) -> Option<M>) -> Option<(M, Keys<'_>)> {
        match self {
            Self::And(a, b) => a.pinned(indexed).or_else(|| b.pinned(indexed)),
            Self::Lambda { path, variable, test: Some(test), all: false } => match test.keys()? {
                (of, keys) if of.as_slice() == [variable.as_str()] => Some((indexed(single(path)?)?, keys)),
                _ => None,
            },
            _ => self.keys().and_then(|(path, keys)| Some((indexed(single(path)?)?, keys))),
        }
    }

    /// The keys by which an index finds what passes a test by itself.
    fn keys(&self) -> Option<(&Path, Keys<'_>)> {
        match self {
            Self::Compare(path, Comparison::Eq, literal) => Some((path, Keys::Any(vec![literal.text()?]))),
            Self::In(path, literals) => {
                Some((path, Keys::Any(literals.iter().map(Literal::text).collect::<Option<_>>()?)))
            }
            // What is empty starts nothing that an index could tell from the rest.
            Self::Text(TextTest::Starts, path, start) if !start.is_empty() => Some((path, Keys::Starting(start))),
            _ => None,
        }
    }

    /// Refuses what Graph cannot filter by, or not without the headers of an advanced query.
    pub(super) fn check(&self, kind: ObjectKind, advanced: bool) -> Result<(), GraphError> {
        let mut scopes = Vec::new();
        self.check_in(kind, advanced, false, &mut scopes)
    }

    fn check_in<'a>(
        &'a self,
        kind: ObjectKind,
        advanced: bool,
        negated: bool,
        scopes: &mut Vec<(&'a str, String)>,
    ) -> Result<(), GraphError> {
        let (path, need) = match self {
            Self::And(a, b) | Self::Or(a, b) => {
                a.check_in(kind, advanced, negated, scopes)?;
                return b.check_in(kind, advanced, negated, scopes);
            }
            Self::Not(a) => return a.check_in(kind, advanced, true, scopes),
            Self::Lambda { path, variable, test, all } => {
                let path = qualified(path, scopes) + "/any";
                check_modelled(&path)?;
                let Some(test) = test.as_ref().filter(|_| !all) else {
                    return Err(unsupported(&path, kind));
                };
                scopes.push((variable, path));
                let checked = test.check_in(kind, advanced, negated, scopes);
                scopes.pop();
                return checked;
            }
            Self::Compare(path, comparison, literal) => {
                let need = match (comparison, literal) {
                    (Comparison::Eq, Literal::Null) => Operator::EqNull,
                    (Comparison::Ne, Literal::Null) => Operator::NeNull,
                    (Comparison::Eq, _) => Operator::Eq,
                    (Comparison::Ne, _) => Operator::Ne,
                    _ => Operator::Order,
                };
                (path, need)
            }
            Self::In(path, _) => (path, Operator::Eq),
            Self::Text(TextTest::Starts, path, _) => (path, Operator::Starts),
            Self::Text(TextTest::Ends, path, _) => (path, Operator::Ends),
            Self::Text(TextTest::Contains, path, _) => return Err(unsupported(&path.join("/"), kind)),
        };
        let path = qualified(path, scopes);
        check_modelled(&path)?;
        match capability(kind, &path, need) {
            Capability::No => Err(unsupported(&path, kind)),
            Capability::Advanced if !advanced => Err(GraphError::unsupported_query("Unsupported Query.")),
            Capability::Default if negated && !advanced => Err(GraphError::unsupported_query("Unsupported Query.")),
            _ => Ok(()),
        }
    }
}

/// The name of a path that is no longer than that.
fn single(path: &Path) -> Option<&str> {
    if let [name] = path.as_slice() { Some(name) } else { None }
}

/// What Graph can filter by and this tenant does not keep with the object.
fn check_modelled(path: &str) -> Result<(), GraphError> {
    let first = path.split('/').next().unwrap_or_default().to_ascii_lowercase();
    match first.as_str() {
        "publishername" => Err(GraphError::not_implemented(format!("filters on {path}"))),
        _ => Ok(()),
    }
}

fn unsupported(path: &str, kind: ObjectKind) -> GraphError {
    let property = path.trim_end_matches("/any");
    let kind = kind.directory_type();
    GraphError::unsupported_query(format!(
        "Unsupported or invalid query filter clause specified for property '{property}' of resource '{kind}'."
    ))
}

/// The path from the object down, with a variable replaced by what it runs over.
fn qualified(path: &[String], scopes: &[(&str, String)]) -> String {
    let scope = scopes.iter().rev().find(|(variable, _)| path.first().is_some_and(|first| first == variable));
    match scope {
        Some((_, over)) => {
            std::iter::once(over.as_str()).chain(path[1..].iter().map(String::as_str)).collect::<Vec<_>>().join("/")
        }
        None => path.join("/"),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Operator {
    Eq,
    EqNull,
    Ne,
    NeNull,
    Starts,
    Ends,
    Order,
}

#[derive(Clone, Copy, PartialEq)]
enum Capability {
    Default,
    Advanced,
    No,
}

/// What Graph documents for a property: eq, startsWith, ge/le and eq null, each by default, advanced only, or not.
/// <https://learn.microsoft.com/graph/aad-advanced-queries>
#[allow(clippy::match_same_arms, reason = "a row of the documentation each")]
fn capability(kind: ObjectKind, path: &str, operator: Operator) -> Capability {
    const D: Capability = Capability::Default;
    const A: Capability = Capability::Advanced;
    const N: Capability = Capability::No;
    let row = match (kind, path.to_ascii_lowercase().as_str()) {
        (_, "id")
        | (ObjectKind::Application, "appid" | "disabledbymicrosoftstatus" | "signinaudience")
        | (ObjectKind::Grant, "clientid" | "consenttype" | "principalid" | "resourceid")
        | (ObjectKind::Assignment, "resourceid")
        | (
            ObjectKind::ServicePrincipal,
            "accountenabled" | "appid" | "serviceprincipaltype" | "preferredsinglesignonmode" | "applicationtemplateid",
        ) => (D, N, N, N),
        (ObjectKind::Application, "createdonbehalfof/id")
        | (ObjectKind::User, "accountenabled" | "usertype")
        | (ObjectKind::Group, "securityenabled" | "mailenabled" | "grouptypes/any" | "isassignabletorole")
        | (ObjectKind::FederatedCredential, "name" | "subject" | "issuer")
        | (
            ObjectKind::ServicePrincipal,
            "approleassignedto/any/id" | "approleassignments/any/id" | "oauth2permissiongrants/any/id",
        ) => (D, N, N, N),
        (ObjectKind::Application | ObjectKind::User | ObjectKind::Group, "createddatetime") => (D, N, D, A),
        (
            ObjectKind::Application | ObjectKind::ServicePrincipal | ObjectKind::User | ObjectKind::Group,
            "displayname",
        ) => (D, D, N, A),
        (ObjectKind::User, "userprincipalname" | "mail" | "givenname" | "surname" | "mailnickname")
        | (ObjectKind::Group, "mail" | "mailnickname") => (D, D, N, A),
        (
            ObjectKind::Application,
            "federatedidentitycredentials/any/name"
            | "federatedidentitycredentials/any/issuer"
            | "federatedidentitycredentials/any/subject",
        ) => (A, A, N, N),
        (
            ObjectKind::Application | ObjectKind::ServicePrincipal | ObjectKind::Group,
            "owners/$count" | "members/$count" | "federatedidentitycredentials/$count" | "extensionproperties/$count",
        ) => (A, N, N, N),
        (ObjectKind::Application, "identifieruris/any" | "tags/any" | "publisherdomain" | "uniquename")
        | (ObjectKind::ServicePrincipal, "serviceprincipalnames/any" | "alternativenames/any" | "tags/any")
        | (ObjectKind::Assignment, "principaldisplayname") => (D, D, N, N),
        (
            ObjectKind::Application,
            "web/redirecturis/any" | "spa/redirecturis/any" | "publicclient/redirecturis/any",
        ) => (A, A, N, N),
        (ObjectKind::Application, "requiredresourceaccess/any/resourceappid")
        | (ObjectKind::ServicePrincipal, "appownerorganizationid" | "approleassignmentrequired") => (A, N, N, N),
        (ObjectKind::Application, "web/homepageurl" | "verifiedpublisher/displayname") => (A, N, N, A),
        (ObjectKind::Application, "description" | "notes" | "servicemanagementreference")
        | (ObjectKind::ServicePrincipal, "description" | "homepage" | "notes") => (A, A, N, A),
        _ => return N,
    };
    let advanced = |capability| if capability == N { N } else { A };
    match operator {
        Operator::Eq => row.0,
        Operator::Starts => row.1,
        Operator::Order => row.2,
        Operator::EqNull => row.3,
        Operator::Ne => advanced(row.0),
        Operator::Ends => advanced(row.1),
        Operator::NeNull => advanced(row.3),
    }
}

fn find<'a>(object: &'a Value, path: &[String], variables: &[(&str, &'a Value)]) -> Option<&'a Value> {
    let (start, path) = match path.split_first() {
        Some((first, rest)) => match variables.iter().rev().find(|(name, _)| name == first) {
            Some((_, value)) => (*value, rest),
            None => (object, path),
        },
        None => (object, path),
    };
    path.iter().try_fold(start, |value, name| member(value, name))
}

fn compare(value: &Value, comparison: Comparison, literal: &Literal) -> bool {
    use std::cmp::Ordering;
    let ordering = match (value, literal) {
        (Value::Null, Literal::Null) => Some(Ordering::Equal),
        (Value::Bool(a), Literal::Flag(b)) => Some(a.cmp(b)),
        (Value::Number(a), Literal::Number(b)) => a.as_i64().map(|a| a.cmp(b)),
        (Value::String(a), Literal::Text(b)) if eq_ignore_case(a, b) => Some(Ordering::Equal),
        (Value::String(a), Literal::Text(b)) => match (timestamp::parse(a), timestamp::parse(b)) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => Some(a.to_lowercase().cmp(&b.to_lowercase())),
        },
        _ => None,
    };
    match comparison {
        Comparison::Eq => ordering == Some(Ordering::Equal),
        Comparison::Ne => ordering != Some(Ordering::Equal),
        Comparison::Gt => ordering == Some(Ordering::Greater),
        Comparison::Ge => ordering.is_some_and(Ordering::is_ge),
        Comparison::Lt => ordering == Some(Ordering::Less),
        Comparison::Le => ordering.is_some_and(Ordering::is_le),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Open,
    Close,
    Comma,
    Colon,
}

/// Splits into tokens with their positions; the error is the position that makes no sense.
fn tokens(text: &str) -> Result<Vec<(usize, Token)>, usize> {
    let mut tokens = Vec::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let token = match letter {
            ' ' | '\t' => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            // A date-time holds colons and never reaches this: it is one word.
            ':' => Token::Colon,
            '\'' => {
                let mut value = String::new();
                loop {
                    match letters.next() {
                        Some((_, '\'')) if letters.next_if(|(_, next)| *next == '\'').is_some() => value.push('\''),
                        Some((_, '\'')) => break,
                        Some((_, other)) => value.push(other),
                        None => return Err(at),
                    }
                }
                Token::Text(value)
            }
            first if first.is_alphanumeric() || "$@-_{".contains(first) => {
                let mut word = String::from(first);
                let date = |word: &str| word.starts_with(|digit: char| digit.is_ascii_digit()) && word.contains('T');
                while let Some((_, next)) = letters.next_if(|(_, next)| {
                    next.is_alphanumeric() || "$@-_./+{}".contains(*next) || (*next == ':' && date(&word))
                }) {
                    word.push(next);
                }
                Token::Word(word)
            }
            _ => return Err(at),
        };
        tokens.push((at, token));
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: &'a [(usize, Token)],
    at: usize,
    /// How deep the parser is in the filter, or was when it gave up.
    depth: usize,
    /// How many clauses there were so far.
    clauses: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn take(&mut self, wanted: &Token) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    fn take_word(&mut self, wanted: &str) -> Option<()> {
        matches!(self.peek()?, Token::Word(word) if word.eq_ignore_ascii_case(wanted)).then(|| self.at += 1)
    }

    fn word(&mut self) -> Option<String> {
        let Token::Word(word) = self.peek()?.clone() else { return None };
        self.at += 1;
        Some(word)
    }

    /// Counts a clause; there is none beyond the limit.
    fn clause(&mut self) -> Option<()> {
        self.clauses += 1;
        (self.clauses <= MAX_CLAUSES).then_some(())
    }

    fn or(&mut self) -> Option<Filter> {
        let mut left = self.and()?;
        while self.take_word("or").is_some() {
            self.clause()?;
            left = Filter::Or(Box::new(left), Box::new(self.and()?));
        }
        Some(left)
    }

    fn and(&mut self) -> Option<Filter> {
        let mut left = self.unary()?;
        while self.take_word("and").is_some() {
            self.clause()?;
            left = Filter::And(Box::new(left), Box::new(self.unary()?));
        }
        Some(left)
    }

    /// What is one deeper, unless that is too deep.
    fn deeper(&mut self, parse: impl FnOnce(&mut Self) -> Option<Filter>) -> Option<Filter> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let inner = parse(self)?;
        self.depth -= 1;
        Some(inner)
    }

    fn unary(&mut self) -> Option<Filter> {
        if self.take_word("not").is_some() {
            self.clause()?;
            return Some(Filter::Not(Box::new(self.deeper(Self::unary)?)));
        }
        if self.take(&Token::Open).is_some() {
            let inner = self.deeper(Self::or)?;
            self.take(&Token::Close)?;
            return Some(inner);
        }
        self.clause()?;
        let word = self.word()?;
        if self.take(&Token::Open).is_some() {
            return self.call(&word);
        }
        let path: Path = word.split('/').map(str::to_owned).collect();
        let operator = self.word()?.to_ascii_lowercase();
        if operator == "in" {
            self.take(&Token::Open)?;
            let mut literals = vec![self.literal()?];
            while self.take(&Token::Comma).is_some() {
                literals.push(self.literal()?);
            }
            self.take(&Token::Close)?;
            return Some(Filter::In(path, literals));
        }
        let comparison = match operator.as_str() {
            "eq" => Comparison::Eq,
            "ne" => Comparison::Ne,
            "gt" => Comparison::Gt,
            "ge" => Comparison::Ge,
            "lt" => Comparison::Lt,
            "le" => Comparison::Le,
            _ => return None,
        };
        Some(Filter::Compare(path, comparison, self.literal()?))
    }

    /// What follows `name(`: a text function or a lambda.
    fn call(&mut self, name: &str) -> Option<Filter> {
        let test = match name.to_ascii_lowercase().as_str() {
            "startswith" => Some(TextTest::Starts),
            "endswith" => Some(TextTest::Ends),
            "contains" => Some(TextTest::Contains),
            _ => None,
        };
        if let Some(test) = test {
            let path = self.word()?.split('/').map(str::to_owned).collect();
            self.take(&Token::Comma)?;
            let Literal::Text(text) = self.literal()? else { return None };
            self.take(&Token::Close)?;
            return Some(Filter::Text(test, path, text));
        }
        let (path, quantifier) = name.rsplit_once('/')?;
        let all = match quantifier.to_ascii_lowercase().as_str() {
            "any" => false,
            "all" => true,
            _ => return None,
        };
        let path = path.split('/').map(str::to_owned).collect();
        if self.take(&Token::Close).is_some() {
            return Some(Filter::Lambda { path, variable: String::new(), test: None, all });
        }
        let variable = self.word()?;
        self.take(&Token::Colon)?;
        let test = Some(Box::new(self.deeper(Self::or)?));
        self.take(&Token::Close)?;
        Some(Filter::Lambda { path, variable, test, all })
    }

    fn literal(&mut self) -> Option<Literal> {
        let literal = match self.peek()? {
            Token::Text(text) => Literal::Text(text.clone()),
            Token::Word(word) => match word.to_ascii_lowercase().as_str() {
                "null" => Literal::Null,
                "true" => Literal::Flag(true),
                "false" => Literal::Flag(false),
                other => match other.parse() {
                    Ok(number) => Literal::Number(number),
                    Err(_) if other.starts_with(|first: char| first.is_ascii_hexdigit()) => Literal::Text(word.clone()),
                    Err(_) => return None,
                },
            },
            _ => return None,
        };
        self.at += 1;
        Some(literal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn passes(filter: &str, object: &Value) -> bool {
        Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error:?}")).test(object)
    }

    #[test]
    fn operators_bind_as_in_odata() {
        let app = json!({"displayName": "O'Hare", "appId": "X", "tags": ["one", "two"], "n": null, "ok": true});
        for (filter, expected) in [
            ("displayName eq 'o''hare'", true),
            ("displayName ne 'O''Hare' or appId eq 'x' and ok eq true", true),
            ("(displayName ne 'O''Hare' or appId eq 'x') and ok eq false", false),
            ("not startswith(displayName,'O')", false),
            ("endsWith(displayName, 'hare')", true),
            ("appId in ('a', 'X')", true),
            ("appId in ('a')", false),
            ("n eq null and displayName ne null", true),
            ("tags/any(t:t eq 'two')", true),
            ("not tags/any(t: startswith(t, 'th'))", true),
            ("tags/$count eq 2", true),
        ] {
            assert_eq!(passes(filter, &app), expected, "{filter}");
        }
    }

    #[test]
    fn lambdas_reach_into_complex_items_and_dates_compare_by_time() {
        let app = json!({
            "requiredResourceAccess": [{"resourceAppId": "a"}, {"resourceAppId": "b"}],
            "createdDateTime": "2024-01-01T00:00:00Z",
        });
        assert!(passes("requiredResourceAccess/any(r:r/resourceAppId eq 'b')", &app));
        assert!(passes(
            "createdDateTime ge 2023-12-31T23:59:59.5Z and createdDateTime lt 2024-01-01T01:30:00+01:00",
            &app
        ));
    }

    #[test]
    fn nonsense_is_refused() {
        for filter in
            ["", "displayName", "displayName eq", "displayName eq 'x", "eq eq eq eq", "a eq 'b' c", "any(x:x eq 1)"]
        {
            assert!(Filter::parse(filter).is_err(), "{filter}");
        }
    }

    #[test]
    fn what_is_too_deep_or_too_long_is_refused_and_one_less_is_not() {
        let nested = |open: &str, close: &str, times: usize| open.repeat(times) + "appId eq 'x'" + &close.repeat(times);
        let chain = |word: &str, tests: usize| vec!["appId eq 'x'"; tests].join(word);
        let tests = MAX_CLAUSES.div_ceil(2);
        // A fraction of the stack of a thread is enough.
        let run = move || {
            for (at_the_limit, beyond, message) in [
                (nested("(", ")", MAX_DEPTH), nested("(", ")", MAX_DEPTH + 1), "too deep"),
                (nested("not ", "", MAX_DEPTH), nested("not ", "", MAX_DEPTH + 1), "too deep"),
                (nested("a/any(b:", ")", MAX_DEPTH), nested("a/any(b:", ")", MAX_DEPTH + 1), "too deep"),
                (chain(" or ", tests), chain(" or ", tests + 1), "too many clauses"),
                (chain(" and ", tests), chain(" and ", tests + 1), "too many clauses"),
            ] {
                let filter = Filter::parse(&at_the_limit).unwrap();
                filter.test(&json!({"appId": "x"}));
                drop((filter.check(ObjectKind::Application, true), filter.navigations()));
                let refused = Filter::parse(&beyond).unwrap_err();
                assert_eq!(refused.status(), http::StatusCode::BAD_REQUEST);
                assert!(refused.message().starts_with("Invalid filter clause: "), "{}", refused.message());
                assert!(refused.message().contains(message), "{}", refused.message());
            }
            for nonsense in ["(".repeat(20_000), "not ".repeat(9_000), "a/any(a:".repeat(5_000), chain(" or ", 9_000)] {
                assert!(Filter::parse(&nonsense).is_err());
            }
            let list = format!("appId in ({})", vec!["'x'"; 5_000].join(","));
            assert!(Filter::parse(&list).is_ok_and(|filter| filter.test(&json!({"appId": "x"}))), "a list is flat");
        };
        std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap();
    }

    #[test]
    fn advanced_operators_need_the_advanced_query() {
        let check = |filter: &str, advanced| Filter::parse(filter).unwrap().check(ObjectKind::Application, advanced);
        for filter in
            ["displayName eq 'a'", "appId in ('a','b')", "startswith(displayName,'a')", "tags/any(t:t eq 'x')"]
        {
            assert!(check(filter, false).is_ok(), "{filter}");
        }
        for filter in ["displayName ne 'a'", "not (appId eq 'x')", "endswith(displayName,'a')", "notes eq 'a'"] {
            assert!(check(filter, false).is_err(), "{filter}");
            assert!(check(filter, true).is_ok(), "{filter}");
        }
        for filter in ["contains(displayName,'a')", "colour eq 'red'", "startswith(appId,'a')", "appId eq null"] {
            assert!(check(filter, true).is_err(), "{filter}");
        }
    }

    #[test]
    fn an_equality_that_every_match_needs_is_the_way_into_an_index() {
        let pinned = |filter: &str| {
            let indexed = |member: &str| ["appId", "names"].into_iter().find(|name| *name == member);
            let filter = Filter::parse(filter).unwrap();
            let found = filter.pinned(&indexed);
            found.map(|(member, keys)| match keys {
                Keys::Any(keys) => format!("{member}: {}", keys.join(" ")),
                Keys::Starting(start) => format!("{member}: {start}*"),
            })
        };
        assert_eq!(pinned("appId eq 'a' and kind eq 'b'").as_deref(), Some("appId: a"));
        assert_eq!(pinned("kind eq 'b' and appId eq 'a'").as_deref(), Some("appId: a"));
        assert_eq!(pinned("appId in ('a','b')").as_deref(), Some("appId: a b"));
        assert_eq!(pinned("names/any(n:n eq 'a')").as_deref(), Some("names: a"));
        assert_eq!(pinned("names/any(n:startsWith(n,'a'))").as_deref(), Some("names: a*"));
        assert_eq!(pinned("startsWith(appId,'a')").as_deref(), Some("appId: a*"));
        for filter in [
            "appId eq 'a' or appId eq 'b'",
            "not(appId eq 'a')",
            "appId ne 'a'",
            "names/all(n:n eq 'a')",
            "names/any(n:n/id eq 'a')",
            "names/any(n:endsWith(n,'a'))",
            "names/any(n:startsWith(m,'a'))",
            "startsWith(appId,'')",
            "appId in ('a',null)",
            "kind eq 'b'",
        ] {
            assert_eq!(pinned(filter), None, "{filter}");
        }
    }
}
