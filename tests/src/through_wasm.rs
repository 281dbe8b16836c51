//! Cases through wasm, as the host runs them: the host's plugin room behind the SDK's case runner. Every order is mapped
//! twice, and must give the same bytes for the same CPU units.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use orderdock::{
    domain::{
        Order,
        call::{self, Context, DeliveryKind},
        delivery as host,
        id::Digest,
        verdict as host_verdict,
    },
    pipeline::system::SystemClock,
    plugin::{AdmissionError, Mapper as _, Runtime, Settings, Usage},
};
use orderdock_plugin as sdk;
use orderdock_plugin::testing::{self, Tables};

/// Where `cargo xtask plugins` and `cargo xtask sdk` leave what they make.
#[must_use]
pub fn component(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target/components").join(name).with_extension("wasm")
}

/// The host's plugin room with one release in it.
pub struct ThroughWasm {
    tokio: tokio::runtime::Runtime,
    runtime: Arc<Runtime>,
    release: Digest,
    /// Who the plugin says it is.
    pub description: call::Description,
    /// What the costliest mapping so far used.
    pub worst: Usage,
    /// What the last mapping used.
    pub last: Usage,
}

/// Why a component of `target/components` is not admitted.
#[must_use]
pub fn refused(name: &str) -> String {
    match ThroughWasm::admit(name) {
        Ok(_) => panic!("{name} was admitted"),
        Err(error) => error.to_string(),
    }
}

