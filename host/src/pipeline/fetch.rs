//! Before every first byte the order is read again: what is no longer offered is withdrawn, what changed is mapped anew
//! (lifecycle section 2).

use std::sync::Arc;

use super::{
    journey::{Journey, Outcome},
    parts::millis,
    settle::{self, Settled},
};
use crate::{
    domain::{
        Order,
        decision::{Decision, SkipReason},
        judge::{self, Confirmed},
        problem,
        sight::Sight,
        verdict::FailureClass,
    },
    ledger::passes::To,
    shop::ShopError,
};

/// What the read brought.
pub enum Read {
    /// It may go on with this.
    Order(Arc<Order>),
    /// It can't: move there.
    Settle(Box<Settled>, Option<Confirmed>),
}

impl Journey {
    /// Reads the order again, alone.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn read_again(&mut self) -> Outcome<Read> {
        let shop_order_id = self.pass.key.order.shop_order_id.clone();
        let began_ms = self.now_ms().await?;
        let sight = match self.lane.shop.get(&shop_order_id).await {
            Ok(sight) => sight,
            Err(ShopError::NotFound(_)) => {
                let settled = Settled {
                    to: To::Withdrawn { because: "the shop no longer has it".to_owned(), decision: None },
                    effects: Vec::new(),
                    timeline: vec!["Not sent: the shop no longer has the order".to_owned()],
                };
                return Ok(Read::Settle(Box::new(settled), None));
            }
            Err(ShopError::Refused { status, message }) => {
                let because = format!("the shop does not show the order any more ({status}): {message}");
                let settled = self.setting(|setting| setting.failed(FailureClass::Operations, because, None));
                return Ok(Read::Settle(Box::new(settled), None));
            }
            Err(error) => return Ok(Read::Settle(Box::new(self.shop_trouble(&error).await?), None)),
        };
        Ok(self.judge_again(sight, began_ms))
    }

    fn judge_again(&self, sight: Sight, began_ms: i64) -> Read {
        let policy = &self.lane.policy;
        // A person's intent overrides status and age, but nobody wants a cancelled order by accident.
        let refused = judge::refusal(policy, &sight)
            .filter(|reason| !self.pass.by_intent || matches!(reason, SkipReason::Cancelled));
        if let Some(reason) = refused {
            let confirmed = (!policy.status.is_new(&sight.status)).then(|| Confirmed {
                status: sight.status.clone(),
                at_ms: began_ms,
                modified_ms: sight.modified_ms,
            });
            let mut settled = settle::withdrawn(&reason);
            if let To::Withdrawn { decision, .. } = &mut settled.to {
                *decision = Some(Decision::Skipped(reason));
            }
            return Read::Settle(Box::new(settled), confirmed);
        }
        match sight.order {
            Ok(order) => Read::Order(Arc::from(order)),
            Err(problems) => {
                let field = problems.first().map(|first| first.place.clone()).filter(|place| !place.is_empty());
                let because =
                    format!("the shop's order can't be read: {}", problem::list(&problems).replace('\n', "; "));
                let settled = self.setting(|setting| setting.failed(FailureClass::Data, because, field));
                Read::Settle(Box::new(settled), None)
            }
        }
    }

    /// The shop can't be asked: the order waits without using up its retries, since its ERP is not the cause.
    async fn shop_trouble(&self, error: &ShopError) -> Outcome<Settled> {
        let at_least = match error {
            ShopError::Throttled { after_ms } => Some(std::time::Duration::from_millis(*after_ms)),
            _ => None,
        };
        let seed = format!("{}/{}", self.pass.key.order.shop_order_id, self.pass.key.pass);
        let pause = self.lane.back_off(self.pass.retries, &seed, at_least);
        let not_before_ms = self.now_ms().await?.saturating_add(millis(pause));
        let because = format!("it could not be read again before sending: {error}");
        Ok(Settled {
            to: To::Waiting { not_before_ms, because, unpin: !self.pass.sent, retry: false, absent: false },
            effects: Vec::new(),
            timeline: Vec::new(),
        })
    }
}
