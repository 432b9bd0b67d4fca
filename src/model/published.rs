//! What an API publishes, read for looking permissions up: their ids and names, and nothing else of them.
//!
//! Microsoft Graph's lists are long, 0.4 MB each: nothing is kept that is not looked at. They are read member by member, as
//! the objects of this module are.

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use crate::ids::{PermissionId, ServicePrincipalId};
use crate::model::object::guid;

/// The service principal of an API, with the permissions that can be granted to an app.
#[derive(Debug, Default)]
pub(crate) struct PublishedApi {
    pub(crate) id: Option<ServicePrincipalId>,
    /// Its application permissions.
    pub(crate) app_roles: Vec<PublishedPermission>,
    /// Its delegated permissions.
    pub(crate) scopes: Vec<PublishedPermission>,
}

/// The id and the name of a permission.
pub(crate) type PublishedPermission = (PermissionId, Box<str>);

impl<'de> Deserialize<'de> for PublishedApi {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut api = Self::default();
        from.deserialize_map(Part::Api(&mut api))?;
        Ok(api)
    }
}

/// An entry of a list of permissions.
#[derive(Default)]
struct Entry {
    id: Option<Uuid>,
    name: Option<Box<str>>,
    is_disabled: bool,
    is_for_apps: bool,
}

