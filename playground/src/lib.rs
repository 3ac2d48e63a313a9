//! What the page of the playground asks: texts in, JSON out. Nothing is kept and nothing is sent.

use basic_auth_inspect::{Inquiry, Inspection, inspect, inspect_configuration};
use serde_json::{Value, json};
use wasm_bindgen::prelude::wasm_bindgen;

/// A request as the page's fields have it. Empty means that it is not given.
#[wasm_bindgen]
pub struct Asked {
    inquiry: Result<Inquiry, String>,
}

#[wasm_bindgen]
impl Asked {
    /// A request with this method and URL or path.
    #[wasm_bindgen(constructor)]
    pub fn new(method: &str, url: &str) -> Self {
        Self {
            inquiry: Inquiry::new(method, url),
        }
    }

    /// The same from this user, whose password counts as right.
    pub fn user(self, name: String) -> Self {
        let with_user = |mut inquiry: Inquiry| {
            inquiry.user = (!name.is_empty()).then_some(name);
            inquiry
        };
        Self {
            inquiry: self.inquiry.map(with_user),
        }
    }

    /// The same from this address.
    pub fn remote_ip(self, address: &str) -> Self {
        let with_address = |mut inquiry: Inquiry| {
            if !address.trim().is_empty() {
                let fault =
                    |_| "the address must be one such as `192.0.2.7` or `2001:db8::7`".to_owned();
                inquiry.remote_ip = Some(address.trim().parse().map_err(fault)?);
            }
            Ok(inquiry)
        };
        Self {
            inquiry: self.inquiry.and_then(with_address),
        }
    }

    /// The same with header fields, one a line.
    pub fn headers(self, lines: &str) -> Self {
        let mut lines = lines.lines().filter(|line| !line.trim().is_empty());
        Self {
            inquiry: self.inquiry.and_then(|inquiry| {
                lines.try_fold(inquiry, |inquiry, line| inquiry.with_header(line))
            }),
        }
    }
}

/// A configuration as it is typed.
#[wasm_bindgen]
pub struct Typed {
    inspection: Inspection,
}

#[wasm_bindgen]
impl Typed {
    /// The configuration alone, or a file that has one.
    #[wasm_bindgen(constructor)]
    pub fn new(text: &str) -> Self {
        let found = inspect(text.as_bytes(), &|_| None);
        let inspection = if found.configurations.is_empty() {
            inspect_configuration(text)
        } else {
            found
        };
        Self { inspection }
    }

    /// What `cargo xtask check --format json` prints of it.
    pub fn report(&self) -> String {
        self.inspection.to_json().to_string()
    }

    /// The configuration as the filter is handed it.
    pub fn plugin_configuration(&self) -> String {
        let first = self.inspection.configurations.first();
        first.map_or_else(String::new, |configuration| configuration.text.clone())
    }

    /// What `cargo xtask explain --format json` prints of a request, or an `error`.
    pub fn explain(&self, asked: Asked) -> String {
        self.answer(asked)
            .unwrap_or_else(|error| json!({"error": error}))
            .to_string()
    }

    fn answer(&self, asked: Asked) -> Result<Value, String> {
        let inquiry = asked.inquiry?;
        let first = self.inspection.configurations.first();
        let policy = first.and_then(|configuration| configuration.policy.as_ref());
        let policy = policy.ok_or("the configuration does not hold")?;
        inquiry.ask(policy).map(|answer| {
            let mut json = answer.to_json();
            json["lines"] = answer.lines().into();
            json
        })
    }
}