impl ThroughWasm {
    /// Admits a component of `target/components`.
    #[must_use]
    pub fn open(name: &str) -> Self {
        Self::admit(name).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn admit(name: &str) -> Result<Self, AdmissionError> {
        let path = component(name);
        let bytes = std::fs::read(&path).unwrap_or_else(|_| {
            panic!("{} is missing: run `cargo xtask plugins` and `cargo xtask sdk`", path.display())
        });
        // Compiled code is kept from run to run, by digest: a Python guest takes many seconds.
        let cache = component("x").with_file_name("../tmp/plugin-code");
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let runtime = Runtime::new(Settings::default(), &cache, Arc::new(SystemClock)).unwrap();
        let (release, description) = tokio.block_on(runtime.admit(&bytes))?;
        Ok(Self { tokio, runtime, release, description, worst: Usage::default(), last: Usage::default() })
    }
}

/// A case's context as the host has it.
pub fn context(given: &sdk::Context<String>) -> Context {
    Context {
        purpose: match given.purpose {
            sdk::Purpose::Create => call::Purpose::Create,
            sdk::Purpose::LookUp => call::Purpose::LookUp,
            sdk::Purpose::Update => call::Purpose::Update,
            sdk::Purpose::Cancel => call::Purpose::Cancel,
        },
        connection: given.connection.clone(),
        settings: given.settings.clone(),
        pass: given.pass,
        attempt: given.attempt,
        step: given.step,
        idempotency_key: given.idempotency_key.clone(),
        document_number: given.document_number,
        mapped_at: given.mapped_at.to_string(),
        shop_time_zone: given.shop_time_zone.clone(),
        erp_time_zone: given.erp_time_zone.clone(),
        request_id: given.request_id.clone(),
        previous: given.previous.as_ref().map(|previous| call::Previous {
            outcome: match previous.outcome {
                sdk::PreviousOutcome::Delivered => call::PreviousOutcome::Delivered,
                sdk::PreviousOutcome::Failed => call::PreviousOutcome::Failed,
                sdk::PreviousOutcome::Unknown => call::PreviousOutcome::Unknown,
            },
            erp_order_id: previous.erp_order_id.clone(),
            erp_order_number: previous.erp_order_number.clone(),
            state: previous.state.clone(),
        }),
        logins: given.logins.clone(),
    }
}

fn tables(given: &Tables) -> Arc<call::Tables> {
    let all: BTreeMap<String, BTreeMap<String, String>> = given
        .iter()
        .map(|(table, rows)| (table.clone(), rows.iter().map(|(key, value)| (key.clone(), value.clone())).collect()))
        .collect();
    Arc::new(all)
}

fn segments(given: Vec<host::Segment>) -> Vec<sdk::Segment> {
    given
        .into_iter()
        .map(|segment| match segment {
            host::Segment::Bytes(bytes) => sdk::Segment::Bytes(bytes),
            host::Segment::Secret { slot, encode } => sdk::Segment::secret(
                slot,
                match encode {
                    host::SecretEncoding::None => sdk::SecretEncoding::None,
                    host::SecretEncoding::Json => sdk::SecretEncoding::Json,
                    host::SecretEncoding::Xml => sdk::SecretEncoding::Xml,
                    host::SecretEncoding::Url => sdk::SecretEncoding::Url,
                    host::SecretEncoding::Base64 => sdk::SecretEncoding::Base64,
                },
            ),
        })
        .collect()
}

fn file(given: host::FileOut) -> sdk::File {
    sdk::File { name: given.name, content: segments(given.content), extra: Vec::new() }
}

fn delivery(given: host::Delivery) -> sdk::Delivery {
    let content = match given.content {
        host::DeliveryContent::Http(http) => sdk::DeliveryContent::Http(sdk::HttpDelivery {
            method: http.method,
            path: http.path,
            query: http.query,
            headers: http
                .headers
                .into_iter()
                .map(|header| sdk::Header { name: header.name, value: segments(header.value) })
                .collect(),
            body: segments(http.body),
            content_type: http.content_type,
            repeat: match http.repeat {
                host::Repeat::Never => sdk::Repeat::Never,
                host::Repeat::Always => sdk::Repeat::Always,
                host::Repeat::WithKey(seconds) => sdk::Repeat::WithKey(seconds),
            },
            sensitive: http.sensitive,
            extra: Vec::new(),
        }),
        host::DeliveryContent::Files(files) => sdk::DeliveryContent::Files(sdk::FileDelivery {
            files: files.files.into_iter().map(file).collect(),
            trigger: files.trigger.map(file),
            extra: Vec::new(),
        }),
    };
    sdk::Delivery { content, state: given.state, notes: given.notes, extra: Vec::new() }
}

fn acceptance(given: host_verdict::Acceptance) -> sdk::Acceptance {
    sdk::Acceptance {
        erp_order_id: given.erp_order_id,
        erp_order_number: given.erp_order_number,
        message: given.message,
        warnings: given.warnings,
        extra: Vec::new(),
    }
}

fn verdict(given: host_verdict::Verdict) -> sdk::Verdict {
    use host_verdict::Verdict as Host;
    match given {
        Host::Accepted(given) => sdk::Verdict::Accepted(acceptance(given)),
        Host::AlreadyThere(given) => sdk::Verdict::AlreadyThere(acceptance(given)),
        Host::Rejected(refusal) => sdk::Verdict::Rejected(sdk::Refusal {
            message: refusal.message,
            class: match refusal.class {
                host_verdict::FailureClass::Settings => sdk::RefusalClass::Settings,
                host_verdict::FailureClass::Erp => sdk::RefusalClass::Erp,
                _ => sdk::RefusalClass::Data,
            },
            field: refusal.field,
            partial_id: refusal.partial_id,
            extra: Vec::new(),
        }),
        Host::RetryLater { after_s, message } => sdk::Verdict::retry_later(after_s, message),
        Host::NotFound => sdk::Verdict::NotFound,
        Host::NotMine => sdk::Verdict::NotMine,
        Host::Unknown { message } => sdk::Verdict::unknown(message),
        Host::StillWaiting { after_s } => {
            sdk::Verdict::StillWaiting(sdk::Waiting { after: after_s, extra: Vec::new() })
        }
        Host::AwaitingAnswer(awaiting) => sdk::Verdict::AwaitingAnswer(sdk::Awaiting {
            ticket: awaiting.ticket,
            deadline: awaiting.deadline_s,
            state: awaiting.state,
            check: match awaiting.check {
                host_verdict::AnswerCheck::Files(checks) => sdk::AnswerCheck::Files(
                    checks
                        .into_iter()
                        .map(|check| {
                            let meaning = match check.meaning {
                                host_verdict::FileMeaning::Success => sdk::FileMeaning::Success,
                                host_verdict::FileMeaning::Failure => sdk::FileMeaning::Failure,
                                host_verdict::FileMeaning::Gone => sdk::FileMeaning::Gone,
                                host_verdict::FileMeaning::Any => sdk::FileMeaning::Any,
                            };
                            sdk::FileCheck::new(check.folder, check.pattern, meaning)
                        })
                        .collect(),
                ),
                host_verdict::AnswerCheck::Poll { delivery: question, after_s } => sdk::AnswerCheck::Poll(sdk::Poll {
                    delivery: delivery(*question),
                    after: after_s,
                    extra: Vec::new(),
                }),
            },
            extra: Vec::new(),
        }),
        Host::Next { delivery: call, .. } => {
            sdk::Verdict::Next(sdk::NextCall { delivery: delivery(*call), remember: Vec::new(), extra: Vec::new() })
        }
    }
}

impl testing::Mapper for ThroughWasm {
    fn describe(&mut self) -> Result<sdk::Description, String> {
        let given = self.description.clone();
        let needs = |all: Vec<call::NamedNeed>| {
            let need = |one: call::NamedNeed| sdk::NamedNeed {
                name: one.name,
                help: one.help,
                required: one.required,
                extra: Vec::new(),
            };
            all.into_iter().map(need).collect()
        };
        Ok(sdk::Description {
            name: given.name,
            version: given.version,
            publisher: given.publisher,
            erp: given.erp,
            help: given.help,
            settings_schema: given.settings_schema.to_string(),
            purposes: given
                .purposes
                .into_iter()
                .map(|purpose| match purpose {
                    call::Purpose::Create => sdk::Purpose::Create,
                    call::Purpose::LookUp => sdk::Purpose::LookUp,
                    call::Purpose::Update => sdk::Purpose::Update,
                    call::Purpose::Cancel => sdk::Purpose::Cancel,
                })
                .collect(),
            deliveries: given
                .deliveries
                .into_iter()
                .map(|kind| match kind {
                    DeliveryKind::Http => sdk::DeliveryKind::Http,
                    DeliveryKind::Files => sdk::DeliveryKind::Files,
                })
                .collect(),
            secrets: needs(given.secrets),
            tables: needs(given.tables),
            folders: needs(given.folders),
            extra: Vec::new(),
        })
    }