/// The place of a part of the JSON. A value of another form than the place is for is passed over.
enum Part<'a> {
    Api(&'a mut PublishedApi),
    Roles(&'a mut Vec<PublishedPermission>),
    Scopes(&'a mut Vec<PublishedPermission>),
    Entry(&'a mut Entry),
    Id(&'a mut Option<Uuid>),
    ApiId(&'a mut Option<ServicePrincipalId>),
    Name(&'a mut Option<Box<str>>),
    IsEnabled(&'a mut Entry),
    MemberTypes(&'a mut Entry),
    MemberType(&'a mut Entry),
    Ignored,
}

impl Part<'_> {
    /// The place of a member's value.
    fn member(&mut self, name: &str) -> Part<'_> {
        match (self, name) {
            (Self::Api(api), "id") => Part::ApiId(&mut api.id),
            (Self::Api(api), "appRoles") => Part::Roles(&mut api.app_roles),
            (Self::Api(api), "oauth2PermissionScopes") => Part::Scopes(&mut api.scopes),
            (Self::Entry(entry), "id") => Part::Id(&mut entry.id),
            (Self::Entry(entry), "value") => Part::Name(&mut entry.name),
            (Self::Entry(entry), "isEnabled") => Part::IsEnabled(entry),
            (Self::Entry(entry), "allowedMemberTypes") => Part::MemberTypes(entry),
            _ => Part::Ignored,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        match self {
            Self::Ignored => IgnoredAny::deserialize(from).map(drop),
            part => from.deserialize_any(part),
        }
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        if let Self::IsEnabled(entry) = self {
            entry.is_disabled = !value;
        }
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        match self {
            Self::Id(id) => *id = guid(value),
            Self::ApiId(id) => *id = guid(value).map(Into::into),
            Self::Name(name) => *name = Some(value.into()),
            Self::MemberType(entry) => entry.is_for_apps |= value == "Application",
            _ => {}
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        match self {
            Self::Roles(all) => read_permissions(all, list, |entry| entry.is_for_apps),
            Self::Scopes(all) => read_permissions(all, list, |_| true),
            Self::MemberTypes(entry) => {
                while list.next_element_seed(Part::MemberType(entry))?.is_some() {}
                Ok(())
            }
            _ => IgnoredAny.visit_seq(list).map(drop),
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        if !matches!(self, Self::Api(_) | Self::Entry(_)) {
            return IgnoredAny.visit_map(map).map(drop);
        }
        while let Some(part) = map.next_key_seed(MemberName(&mut self))? {
            map.next_value_seed(part)?;
        }
        Ok(())
    }
}

/// Reads a list of permissions, of which one that has no id or no name that can be read is left out.
fn read_permissions<'de, A: SeqAccess<'de>>(
    all: &mut Vec<PublishedPermission>,
    mut list: A,
    can_be_granted: impl Fn(&Entry) -> bool,
) -> Result<(), A::Error> {
    all.clear();
    loop {
        let mut entry = Entry::default();
        if list.next_element_seed(Part::Entry(&mut entry))?.is_none() {
            return Ok(());
        }
        if can_be_granted(&entry)
            && let Entry { id: Some(id), name: Some(name), is_disabled: false, .. } = entry
        {
            all.push((id.into(), name));
        }
    }
}

/// Reads a member's name, and finds the place of its value.
struct MemberName<'a, 'b>(&'a mut Part<'b>);

impl<'de, 'a> DeserializeSeed<'de> for MemberName<'a, '_> {
    type Value = Part<'a>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Part<'a>, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for MemberName<'a, '_> {
    type Value = Part<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Part<'a>, E> {
        Ok(self.0.member(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ServicePrincipal;

    const ID: &str = "5778995a-e1bf-45b8-affa-663a9f3f4d04";

    fn names(list: &[PublishedPermission]) -> Vec<&str> {
        list.iter().map(|(id, name)| if id.to_string() == ID { &**name } else { "another id" }).collect()
    }

    #[test]
    fn an_entry_of_another_form_costs_none_of_the_others() {
        let good =
            |name: &str| format!(r#"{{"id":"{ID}","value":"{name}","allowedMemberTypes":["User","Application"]}}"#);
        for odd in [
            "7",
            "null",
            "[]",
            "[[{}]]",
            r#""text""#,
            "{}",
            r#"{"id":7,"value":"Odd","allowedMemberTypes":["Application"]}"#,
            r#"{"id":"no id","value":"Odd","allowedMemberTypes":["Application"]}"#,
            &format!(r#"{{"id":"{ID}","value":{{"a":[1]}},"allowedMemberTypes":["Application"]}}"#),
            &format!(r#"{{"id":"{ID}","value":null,"allowedMemberTypes":["Application"]}}"#),
        ] {
            let (first, last) = (good("First"), good("Last"));
            let list = format!("[{first},{odd},{last}]");
            let text = format!(r#"{{"appRoles":{list},"new":[{{}}],"id":"{ID}","oauth2PermissionScopes":{list}}}"#);
            let api: PublishedApi = serde_json::from_str(&text).unwrap();
            assert_eq!(names(&api.app_roles), ["First", "Last"], "{odd}");
            assert_eq!(names(&api.scopes), ["First", "Last"], "{odd}");
            assert_eq!(api.id.unwrap().to_string(), ID);
        }
    }

    #[test]
    fn what_can_be_granted_is_what_the_model_says() {
        let entry = |members: &str| format!(r#"{{"id":"{ID}","value":"A"{members}}}"#);
        let list: Vec<String> = [
            "",
            r#","isEnabled":false"#,
            r#","isEnabled":true,"allowedMemberTypes":["Application"]"#,
            r#","isEnabled":false,"allowedMemberTypes":["Application"]"#,
            r#","isEnabled":"no","allowedMemberTypes":[7,"Application",{}]"#,
            r#","isEnabled":null,"allowedMemberTypes":["User"]"#,
            r#","allowedMemberTypes":"Application""#,
        ]
        .into_iter()
        .map(entry)
        .collect();
        let list = list.join(",");
        let text = format!(r#"{{"appRoles":[{list}],"oauth2PermissionScopes":[{list}]}}"#);
        let api: PublishedApi = serde_json::from_str(&text).unwrap();
        let model: ServicePrincipal = serde_json::from_str(&text).unwrap();
        let roles = model.app_roles.iter().filter(|role| {
            role.is_enabled != Some(false) && role.allowed_member_types.iter().any(|member| member == "Application")
        });
        assert_eq!((api.app_roles.len(), roles.count()), (2, 2));
        let scopes = model.oauth2_permission_scopes.iter().filter(|scope| scope.is_enabled != Some(false));
        assert_eq!((api.scopes.len(), scopes.count()), (5, 5));
    }

    #[test]
    fn lists_of_another_form_are_none_and_what_is_no_object_is_refused() {
        for list in ["null", "7", r#""text""#, "{}", r#"{"a":[1]}"#, "true", "1.5", "-1"] {
            let text = format!(r#"{{"appRoles":{list},"oauth2PermissionScopes":{list},"id":{list}}}"#);
            let api: PublishedApi = serde_json::from_str(&text).unwrap();
            assert!(api.app_roles.is_empty() && api.scopes.is_empty() && api.id.is_none(), "{list}");
        }
        for text in ["7", "[]", "null", r#""text""#, "{\"appRoles\":[{]}"] {
            assert!(serde_json::from_str::<PublishedApi>(text).is_err(), "{text}");
        }
    }
}
