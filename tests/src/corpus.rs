//! The corpus: every case of `cases/*.toml`, read strictly, so that a slip in a case fails the
//! suite and is not a case that proves nothing.

mod case;
mod expect;
mod file;

pub use case::{Case, Refused, Request, Runner};
pub use expect::{Allowance, Denial, Expect};

/// Every file of the corpus, name and text.
pub const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/cases.rs"));

/// Every case and every refused configuration there is.
#[derive(Debug, Default)]
pub struct Corpus {
    /// Configurations with requests.
    pub cases: Vec<Case>,
    /// Configurations that must be refused.
    pub refused: Vec<Refused>,
}

impl Corpus {
    /// The corpus as it was when this crate was built.
    ///
    /// # Panics
    /// With every mistake of every file, when there is one.
    #[must_use]
    pub fn embedded() -> Corpus {
        match Corpus::parse(FILES) {
            Ok(corpus) => corpus,
            Err(mistakes) => panic!("the corpus has mistakes:\n{}", mistakes.join("\n")),
        }
    }

    /// Reads files, name and text.
    ///
    /// # Errors
    /// Every mistake of every file.
    pub fn parse(files: &[(&'static str, &str)]) -> Result<Corpus, Vec<String>> {
        let mut corpus = Corpus::default();
        let mut mistakes = Vec::new();
        for &(name, text) in files {
            if let Err(mistake) = file::parse(name, text, &mut corpus) {
                mistakes.push(format!("tests/cases/{name}: {mistake}"));
            }
        }
        if mistakes.is_empty() {
            Ok(corpus)
        } else {
            Err(mistakes)
        }
    }
}

#[cfg(test)]
mod tests;
