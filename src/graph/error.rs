//! What stops a graph from being built. Everything smaller is a finding.

use std::io;

/// Why no graph came out of the sources.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// No source yielded a product that counts. Check the `--from` paths and formats, then the
    /// findings that the message sums up.
    #[error(
        "expected at least one product, found none in the files read ({files}); findings: \
         {findings}"
    )]
    NoProducts {
        /// The files with the names of their sources, the first few, or `none`.
        files: String,
        /// Code and count of each finding, or `none`.
        findings: String,
    },
    /// The sources hold more distinct ids or texts than 32 bits can number. Split the catalog.
    #[error("expected at most {max} distinct {what}, found more in the sources")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many fit.
        max: usize,
    },
    /// The edge runs cannot be kept or read back. Check space and rights where the run store keeps
    /// its files, then compile again.
    #[error("the sorted runs of relations: expected to {step} them, found: {source}")]
    Runs {
        /// What was being done: `append`, `sort` or `read`.
        step: &'static str,
        /// What the run store met.
        source: io::Error,
    },
}
