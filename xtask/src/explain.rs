//! `cargo xtask explain`: why a request is answered as it is, by the filter's own decision.

use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{anyhow, bail};
use basic_auth_inspect::{Configuration, Inquiry, Inspection, Severity, inspect};

use crate::operator::{self, OutputFormat};

/// Arguments of `cargo xtask explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask explain envoy/envoy.yaml GET https://example.com/admin/
  cargo xtask explain envoy/envoy.yaml GET /public/..%2fadmin --user alice
  cargo xtask explain plugin.json POST /api --host api.example.com --header 'x-forwarded-host: other'

Shows every reading of the path that an upstream may have, what each rule says, and the answer.
Nothing is sent anywhere.")]
pub struct ExplainArgs {
    /// A file that `cargo xtask check` reads
    file: PathBuf,
    /// The request's method
    method: String,
    /// The request's URL, or its path as Envoy receives it
    url: String,
    /// The host; else the URL's
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The request comes from this user, with the right password
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The client's address
    #[arg(long, value_name = "ADDRESS")]
    remote_ip: Option<IpAddr>,
    /// `http` or `https`; else the URL's
    #[arg(long, value_name = "SCHEME")]
    scheme: Option<String>,
    /// A header field, `NAME: VALUE`; may be given several times
    #[arg(long, value_name = "FIELD")]
    header: Vec<String>,
    /// Which of the configurations in the file, counted from 1
    #[arg(long, value_name = "N")]
    configuration: Option<usize>,
    /// `text`, or `json` for other programs
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// Explains the decision on one request.
pub fn run(args: &ExplainArgs) -> anyhow::Result<()> {
    let inquiry = args.inquiry().map_err(|fault| anyhow!(fault))?;
    let text = operator::read(&args.file)?;
    let folder = args.file.parent().map(PathBuf::from).unwrap_or_default();
    let inspection = inspect(&text, &|path| std::fs::read(folder.join(path)).ok());
    let configuration = args.choose(&inspection)?;
    let Some(policy) = &configuration.policy else {
        bail!(
            "{}: the configuration does not hold; `cargo xtask check` says why",
            args.file.display()
        );
    };
    let answer = inquiry.ask(policy).map_err(|fault| anyhow!(fault))?;
    if args.format.is_json() {
        crate::say!("{:#}", answer.to_json());
        return Ok(());
    }
    answer.lines().iter().for_each(|line| crate::say!("{line}"));
    Ok(())
}

impl ExplainArgs {
    fn inquiry(&self) -> Result<Inquiry, String> {
        let mut inquiry = Inquiry::new(&self.method, &self.url)?;
        if let Some(host) = &self.host {
            inquiry = inquiry.with_host(host);
        }
        if let Some(scheme) = &self.scheme {
            inquiry = inquiry.with_scheme(scheme)?;
        }
        for field in &self.header {
            inquiry = inquiry.with_header(field)?;
        }
        inquiry.remote_ip = self.remote_ip;
        inquiry.user.clone_from(&self.user);
        Ok(inquiry)
    }

    fn choose<'i>(&self, inspection: &'i Inspection) -> anyhow::Result<&'i Configuration> {
        let file = self.file.display();
        let all = &inspection.configurations;
        if let Some(number) = self.configuration {
            let chosen = number.checked_sub(1).and_then(|index| all.get(index));
            return chosen.ok_or_else(|| anyhow!("{file}: there are {} configurations", all.len()));
        }
        match all.as_slice() {
            [one] => Ok(one),
            [] => {
                let error = inspection
                    .findings
                    .iter()
                    .find(|finding| finding.severity == Severity::Error);
                let why = error.map_or("it is an htpasswd file", |finding| &finding.message);
                Err(anyhow!("{file}: {why}"))
            }
            several => {
                let places: Vec<_> = several.iter().map(|one| one.place.as_str()).collect();
                Err(anyhow!(
                    "{file}: there are several configurations ({}); choose one with --configuration N",
                    places.join(", ")
                ))
            }
        }
    }
}
