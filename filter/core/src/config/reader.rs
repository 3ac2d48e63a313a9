//! Reads JSON values as what they must be, and says where they are not.

use super::error::{ConfigurationError, Problem};
use super::hint::KeyHint;
use super::json::Json;
use super::place::Place;
use crate::names::Names;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// Why reading stopped.
pub(super) type Refusal = Box<ConfigurationError>;

/// What reading gives.
pub(super) type Read<T> = Result<T, Refusal>;

/// A value and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Value<'j> {
    pub(super) json: &'j Json,
    pub(super) place: Place<'j>,
}

impl<'j> Value<'j> {
    pub(super) fn error(&self, problem: Problem) -> Refusal {
        error_at(&self.place, problem)
    }

    pub(super) fn wrong(&self, expected: &'static str) -> Refusal {
        self.error(Problem::WrongType {
            expected,
            found: self.json.kind(),
        })
    }

    pub(super) fn text(&self) -> Read<&'j str> {
        match self.json {
            Json::Text(text) => Ok(text),
            _ => Err(self.wrong("a string")),
        }
    }

    pub(super) fn text_not_empty(&self) -> Read<&'j str> {
        match self.text()? {
            "" => Err(self.error(Problem::Empty)),
            text => Ok(text),
        }
    }

    pub(super) fn bool(&self) -> Read<bool> {
        match self.json {
            Json::Bool(value) => Ok(*value),
            _ => Err(self.wrong("true or false")),
        }
    }

    /// A whole number within these bounds.
    pub(super) fn number(&self, bounds: RangeInclusive<u32>) -> Read<u32> {
        let Json::Number(number) = self.json else {
            return Err(self.wrong("a whole number"));
        };
        let (least, most) = (*bounds.start(), *bounds.end());
        number
            .filter(|number| bounds.contains(number))
            .ok_or_else(|| self.error(Problem::OutOfBounds { least, most }))
    }

    /// The members of an object whose keys are names of the user's own.
    pub(super) fn members(&self) -> Read<impl Iterator<Item = Read<(&'j str, Value<'_>)>>> {
        let Json::Object(members) = self.json else {
            return Err(self.wrong("an object"));
        };
        let mut names = Names::default();
        Ok(members
            .iter()
            .enumerate()
            .map(move |(index, (name, json))| {
                // What does not look like a name could be a misplaced secret.
                let is_shown = (1..=40).contains(&name.len())
                    && name
                        .bytes()
                        .all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet));
                let place = if is_shown {
                    self.place.key(name)
                } else {
                    self.place.index(index)
                };
                if names.contains(name.as_bytes()) {
                    return Err(error_at(&place, Problem::RepeatedKey));
                }
                names.insert(name.as_bytes());
                Ok((name.as_str(), Value { json, place }))
            }))
    }

    /// Calls `read` with each element of a list.
    pub(super) fn each<T>(&self, mut read: impl FnMut(Value<'_>) -> Read<T>) -> Read<Vec<T>> {
        let Json::List(list) = self.json else {
            return Err(self.wrong("a list"));
        };
        let mut all = Vec::new();
        for (index, json) in list.iter().enumerate() {
            let place = self.place.index(index);
            all.push(read(Value { json, place })?);
        }
        Ok(all)
    }

    /// The members of an object that has no other keys than these.
    pub(super) fn object(&self, keys: &'static [&'static str]) -> Read<Object<'j>> {
        let Json::Object(members) = self.json else {
            return Err(self.wrong("an object"));
        };
        for (index, (key, _)) in members.iter().enumerate() {
            if !keys.contains(&key.as_str()) {
                return Err(self.unknown_key(key, keys));
            }
            if members
                .iter()
                .take(index)
                .any(|(earlier, _)| earlier == key)
            {
                return Err(error_at(&self.place.key(key), Problem::RepeatedKey));
            }
        }
        Ok(Object {
            members,
            place: self.place,
        })
    }

    /// A key that looks like one is shown; what does not could be a misplaced secret.
    fn unknown_key(&self, key: &str, keys: &'static [&'static str]) -> Refusal {
        let looks_like_key = (1..=40).contains(&key.len())
            && key
                .bytes()
                .all(|octet| octet.is_ascii_lowercase() || octet == b'_');
        let problem = Problem::UnknownKey(KeyHint::of(key, keys));
        if looks_like_key {
            error_at(&self.place.key(key), problem)
        } else {
            self.error(problem)
        }
    }
}

/// An object whose keys are all known and there once.
#[derive(Clone, Copy)]
pub(super) struct Object<'j> {
    members: &'j [(String, Json)],
    pub(super) place: Place<'j>,
}

impl Object<'_> {
    pub(super) fn error(&self, problem: Problem) -> Refusal {
        error_at(&self.place, problem)
    }

    /// The value of a key, if it is there.
    pub(super) fn value<'v>(&'v self, key: &'static str) -> Option<Value<'v>> {
        let (_, json) = self.members.iter().find(|(name, _)| name == key)?;
        Some(Value {
            json,
            place: self.place.key(key),
        })
    }

    /// What `read` makes of a key's value, if it is there.
    pub(super) fn read<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(Value<'_>) -> Read<T>,
    ) -> Read<Option<T>> {
        self.value(key).map(read).transpose()
    }

    pub(super) fn bool(&self, key: &'static str) -> Read<bool> {
        Ok(self.read(key, |value| value.bool())?.unwrap_or(false))
    }

    pub(super) fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }
}

/// Whether quotes were kept that should have ended in a shell or a template.
pub(super) fn is_quoted(text: &str) -> bool {
    ['"', '\'']
        .iter()
        .any(|quote| text.starts_with(*quote) && text.ends_with(*quote))
}

pub(super) fn error_at(place: &Place<'_>, problem: Problem) -> Refusal {
    Box::new(ConfigurationError {
        place: place.to_string(),
        problem,
    })
}
