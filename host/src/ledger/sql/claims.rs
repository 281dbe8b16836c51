//! Claims: which passes are due, and whose they are from then on. One that does nothing but claim is a group with others
//! ([`super::together`]).

use futures_util::future::BoxFuture;

use super::{
    SqlLedger, connections,
    database::{Db, Later as _, Row, Value, values_of},
    passes::{attempt, beside, to_pass},
    together::{Guarded, Plan},
};
use crate::{
    domain::{
        clock::Millis,
        id::{ConnectionId, HostId, LeaseToken},
        pass::PassState,
        random::{self, Random},
    },
    ledger::{
        LedgerError, Result,
        connections::SealedSecret,
        passes::{Claim, ClaimKind, OpenAttempt, Pass},
    },
};

// What is due stands apart, before the update: PostgreSQL then locks it once, whatever the plan.
// Each row gets a token of its own: a random stem that is new for each claim, and the row's own key. What a lost lease left
// behind comes first; one that was given back has no token, and taking it over blames nobody.
pub const CLAIM_WORK: &str = "
with due as (
    select connection_id, shop_id, shop_order_id, pass from (
        select connection_id, shop_id, shop_order_id, pass from passes
        where connection_id = $1 and state in ('claimed', 'mapped', 'sending') and lease_until_ms < $2
        order by lease_until_ms limit cast($6 as bigint) /*pg for update skip locked */) as left_behind
    union all
    select connection_id, shop_id, shop_order_id, pass from (
        select connection_id, shop_id, shop_order_id, pass from passes
        where connection_id = $1 and state = 'waiting' and not_before_ms <= $2
            and exists (select 1 from connections c left join destinations d on d.id = c.destination
                where c.id = $1 and c.state = 'active'
                    and (d.opened_ms is null or (d.next_try_ms <= $2 and d.probe_until_ms < $2)))
        order by not_before_ms limit cast($6 as bigint) /*pg for update skip locked */) as waiting
    limit cast($6 as bigint))
update passes set state = case state when 'waiting' then 'claimed' else state end,
    state_ms = case state when 'waiting' then $2 else state_ms end,
    takeovers = takeovers + case when state in ('claimed', 'mapped') and sent = 0 and lease_token is not null
        then 1 else 0 end,
    lease_token = $3 || '-' || pass || '-' || shop_order_id, lease_host = $4, lease_until_ms = $5
where (connection_id, shop_id, shop_order_id, pass) in (select connection_id, shop_id, shop_order_id, pass from due)
returning *";

// As `CLAIM_WORK`, without what nobody has begun.
pub const CLAIM_LEFT_BEHIND: &str = "
with due as (
    select connection_id, shop_id, shop_order_id, pass from passes
    where connection_id = $1 and state in ('claimed', 'mapped', 'sending') and lease_until_ms < $2
    order by lease_until_ms limit cast($6 as bigint) /*pg for update skip locked */)
update passes set takeovers = takeovers + case when state in ('claimed', 'mapped') and sent = 0
        and lease_token is not null then 1 else 0 end,
    lease_token = $3 || '-' || pass || '-' || shop_order_id, lease_host = $4, lease_until_ms = $5
where (connection_id, shop_id, shop_order_id, pass) in (select connection_id, shop_id, shop_order_id, pass from due)
returning *";

pub const CLAIM_LOOK: &str = "
with due as (
    select connection_id, shop_id, shop_order_id, pass from passes
    where connection_id = $1 and state in ('unknown', 'awaiting') and not_before_ms <= $2
        and (lease_token is null or lease_until_ms < $2)
    order by not_before_ms limit cast($6 as bigint) /*pg for update skip locked */)
update passes set lease_token = $3 || '-' || pass || '-' || shop_order_id, lease_host = $4, lease_until_ms = $5
where state in ('unknown', 'awaiting')
    and (connection_id, shop_id, shop_order_id, pass) in (select connection_id, shop_id, shop_order_id, pass from due)
returning *";

// What a claim got, by the stem of its tokens.
const CLAIMED: &str = "
select * from passes where connection_id = $1 and lease_host = $2 and lease_token = $3 || '-' || pass || '-' || shop_order_id
    and state in ('claimed', 'mapped', 'sending', 'unknown', 'awaiting')";

/// What a claim wants.
pub struct ClaimInput {
    pub connection: ConnectionId,
    pub host: HostId,
    pub kind: ClaimKind,
    pub limit: u32,
    pub lease_ms: Millis,
}

/// A pass that was claimed, as its row has it.
pub struct Begun {
    pass: Pass,
    token: LeaseToken,
    until_ms: Millis,
    attempt: Option<String>,
}

impl Begun {
    fn read(row: &Row) -> Result<Self> {
        let pass = to_pass(row)?;
        let open = matches!(pass.state, PassState::Sending | PassState::Unknown | PassState::Awaiting);
        let attempt = row.maybe_text("attempt_token")?.filter(|_| open);
        let (token, until_ms) = (LeaseToken(row.text("lease_token")?), row.int("lease_until_ms")?);
        Ok(Self { pass, token, until_ms, attempt })
    }

