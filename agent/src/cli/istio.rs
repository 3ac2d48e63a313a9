//! The environment variables of Istio's agent, in the forms that Istio gives them.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::modules::ModulesOptions;

/// What Istio's variables say; `None` where they say nothing.
#[derive(Debug)]
pub(super) struct IstioSettings {
    pub(super) converts: bool,
    insecure_registries: Vec<String>,
    module_expiry: Option<Duration>,
    purge_interval: Option<Duration>,
    request_timeout: Option<Duration>,
    max_attempts: Option<u32>,
    max_module_bytes: Option<u64>,
    blocked_cidrs: Vec<IpNet>,
}

impl IstioSettings {
    pub(super) fn from_environment() -> Result<Self, String> {
        Self::read(&|name| std::env::var(name).ok())
    }

    fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let read = Variables(variable);
        // As in Istio, zero stands for the default.
        Ok(Self {
            converts: read
                .parsed("ISTIO_AGENT_ENABLE_WASM_REMOTE_LOAD_CONVERSION", parse_bool)?
                .unwrap_or(true),
            insecure_registries: read.list("WASM_INSECURE_REGISTRIES"),
            module_expiry: read
                .parsed("WASM_MODULE_EXPIRY", parse_duration)?
                .filter(is_positive),
            purge_interval: read
                .parsed("WASM_PURGE_INTERVAL", parse_duration)?
                .filter(is_positive),
            request_timeout: read
                .parsed("WASM_HTTP_REQUEST_TIMEOUT", parse_duration)?
                .filter(is_positive),
            max_attempts: read
                .parsed("WASM_HTTP_REQUEST_MAX_RETRIES", |text| text.parse().ok())?
                .filter(|attempts| *attempts > 0),
            max_module_bytes: read
                .parsed("ISTIO_WASM_MAX_BINARY_SIZE_BYTES", |text| text.parse().ok())?
                .filter(|bytes| *bytes > 0),
            blocked_cidrs: read
                .list("BLOCKED_CIDRS_IN_WASM_FETCH")
                .iter()
                .map(|cidr| {
                    cidr.parse()
                        .map_err(|_| wrong("BLOCKED_CIDRS_IN_WASM_FETCH", cidr))
                })
                .collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn modules(&self, cache_dir: PathBuf) -> ModulesOptions {
        let defaults = ModulesOptions::new(cache_dir);
        ModulesOptions {
            insecure_registries: self.insecure_registries.clone(),
            expiry: self.module_expiry.unwrap_or(defaults.expiry),
            purge_interval: self.purge_interval.unwrap_or(defaults.purge_interval),
            request_timeout: self.request_timeout.unwrap_or(defaults.request_timeout),
            max_attempts: self.max_attempts.unwrap_or(defaults.max_attempts),
            max_module_bytes: self.max_module_bytes.unwrap_or(defaults.max_module_bytes),
            blocked_cidrs: self.blocked_cidrs.clone(),
            ..defaults
        }
    }
}

fn is_positive(duration: &Duration) -> bool {
    !duration.is_zero()
}

struct Variables<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    /// An empty variable counts as missing.
    fn value(&self, name: &str) -> Option<String> {
        (self.0)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    fn parsed<Value>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<Value>,
    ) -> Result<Option<Value>, String> {
        self.value(name)
            .map(|value| parse(&value).ok_or_else(|| wrong(name, &value)))
            .transpose()
    }

    fn list(&self, name: &str) -> Vec<String> {
        let value = self.value(name).unwrap_or_default();
        let entries = value
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        entries.map(str::to_owned).collect()
    }
}

fn wrong(name: &str, value: &str) -> String {
    format!("`{name}` is `{value}`, which cannot be read")
}

/// What Go's `strconv.ParseBool` reads.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A duration as Go writes it: `500ms`, `1.5h`, `1h30m`.
fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let number =
            rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, after) = rest.split_at(number);
        let unit = after.find(|character: char| character.is_ascii_digit() || character == '.');
        let (unit, after) = after.split_at(unit.unwrap_or(after.len()));
        let seconds = number.parse::<f64>().ok()? * seconds_of(unit)?;
        total = total.checked_add(Duration::try_from_secs_f64(seconds).ok()?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

fn seconds_of(unit: &str) -> Option<f64> {
    match unit {
        "ns" => Some(1e-9),
        "us" | "µs" | "μs" => Some(1e-6),
        "ms" => Some(1e-3),
        "s" => Some(1.0),
        "m" => Some(60.0),
        "h" => Some(3600.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_in_go() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("1h", 3_600_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            ("1m0.5s", 60_500),
            ("2000us", 2),
            ("2000µs", 2),
            ("+3s", 3000),
            ("0", 0),
        ] {
            assert_eq!(
                parse_duration(text),
                Some(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in [
            "",
            "1",
            "s",
            "-1s",
            "1d",
            "1 s",
            "1..5s",
            "1e3s",
            "99999999999999999999h",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_set_is_taken_and_the_rest_stays() {
        let variables = |name: &str| match name {
            "WASM_MODULE_EXPIRY" => Some("1h".to_owned()),
            "WASM_HTTP_REQUEST_MAX_RETRIES" => Some("0".to_owned()),
            "WASM_INSECURE_REGISTRIES" => Some("a:1, b".to_owned()),
            "WASM_PURGE_INTERVAL" => Some(String::new()),
            _ => None,
        };
        let settings = IstioSettings::read(&variables).unwrap();
        let modules = settings.modules(PathBuf::from("/cache"));
        let defaults = ModulesOptions::new("/cache");
        assert!(settings.converts);
        assert_eq!(modules.expiry, Duration::from_secs(3600));
        assert_eq!(modules.max_attempts, defaults.max_attempts);
        assert_eq!(modules.purge_interval, defaults.purge_interval);
        assert_eq!(modules.insecure_registries, ["a:1", "b"]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = IstioSettings::read(&|name| {
            (name == "WASM_PURGE_INTERVAL").then(|| "often".to_owned())
        });
        assert_eq!(
            error.unwrap_err(),
            "`WASM_PURGE_INTERVAL` is `often`, which cannot be read"
        );
    }
}
