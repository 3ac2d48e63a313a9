//! Reads who is known, and who of them may pass.

use super::json::Json;
use super::limits::Caps;
use super::reader::{Object, Read, Value, error_at, is_quoted};
use super::{Environment, Problem};
use crate::names::Names;
use crate::password::{
    HtpasswdError, HtpasswdUser, Verifier, is_unfilled, parse_htpasswd_users, starts_like_hash,
};
use crate::request::{Credentials, MAX_USER_ID_AND_PASSWORD};
use crate::verify::{Allowed, OtherPassword, UserStore};
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// As lenient on padding as Istio's extension is with its configuration.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// User names by group, as `groups` has them.
#[derive(Default)]
pub(super) struct Groups {
    names: Names,
    /// By the number of the name.
    members: Vec<Rc<Names>>,
}

impl Groups {
    fn get(&self, name: &str) -> Option<&Rc<Names>> {
        let (_, number) = self.names.get(name.as_bytes())?;
        self.members.get(number)
    }

    /// Whether no rule names a group.
    #[cfg(feature = "analysis")]
    pub(super) fn is_idle(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|members| Rc::strong_count(members) == 1)
    }
}

/// The users of the whole configuration: `users` and `users_env`.
pub(super) fn of_all_rules(
    top: &Object<'_>,
    environment: Environment<'_>,
    caps: &Caps,
) -> Read<UserStore> {
    let mut list = List::default();
    if let Some(value) = top.value("users") {
        list.insert_htpasswd(&value, caps)?;
    }
    if let Some(value) = top.value("users_env") {
        let text = environment(value.text_not_empty()?)
            .ok_or_else(|| value.error(Problem::NoSuchVariable))?;
        list.insert_text(&value, &text, caps)?;
    }
    Ok(list.users)
}

/// The users of a rule; `None` if it has none of its own.
pub(super) fn of_rule(rule: &Object<'_>, caps: &Caps) -> Read<Option<UserStore>> {
    let mut list = List::default();
    if let Some(value) = rule.value("credentials") {
        value.each(|value| insert_credential(&value, &mut list.users))?;
    }
    if let Some(value) = rule.value("users") {
        list.insert_htpasswd(&value, caps)?;
    }
    Ok((rule.has("credentials") || rule.has("users")).then_some(list.users))
}

/// Istio's form: `user:password`, or the base64 of that.
fn insert_credential(value: &Value<'_>, users: &mut UserStore) -> Read<()> {
    let text = value.text_not_empty()?;
    if is_quoted(text) {
        return Err(value.error(Problem::Quoted));
    }
    if is_unfilled(text.as_bytes()) {
        return Err(value.error(Problem::Placeholder));
    }
    let decoded: Vec<u8> = if text.contains(':') {
        text.into()
    } else {
        BASE64
            .decode(text)
            .map_err(|_| value.error(Problem::NotACredential))?
    };
    if !decoded.contains(&b':') {
        return Err(value.error(Problem::NotACredential));
    }
    let Credentials {
        user_name,
        password,
    } = Credentials::split(&decoded)
        .filter(|_| decoded.len() <= MAX_USER_ID_AND_PASSWORD && decoded != b":")
        .ok_or_else(|| value.error(Problem::UnsendableCredential))?;
    if starts_like_hash(password) {
        return Err(value.error(Problem::HashAsPassword));
    }
    if is_unfilled(user_name) || is_unfilled(password) {
        return Err(value.error(Problem::Placeholder));
    }
    users.insert_beside(user_name, Verifier::plain(password));
    Ok(())
}

/// A user list that grows, and where its users were named first.
#[derive(Default)]
struct List {
    users: UserStore,
    /// By the number of the user's name; `None` for those of Istio's `credentials`.
    origins: Vec<Option<Origin>>,
}

/// Where a user was named.
struct Origin {
    place: Rc<str>,
    /// Counted from 1.
    line: usize,
}