    /// Whether more lies beside its row.
    fn is_whole(&self) -> bool {
        !self.pass.inherits_unknown && self.pass.pins.is_none() && self.attempt.is_none()
    }
}

impl ClaimInput {
    fn update(&self, now: Millis, stem: &str) -> (&'static str, Vec<Value>) {
        let text = match self.kind {
            ClaimKind::Work => CLAIM_WORK,
            ClaimKind::LeftBehind => CLAIM_LEFT_BEHIND,
            ClaimKind::Look => CLAIM_LOOK,
        };
        let until = now.saturating_add(self.lease_ms);
        (text, values_of![self.connection.as_str(), now, stem, self.host.as_str(), until, self.limit])
    }
}

/// Claims within a transaction that decided how many there may be.
pub async fn claim(db: &mut Db, input: &ClaimInput) -> Result<Vec<Claim>> {
    let (text, values) = input.update(db.now_ms, &random::token(&*db.random));
    let rows = db.changed(text, values).await?;
    let mut claims = Vec::with_capacity(rows.len());
    let logins = match rows.is_empty() {
        true => Vec::new(),
        // Each of them is going to ask; one question for all of them.
        false => connections::logins(db, &input.connection).await?,
    };
    for row in rows {
        let Begun { pass, token, until_ms, attempt } = Begun::read(&row)?;
        for (pass, attempt) in complete(db, &[(pass, attempt)]).await? {
            claims.push(Claim { token: token.clone(), until_ms, pass, attempt, logins: Some(logins.clone()) });
        }
    }
    claims.sort_by_key(|claim| (claim.pass.not_before_ms, claim.pass.opened_ms));
    Ok(claims)
}

impl Guarded for ClaimInput {
    type Done = Result<(Vec<Begun>, Vec<SealedSecret>)>;
    type Kept = String;

    fn plan(&self, plan: &mut Plan, random: &dyn Random) -> Result<String> {
        let now = plan.now_ms;
        let stem = random::token(random);
        let (text, values) = self.update(now, &stem);
        plan.set_free();
        plan.later(text, values);
        // Each of them is going to ask; one question for all of them.
        plan.later(connections::LOGINS, values_of![self.connection.as_str(), now]);
        Ok(stem)
    }

    fn done(&self, _stem: String, _now_ms: Millis, answers: &[Vec<Row>]) -> Self::Done {
        let [claimed, logins] = answers else {
            return Err(LedgerError::Corrupt("a claim was not answered".to_owned()));
        };
        let logins = logins.iter().map(connections::secret).collect::<Result<_>>()?;
        Ok((claimed.iter().map(Begun::read).collect::<Result<_>>()?, logins))
    }

    fn unread<'a>(&'a self, stem: String, db: &'a mut Db) -> BoxFuture<'a, Result<Self::Done>> {
        Box::pin(async move {
            let claimed = db.rows(CLAIMED, values_of![self.connection.as_str(), self.host.as_str(), stem]).await?;
            let logins = connections::logins(db, &self.connection).await?;
            Ok(Ok((claimed.iter().map(Begun::read).collect::<Result<_>>()?, logins)))
        })
    }

    fn refused<'a>(&'a self, _db: &'a mut Db) -> BoxFuture<'a, LedgerError> {
        Box::pin(async { LedgerError::Lost { what: "what was to be claimed".to_owned() } })
    }
}

/// What lies beside the rows of claimed passes: nothing for those that were never begun.
async fn complete(db: &mut Db, open: &[(Pass, Option<String>)]) -> Result<Vec<(Pass, Option<OpenAttempt>)>> {
    let mut whole = Vec::with_capacity(open.len());
    for (pass, token) in open {
        let pass = beside(db, pass.clone()).await?;
        let attempt = match token {
            Some(token) => attempt(db, &pass.key, token).await?,
            None => None,
        };
        whole.push((pass, attempt));
    }
    Ok(whole)
}

impl SqlLedger {
    /// The claims of what was begun.
    ///
    /// # Errors
    /// The ledger's.
    pub(super) async fn claimed(&self, begun: Vec<Begun>, logins: &[SealedSecret]) -> Result<Vec<Claim>> {
        let (fresh, open): (Vec<_>, Vec<_>) = begun.into_iter().partition(Begun::is_whole);
        let claim =
            |pass, token, until_ms, attempt| Claim { token, until_ms, pass, attempt, logins: Some(logins.to_vec()) };
        let mut claims: Vec<Claim> = fresh.into_iter().map(|it| claim(it.pass, it.token, it.until_ms, None)).collect();
        if !open.is_empty() {
            let (leases, asked): (Vec<_>, Vec<_>) =
                open.into_iter().map(|it| ((it.token, it.until_ms), (it.pass, it.attempt))).unzip();
            let whole = self.write(asked, |db, asked| Box::pin(complete(db, asked))).await?;
            claims.extend(
                leases
                    .into_iter()
                    .zip(whole)
                    .map(|((token, until), (pass, attempt))| claim(pass, token, until, attempt)),
            );
        }
        claims.sort_by_key(|claim| (claim.pass.not_before_ms, claim.pass.opened_ms));
        Ok(claims)
    }
}
