//! How things are at the moment of the question.

use prometheus::{IntGaugeVec, Opts, Registry};

use super::{Family, MetricsError, OTHER, families, kept, names::Names};

/// Orders in one state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrdersIn {
    /// The state, as a word.
    pub state: String,
    /// How many.
    pub orders: u64,
    /// For how long the longest has been, in seconds.
    pub oldest_s: u64,
}

/// One connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionStanding {
    /// Name.
    pub name: String,
    /// Orders by state.
    pub orders: Vec<OrdersIn>,
    /// Orders that wait for a person's word.
    pub questions: u64,
    /// Effects that are owed, without mails.
    pub effects_owed: u64,
    /// Effects that were given up or met another status.
    pub effects_stuck: u64,
    /// Mails that are owed.
    pub mails_owed: u64,
    /// As `/readyz` has it.
    pub alive: Option<bool>,
    /// It is paused, by itself or with the host.
    pub paused: bool,
    /// Its plugin is in quarantine.
    pub quarantined: bool,
    /// Nothing is sent to its destination.
    pub breaker_open: bool,
}

/// The host and all connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// This program's version.
    pub version: &'static str,
    /// As `/readyz` has it.
    pub ready: bool,
    /// Passes in hand.
    pub in_hand: usize,
    /// Every connection; none where the ledger could not be read.
    pub connections: Option<Vec<ConnectionStanding>>,
}

impl Standing {
    pub(super) fn register(&self, registry: &Registry, names: &mut Names) -> Result<(), MetricsError> {
        let gauge = |family: &Family| -> Result<IntGaugeVec, MetricsError> {
            kept(registry, IntGaugeVec::new(Opts::new(family.name, family.help), family.labels)?)
        };
        gauge(&families::BUILD)?.with_label_values(&[self.version]).set(1);
        let none: [&str; 0] = [];
        gauge(&families::READY)?.with_label_values(&none).set(self.ready.into());
        gauge(&families::LEDGER)?.with_label_values(&none).set(self.connections.is_some().into());
        gauge(&families::IN_HAND)?.with_label_values(&none).set(i64::try_from(self.in_hand).unwrap_or(i64::MAX));
        let (orders, oldest) = (gauge(&families::ORDERS)?, gauge(&families::OLDEST)?);
        let (owed, stuck) = (gauge(&families::EFFECTS_OWED)?, gauge(&families::EFFECTS_STUCK)?);
        let (mails, questions) = (gauge(&families::MAILS_OWED)?, gauge(&families::QUESTIONS)?);
        let (alive, paused) = (gauge(&families::ALIVE)?, gauge(&families::PAUSED)?);
        let (quarantined, breaker) = (gauge(&families::QUARANTINED)?, gauge(&families::BREAKER)?);
        for one in self.connections.iter().flatten() {
            // What shares a name is added up.
            let name = if names.keep(&one.name) { one.name.as_str() } else { OTHER };
            for OrdersIn { state, orders: count, oldest_s } in &one.orders {
                orders.with_label_values(&[name, state]).add(int(*count));
                let oldest = oldest.with_label_values(&[name, state]);
                oldest.set(oldest.get().max(int(*oldest_s)));
            }
            let of = |gauge: &IntGaugeVec, is: i64| gauge.with_label_values(&[name]).add(is);
            of(&owed, int(one.effects_owed));
            of(&stuck, int(one.effects_stuck));
            of(&mails, int(one.mails_owed));
            of(&questions, int(one.questions));
            of(&paused, one.paused.into());
            of(&quarantined, one.quarantined.into());
            of(&breaker, one.breaker_open.into());
            if let Some(is) = one.alive {
                of(&alive, is.into());
            }
        }
        Ok(())
    }
}

fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
