//! The form of a file of cases.

use super::{
    Corpus, Expect,
    case::{Case, NotOn, Place, Refused, Request, Runner},
};
use crate::octets;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    configuration: Option<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    not_on: NotOn,
    #[serde(default)]
    request: Vec<RequestText>,
    #[serde(default)]
    case: Vec<CaseText>,
    #[serde(default)]
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseText {
    name: Option<String>,
    configuration: String,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    not_on: NotOn,
    request: Vec<RequestText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestText {
    name: String,
    #[serde(default = "get")]
    method: String,
    #[serde(default = "example_com")]
    authority: String,
    #[serde(default = "root")]
    path: String,
    #[serde(default)]
    authorization: Vec<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    expect: Expect,
    #[serde(default)]
    not_on: NotOn,
}

fn get() -> String {
    "GET".into()
}

fn example_com() -> String {
    "example.com".into()
}

fn root() -> String {
    "/".into()
}

/// Adds what a file has to the corpus.
pub(super) fn parse(file: &'static str, text: &str, corpus: &mut Corpus) -> Result<(), String> {
    let FileText {
        configuration,
        environment,
        not_on,
        request,
        case,
        refused,
    } = toml::from_str(text).map_err(|error| error.to_string())?;
    if request.is_empty() && case.is_empty() && refused.is_empty() {
        return Err("no request and no refused configuration: it proves nothing".into());
    }
    match configuration {
        Some(configuration) => {
            let text = CaseText {
                name: None,
                configuration,
                environment,
                not_on,
                request,
            };
            corpus
                .cases
                .push(parse_case(Place { file, case: None }, text)?);
        }
        None if !request.is_empty() || !environment.is_empty() || !not_on.0.is_empty() => {
            return Err("keys of a case, but no `configuration`".into());
        }
        None => {}
    }
    for (index, text) in case.into_iter().enumerate() {
        let number = format!("case {}", index + 1);
        let name = text
            .name
            .as_ref()
            .map_or(number, |name| format!("case `{name}`"));
        corpus.cases.push(parse_case(
            Place {
                file,
                case: Some(name),
            },
            text,
        )?);
    }
    for mut one in refused {
        claimed(&format!("`{}`", one.name), &[&one.not_on])?;
        if one.error.is_empty() {
            return Err(format!("`{}`: an empty `error` is in every text", one.name));
        }
        one.place = Place { file, case: None };
        corpus.refused.push(one);
    }
    Ok(())
}

fn parse_case(place: Place, text: CaseText) -> Result<Case, String> {
    let at = place.case.clone().unwrap_or_else(|| "the case".into());
    let CaseText {
        configuration,
        environment,
        not_on,
        request,
        name: _,
    } = text;
    if request.is_empty() {
        return Err(format!("{at}: no request"));
    }
    let mut names = BTreeSet::new();
    let mut requests = Vec::new();
    for text in request {
        let name = text.name.clone();
        if name.is_empty() || !names.insert(name.clone()) {
            return Err(format!("{at}: two requests, or none, named `{name}`"));
        }
        let request =
            parse_request(text).map_err(|mistake| format!("{at}: `{name}`: {mistake}"))?;
        claimed(&format!("{at}: `{name}`"), &[&not_on, &request.not_on])?;
        requests.push(request);
    }
    Ok(Case {
        place,
        configuration,
        environment,
        requests,
        not_on,
    })
}

fn parse_request(text: RequestText) -> Result<Request, String> {
    if let Some(mistake) = text.expect.mistake() {
        return Err(mistake.into());
    }
    let mut fields = Vec::new();
    for value in &text.authorization {
        fields.push(("authorization".into(), octets::parse(value)?));
    }
    for (name, value) in text.headers {
        fields.push((name, octets::parse(&value)?));
    }
    Ok(Request {
        name: text.name,
        method: present(&text.method)?,
        authority: present(&text.authority)?,
        path: present(&text.path)?,
        fields,
        expect: text.expect,
        not_on: text.not_on,
    })
}

fn present(text: &str) -> Result<Option<Vec<u8>>, String> {
    if text.is_empty() {
        Ok(None)
    } else {
        octets::parse(text).map(Some)
    }
}

/// Refuses what no runner claims, and what a runner leaves out without a reason.
fn claimed(what: &str, lists: &[&NotOn]) -> Result<(), String> {
    for (runner, reason) in lists.iter().flat_map(|list| &list.0) {
        if reason.trim().is_empty() {
            return Err(format!("{what}: not on {runner:?}, but no reason why"));
        }
    }
    let is_claimed = |runner: &Runner| !lists.iter().any(|list| list.has(*runner));
    if Runner::ALL.iter().any(is_claimed) {
        Ok(())
    } else {
        Err(format!("{what}: no runner claims it"))
    }
}
