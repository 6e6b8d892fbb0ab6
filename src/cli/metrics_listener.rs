//! `--metrics-listen`, `--access-log` and `--otel-endpoint` of what serves.

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tracing::info;

use crate::{
    service::{AccessLog, Address, Listener, Readiness, Web},
    telemetry::{CollectorUrl, Exporter, Metrics, Traces},
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
    /// Send spans of calls to the OpenTelemetry collector here by OTLP over gRPC, such as
    /// http://127.0.0.1:4317: of those whose `traceparent` says that they are sampled, and of those without
    /// one that --access-log takes. It may be down: then spans are dropped and counted.
    #[cfg_attr(feature = "otel", arg(long, env = "KINDRED_OTEL_ENDPOINT", value_name = "URL"))]
    #[cfg_attr(not(feature = "otel"), arg(skip))]
    otel_endpoint: Option<CollectorUrl>,
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

    /// Where spans go, and what sends them on until it is dropped.
    pub(super) fn traces(&self, metrics: &Metrics) -> anyhow::Result<(Traces, Option<Exporter>)> {
        let Some(collector) = &self.otel_endpoint else { return Ok((Traces::default(), None)) };
        let (traces, exporter) = Exporter::start(collector, metrics)
            .with_context(|| format!("cannot send spans to {collector}; see --otel-endpoint"))?;
        info!(%collector, "Spans of sampled calls are sent.");
        Ok((traces, Some(exporter)))
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
