//! Every metric: name, kind, labels, meaning. `docs/metrics.md` tells the same, and a test holds them together.

/// What kind of metric it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, since this process began.
    Counter,
    /// How it is now.
    Gauge,
    /// How many were at most as large as each bucket's bound, since this process began.
    Histogram,
}

impl Kind {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Name; its ending says the unit.
    pub name: &'static str,
    /// Kind.
    pub kind: Kind,
    /// Labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
    /// Bounds of a histogram.
    pub(super) buckets: &'static [f64],
}

const fn family(name: &'static str, kind: Kind, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind, labels, help, buckets: &[] }
}

const SECONDS: &[f64] = &[1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1.0, 5.0, 30.0];
const UNITS: &[f64] = &[1e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9, 1e10];
const BYTES: &[f64] =
    &[65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0, 67_108_864.0, 268_435_456.0, 1_073_741_824.0];

const RELEASE_CALL: &[&str] = &["release", "digest", "call"];
const CONNECTION: &[&str] = &["connection"];

pub(super) const PLUGIN_CALLS: Family = family(
    "orderdock_plugin_calls_total",
    Kind::Counter,
    &["release", "digest", "call", "outcome"],
    "Calls of a plugin, by what they came to",
);
pub(super) const PLUGIN_LIMITS: Family = family(
    "orderdock_plugin_limits_total",
    Kind::Counter,
    &["release", "digest", "limit"],
    "Calls of a plugin that a limit ended",
);
pub(super) const PLUGIN_SECONDS: Family = Family {
    buckets: SECONDS,
    ..family("orderdock_plugin_call_seconds", Kind::Histogram, RELEASE_CALL, "Time of a call, instantiation included")
};
pub(super) const PLUGIN_CPU: Family = Family {
    buckets: UNITS,
    ..family("orderdock_plugin_call_cpu_units", Kind::Histogram, RELEASE_CALL, "CPU units that a call used")
};
pub(super) const PLUGIN_MEMORY: Family = Family {
    buckets: BYTES,
    ..family(
        "orderdock_plugin_call_memory_bytes",
        Kind::Histogram,
        RELEASE_CALL,
        "Peak of a call's memory, all memories together",
    )
};
pub(super) const PASSES_CLOSED: Family = family(
    "orderdock_passes_closed_total",
    Kind::Counter,
    &["connection", "state"],
    "Passes that this host brought to an end",
);
pub(super) const ATTEMPTS: Family = family(
    "orderdock_attempts_total",
    Kind::Counter,
    &["connection", "outcome"],
    "Attempts to deliver that this host ended",
);
pub(super) const BUILD: Family =
    family("orderdock_build_info", Kind::Gauge, &["version"], "Always 1; the label is this program's version");
pub(super) const READY: Family = family("orderdock_ready", Kind::Gauge, &[], "1 while /readyz says ready");
pub(super) const LEDGER: Family =
    family("orderdock_ledger_up", Kind::Gauge, &[], "1 if the ledger could be read for this answer");
pub(super) const IN_HAND: Family = family("orderdock_passes_in_hand", Kind::Gauge, &[], "Passes at work in this host");
pub(super) const ORDERS: Family = family(
    "orderdock_orders",
    Kind::Gauge,
    &["connection", "state"],
    "Orders whose last pass is open, failed, or given up, by its state",
);
pub(super) const OLDEST: Family = family(
    "orderdock_orders_oldest_seconds",
    Kind::Gauge,
    &["connection", "state"],
    "How long the order that is longest in that state has been in it",
);
pub(super) const QUESTIONS: Family =
    family("orderdock_questions", Kind::Gauge, CONNECTION, "Orders that wait for a person's word");
pub(super) const EFFECTS_OWED: Family =
    family("orderdock_effects_owed", Kind::Gauge, CONNECTION, "Notes, ids and statuses that the shop has not got yet");
pub(super) const EFFECTS_STUCK: Family =
    family("orderdock_effects_stuck", Kind::Gauge, CONNECTION, "Effects that were given up or met another status");
pub(super) const MAILS_OWED: Family =
    family("orderdock_mails_owed", Kind::Gauge, CONNECTION, "Mails that are not out yet");
pub(super) const ALIVE: Family = family(
    "orderdock_connection_alive",
    Kind::Gauge,
    CONNECTION,
    "1 if the last good look at the shop is recent enough, 0 if not; none while it is paused",
);
pub(super) const PAUSED: Family =
    family("orderdock_connection_paused", Kind::Gauge, CONNECTION, "1 while it is paused");
pub(super) const QUARANTINED: Family =
    family("orderdock_connection_quarantined", Kind::Gauge, CONNECTION, "1 while its plugin is in quarantine");
pub(super) const BREAKER: Family = family(
    "orderdock_breaker_open",
    Kind::Gauge,
    CONNECTION,
    "1 while nothing is sent to its destination because of that one's trouble",
);

/// All of them.
pub const FAMILIES: [&Family; 21] = [
    &PLUGIN_CALLS,
    &PLUGIN_LIMITS,
    &PLUGIN_SECONDS,
    &PLUGIN_CPU,
    &PLUGIN_MEMORY,
    &PASSES_CLOSED,
    &ATTEMPTS,
    &BUILD,
    &READY,
    &LEDGER,
    &IN_HAND,
    &ORDERS,
    &OLDEST,
    &QUESTIONS,
    &EFFECTS_OWED,
    &EFFECTS_STUCK,
    &MAILS_OWED,
    &ALIVE,
    &PAUSED,
    &QUARANTINED,
    &BREAKER,
];
