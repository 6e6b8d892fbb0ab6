//! Kindred answers at page render which products belong with this one.
//!
//! Data flows one way, and each room imports only from rooms below it ([`ROOMS`]):
//!
//! ```text
//! sources -> graph -> compile -> index -> store -> snapshot -> lookup -> service
//! ```
//!
//! | to find | open |
//! |---|---|
//! | what a relation, product or limit is | [`model`] |
//! | how a system's files are read, kept and merged | [`sources`], one file a system |
//! | placements, stage policy, rules, overrides | [`policy`], with `POLICY.md` |
//! | how relations are checked and merged | [`graph`] |
//! | how they are ordered, scored, written, checked and guarded | [`compile`] |
//! | the bytes of a file, and its checks | [`index`], with `FORMAT.md` |
//! | publish, rollback, hold | [`store`] |
//! | what is live, and how it is swapped | [`snapshot`] |
//! | what a snapshot is too old to know: stock, prices, recalls | [`stock`], with `JOURNAL.md` |
//! | how a question is answered | [`lookup`] |
//! | gRPC, connections, drain | [`service`] |
//! | what operators see: metrics by name | [`telemetry`] |
//! | the wire's messages and stubs | [`pb`], generated from `proto/` |
//! | calls of a server that feed stock, recall products and ask why | [`client`] |
//! | what a server does under load | [`load`] |
//! | how one value replaces another under readers | [`slot`] |
//! | synthetic catalogs of any size | [`synth`] |
//! | the commands | [`cli`] |

#[cfg(not(target_os = "linux"))]
compile_error!("kindred runs on Linux: it relies on its file mapping, fsync and link semantics");

pub mod cli;
pub mod client;
pub mod compile;
pub mod graph;
pub mod index;
pub mod load;
pub mod lookup;
pub mod model;
pub mod pb;
pub mod policy;
pub mod service;
pub mod slot;
pub mod snapshot;
pub mod sources;
pub mod stock;
pub mod store;
pub mod synth;
pub mod telemetry;

/// Every room with the rooms it may import; `tests/tidy.rs` fails the build on any other import.
pub const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("pb", &[]),
    ("slot", &[]),
    ("telemetry", &["model", "pb"]),
    ("sources", &["model"]),
    ("synth", &["model"]),
    ("policy", &["model"]),
    ("index", &["model"]),
    ("graph", &["model"]),
    ("compile", &["model", "graph", "index"]),
    ("stock", &["model", "index"]),
    ("store", &["model", "index"]),
    ("snapshot", &["model", "slot", "telemetry", "policy", "index", "stock", "store"]),
    ("lookup", &["model", "policy", "index", "stock"]),
    (
        "service",
        &[
            "model",
            "pb",
            "slot",
            "telemetry",
            "policy",
            "index",
            "stock",
            "store",
            "snapshot",
            "lookup",
        ],
    ),
    ("client", &["model", "pb"]),
    ("load", &["model", "pb", "client"]),
    (
        "cli",
        &[
            "model",
            "pb",
            "slot",
            "telemetry",
            "sources",
            "synth",
            "policy",
            "index",
            "graph",
            "compile",
            "stock",
            "store",
            "snapshot",
            "lookup",
            "service",
            "client",
            "load",
        ],
    ),
];