impl List {
    /// Reads htpasswd text: one string, or a list of strings with a line or more each.
    fn insert_htpasswd(&mut self, value: &Value<'_>, caps: &Caps) -> Read<()> {
        match value.json {
            Json::List(_) => value
                .each(|item| match item.json {
                    // `- alice: hash`, with a blank, is an object in YAML.
                    Json::Object(_) => Err(item.error(Problem::UsersAsMap)),
                    _ => self.insert_text(&item, item.text()?.as_bytes(), caps),
                })
                .map(|_| ()),
            Json::Text(text) => self.insert_text(value, text.as_bytes(), caps),
            Json::Object(_) => Err(value.error(Problem::UsersAsMap)),
            _ => Err(value.wrong("a string or a list of lines")),
        }
    }

    fn insert_text(&mut self, value: &Value<'_>, text: &[u8], caps: &Caps) -> Read<()> {
        let refused = |error: HtpasswdError| value.error(Problem::Htpasswd(error));
        let place: Rc<str> = value.place.to_string().into();
        for HtpasswdUser {
            line,
            name,
            verifier,
        } in parse_htpasswd_users(text, caps).map_err(refused)?
        {
            match self.users.insert(&name, verifier) {
                Ok(number) if number >= self.origins.len() => {
                    self.origins.resize_with(number, || None);
                    let place = place.clone();
                    self.origins.push(Some(Origin { place, line }));
                }
                Ok(_) => {}
                Err(OtherPassword(number)) => {
                    let first = match self.origins.get(number) {
                        Some(Some(Origin { place, line })) => format!("{place}, line {line}"),
                        _ => "`credentials`".into(),
                    };
                    let user = String::from_utf8_lossy(&name).into_owned();
                    return Err(value.error(Problem::OtherPassword { user, line, first }));
                }
            }
        }
        Ok(())
    }
}

/// `groups`.
pub(super) fn groups(top: &Object<'_>) -> Read<Groups> {
    let Some(value) = top.value("groups") else {
        return Ok(Groups::default());
    };
    let mut groups = Groups::default();
    for member in value.members()? {
        let (group, value) = member?;
        if group.is_empty() {
            return Err(value.error(Problem::Empty));
        }
        let mut users = Names::default();
        value.each(|user| {
            users.insert(user.text_not_empty()?.as_bytes());
            Ok(())
        })?;
        // Each is there once: the reader refuses a key that is there twice.
        groups.names.insert(group.as_bytes());
        groups.members.push(Rc::new(users));
    }
    Ok(groups)
}

/// Refuses a group that names somebody whom no rule knows.
pub(super) fn check_groups<'u>(
    top: &Object<'_>,
    groups: &Groups,
    stores: impl Iterator<Item = &'u UserStore>,
) -> Read<()> {
    let Some(value) = top.value("groups") else {
        return Ok(());
    };
    // Every user of every list is looked up once, however many groups there are.
    let mut members = Names::default();
    for group in &groups.members {
        group.iter().for_each(|name| {
            members.insert(name);
        });
    }
    let mut known = Names::default();
    for name in stores.flat_map(UserStore::names) {
        if members.contains(name) {
            known.insert(name);
        }
    }
    for member in value.members()? {
        member?.1.each(|user| {
            if known.contains(user.text()?.as_bytes()) {
                Ok(())
            } else {
                Err(user.error(Problem::NoSuchUser))
            }
        })?;
    }
    Ok(())
}

/// `allow`: who of the users may pass; `None` for everyone.
pub(super) fn allowed(
    rule: &Object<'_>,
    users: &UserStore,
    groups: &Groups,
) -> Read<Option<Allowed>> {
    let Some(value) = rule.value("allow") else {
        return Ok(None);
    };
    let mut allowed = Allowed::default();
    let mut is_anybody = false;
    value.each(|entry| {
        let text = entry.text_not_empty()?;
        if let Some(group) = text.strip_prefix('@') {
            let members = groups
                .get(group)
                .ok_or_else(|| entry.error(Problem::NoSuchGroup))?;
            is_anybody |= members.iter().any(|name| users.accepts(name));
            allowed.groups.push(members.clone());
        } else if users.contains(text.as_bytes()) {
            is_anybody |= users.accepts(text.as_bytes());
            allowed.users.insert(text.as_bytes());
        } else {
            return Err(entry.error(match groups.get(text) {
                Some(_) => Problem::GroupAsUser,
                None => Problem::NoSuchUser,
            }));
        }
        Ok(())
    })?;
    if is_anybody {
        Ok(Some(allowed))
    } else {
        Err(error_at(&value.place, Problem::AllowsNobody))
    }
}