    fn map_order(
        &mut self,
        order: &Order,
        given: &sdk::Context<String>,
        all: &Tables,
    ) -> Result<Result<sdk::Delivery, sdk::Rejection>, String> {
        let order = Arc::new(order.clone());
        let call = || {
            let called = self.runtime.map_order(&self.release, Arc::clone(&order), context(given), tables(all));
            self.tokio.block_on(called)
        };
        let (first, second) = (call(), call());
        assert_eq!(first.result, second.result, "the same order gave other bytes");
        assert_eq!(first.usage.cpu_used, second.usage.cpu_used, "the same order cost other CPU units");
        self.last = second.usage;
        if first.usage.cpu_used > self.worst.cpu_used {
            self.worst = first.usage;
        }
        match first.result {
            Ok(Ok(made)) => Ok(Ok(delivery(made))),
            Ok(Err(rejection)) => Ok(Err(sdk::Rejection {
                class: match rejection.class {
                    host::RejectionClass::Data => sdk::RejectionClass::Data,
                    host::RejectionClass::Settings => sdk::RejectionClass::Settings,
                    host::RejectionClass::NotForUs => sdk::RejectionClass::NotForUs,
                },
                message: rejection.message,
                field: rejection.field,
                extra: Vec::new(),
            })),
            Err(fault) => Err(fault.to_string()),
        }
    }

    fn parse_response(
        &mut self,
        order: &Order,
        given: &sdk::Context<String>,
        all: &Tables,
        state: &[u8],
        response: &sdk::Response,
    ) -> Result<sdk::Verdict, String> {
        let content = match response.content.clone() {
            sdk::ResponseContent::Http(answer) => {
                host_verdict::Response::Http { status: answer.status, headers: answer.headers, body: answer.body }
            }
            sdk::ResponseContent::FilesWritten(written) => {
                host_verdict::Response::FilesWritten { names: written.names }
            }
            sdk::ResponseContent::AnswerFile(file) => {
                host_verdict::Response::AnswerFile { folder: file.folder, name: file.name, bytes: file.bytes }
            }
            sdk::ResponseContent::DeadlinePassed(passed) => {
                host_verdict::Response::DeadlinePassed { listing: passed.listing }
            }
        };
        let default = match response.default_verdict {
            sdk::DefaultVerdict::Accepted => host_verdict::DefaultVerdict::Accepted,
            sdk::DefaultVerdict::Rejected => host_verdict::DefaultVerdict::Rejected,
            sdk::DefaultVerdict::RetryLater => host_verdict::DefaultVerdict::RetryLater,
            sdk::DefaultVerdict::Unknown => host_verdict::DefaultVerdict::Unknown,
        };
        let (order, all) = (Arc::new(order.clone()), tables(all));
        let called =
            self.runtime.parse_response(&self.release, order, context(given), all, state.to_vec(), content, default);
        self.tokio.block_on(called).result.map(verdict).map_err(|fault| fault.to_string())
    }
}
