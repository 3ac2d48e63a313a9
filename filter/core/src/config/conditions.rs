//! Reads the other conditions of a rule: hosts, methods, addresses.

use super::Problem;
use super::reader::{Object, Read, Value};
use crate::matching::{Breadth, HostPattern, Methods, parse_block};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use ipnet::IpNet;

/// `hosts`. `opens`: what they match may pass, so that no port is ignored.
pub(super) fn hosts(rule: &Object<'_>, opens: bool) -> Read<Vec<HostPattern>> {
    let breadth = if opens {
        Breadth::Narrow
    } else {
        Breadth::Wide
    };
    let host = |host: Value<'_>| {
        HostPattern::parse(host.text_not_empty()?, breadth)
            .map_err(|why| host.error(Problem::NotAHost(why)))
    };
    let Some(hosts) = rule.value("hosts") else {
        return Ok(Vec::new());
    };
    let patterns = hosts.each(host)?;
    if opens && patterns.is_empty() {
        // An empty list reads as "none", and means "any", as in Istio's extension.
        return Err(hosts.error(Problem::Empty));
    }
    Ok(patterns)
}

/// `request_methods`.
pub(super) fn methods(
    rule: &Object<'_>,
    breadth: Breadth,
    warnings: &mut Vec<String>,
) -> Read<Methods> {
    let Some(methods) = rule.value("request_methods") else {
        return Ok(Methods::default());
    };
    let names: Vec<String> = methods.each(|method| {
        let name = method.text_not_empty()?;
        let is_word_for_all = ["ALL", "ANY"].iter().any(|all| name.eq_ignore_ascii_case(all));
        let is_method = if name == "*" {
            breadth == Breadth::Wide
        } else {
            !is_word_for_all && has_letters_of_methods(name)
        };
        if is_method {
            if name != "*" && !is_registered(name) {
                warnings.push(format!(
                    "{}: no such method is registered; if no client sends it, the rule decides nothing",
                    method.place
                ));
            }
            Ok(String::from(name))
        } else {
            Err(method.error(Problem::NotAMethod))
        }
    })?;
    if names.is_empty() {
        // An empty list reads as "none", and would mean "all".
        return Err(methods.error(Problem::Empty));
    }
    if names.iter().any(|name| name == "*") {
        warnings.push(format!(
            "{}: `*` is read as all methods; leave the key out",
            methods.place
        ));
        return Ok(Methods::default());
    }
    Ok(Methods::new(names.into_iter().map(String::into_bytes)))
}

/// `remote_ips`.
pub(super) fn sources(
    rule: &Object<'_>,
    breadth: Breadth,
    opens: bool,
    warnings: &mut Vec<String>,
) -> Read<Vec<IpNet>> {
    let Some(value) = rule.value("remote_ips") else {
        return Ok(Vec::new());
    };
    let blocks = value.each(|block| {
        parse_block(block.text_not_empty()?).map_err(|why| block.error(Problem::NotABlock(why)))
    })?;
    if blocks.is_empty() {
        return Err(value.error(Problem::Empty));
    }
    if breadth == Breadth::Wide && has_all_of_one_family(&blocks) {
        return Err(value.error(Problem::OneFamily));
    }
    if opens {
        warnings.push(format!(
            "{}: whoever the listener believes in `X-Forwarded-For` chooses this address; set \
             `use_remote_address: true` in Envoy's HTTP connection manager",
            value.place
        ));
    }
    Ok(blocks)
}

/// Whether it reads as everybody and leaves out who comes by the other version of IP.
fn has_all_of_one_family(blocks: &[IpNet]) -> bool {
    let is_ipv4 = |block: &IpNet| block.addr().is_ipv4();
    let is_one_family = blocks.iter().all(is_ipv4) || !blocks.iter().any(is_ipv4);
    is_one_family && blocks.iter().any(|block| block.prefix_len() == 0)
}

/// A method is a token (RFC 9110, 9.1), but of those that a token may have beside these, `|`, `!`, `^` and the
/// like are of a list, a negation or an expression.
fn has_letters_of_methods(name: &str) -> bool {
    name.bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet))
}

/// The methods of HTTP and WebDAV that a rule may be for, in upper case (IANA's registry of methods).
fn is_registered(method: &str) -> bool {
    const METHODS: &str = " ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LINK LOCK \
                           MERGE MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE OPTIONS ORDERPATCH \
                           PATCH POST PROPFIND PROPPATCH PUT QUERY REBIND REPORT SEARCH TRACE UNBIND UNCHECKOUT \
                           UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL ";
    METHODS.contains(&format!(" {} ", method.to_ascii_uppercase()))
}
