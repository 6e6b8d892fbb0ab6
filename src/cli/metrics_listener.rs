//! `--metrics-listen` and `--access-log` of what serves.

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tracing::info;

use crate::{
    service::{AccessLog, Address, Listener, Readiness, Web},
    telemetry::Metrics,
};

/// What operators see.
#[derive(Clone, Debug, Args)]
pub(super) struct MetricsArgs {
    /// Serve /metrics, /healthz and /readyz over HTTP here: an address, or `unix:` and a path. They tell no
    /// secret. Else nowhere.
    #[arg(long, env = "KINDRED_METRICS_LISTEN", value_name = "ADDR|unix:PATH")]
    metrics_listen: Option<Address>,
    /// Write this share of calls to the log when they have ended, from 0 to 1: method, code, time, peer
    /// and `x-request-id`, and nothing of what was asked. A call that ends with INTERNAL is always
    /// written.
    #[arg(long, env = "KINDRED_ACCESS_LOG", value_name = "SHARE", default_value = "0", value_parser = access_log)]
    access_log: AccessLog,
}

/// A share of calls.
fn access_log(text: &str) -> Result<AccessLog, String> {
    let share = text.parse().ok().and_then(AccessLog::sampled);
    share.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

impl MetricsArgs {
    /// Which calls are logged.
    pub(super) const fn access_log(&self) -> AccessLog {
        self.access_log
    }

    /// Serves metrics and probes, if an address is given.
    pub(super) fn serve(
        &self,
        metrics: &Metrics,
        readiness: &Arc<Readiness>,
    ) -> anyhow::Result<Option<Web>> {
        let Some(address) = &self.metrics_listen else { return Ok(None) };
        let listener = Listener::bind(address).with_context(|| {
            format!("cannot listen on {address}; choose another --metrics-listen")
        })?;
        let address = listener.address().context("cannot read the listener's address")?;
        let web = Web::spawn(listener, metrics.clone(), Arc::clone(readiness));
        let web = web.context("cannot serve metrics")?;
        info!(metrics_address = %address, "Metrics and probes are served.");
        Ok(Some(web))
    }
}
