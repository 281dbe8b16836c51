//! The outbox of mails: one batch for each connection at a time. What a batch holds is settled when it is first claimed, so
//! that a repeat is the same mail with the same id.

use std::collections::BTreeMap;

use super::{
    database::{Db, to_json, values_of},
    effects::{end_one, owed},
    keys,
};
use crate::{
    domain::{
        clock::Millis,
        id::{ConnectionId, HostId, LeaseToken, PassKey},
        random,
    },
    ledger::{
        LedgerError, Result,
        effects::{EffectBody, EffectEnd, MailBatch},
    },
};

/// Members of one mail at most; more wait for the next one.
const MEMBERS: u32 = 200;

/// Connections that have a mail to send and no batch yet.
pub const GATHER: &str = "
select e.connection_id, min(e.since_ms) as since_ms from effects e
where e.state = 'owed' and e.kind = 'mail' and e.not_before_ms <= $1 and not exists (
    select 1 from mails m where m.connection_id = e.connection_id)
group by e.connection_id";

/// What [`claim`] wants.
pub struct ClaimInput {
    /// Who asks.
    pub host: HostId,
    /// How long failures are gathered.
    pub gather_ms: Millis,
    /// How long the lease lasts.
    pub lease_ms: Millis,
}

/// A mail is owed, under the name of a pass whose move it is not part of.
pub fn owe(db: &mut Db, pass: &PassKey, body: &EffectBody) -> Result<()> {
    db.later(
        "insert into effects (connection_id, shop_id, shop_order_id, pass, kind, rank, body, state, since_ms,
            not_before_ms, tries, begun, detail)
         values ($1, $2, $3, $4, $5, $6, $7, 'owed', $8, $8, 0, 0, '')",
        keys::of_pass(pass, values_of![body.kind(), body.rank(), to_json(body)?, db.now_ms]),
    );
    Ok(())
}

/// Claims due mails.
pub async fn claim(db: &mut Db, input: &ClaimInput) -> Result<Vec<MailBatch>> {
    gather(db, input).await?;
    let (now, until) = (db.now_ms, db.now_ms.saturating_add(input.lease_ms));
    let stem = random::token(&*db.random);
    let rows = db
        .changed(
            "update mails set token = $2 || '-' || connection_id, host = $3, until_ms = $4
             where not_before_ms <= $1 and (token is null or until_ms < $1)
             returning connection_id, mail, token",
            values_of![now, stem, input.host.as_str(), until],
        )
        .await?;
    let mut batches = Vec::with_capacity(rows.len());
    for row in &rows {
        let connection = ConnectionId(row.text("connection_id")?);
        let mail = row.text("mail")?;
        let members = db
            .rows(
                "select * from effects where connection_id = $1 and mail = $2 and state = 'owed' and kind = 'mail'
                 order by number",
                values_of![connection.as_str(), &mail],
            )
            .await?;
        db.later(
            "update effects set begun = 1 where connection_id = $1 and mail = $2 and state = 'owed' and kind = 'mail'",
            values_of![connection.as_str(), &mail],
        );
        let members = members.iter().map(|row| Ok((keys::order(row)?, owed(row)?))).collect::<Result<Vec<_>>>()?;
        batches.push(MailBatch { mail, token: LeaseToken(row.text("token")?), connection, members });
    }
    Ok(batches)
}

/// Makes a new batch for each connection that has none and whose oldest mail has waited long enough.
async fn gather(db: &mut Db, input: &ClaimInput) -> Result<()> {
    let rows = db.rows(GATHER, values_of![db.now_ms]).await?;
    let mut due = BTreeMap::new();
    for row in &rows {
        if row.int("since_ms")?.saturating_add(input.gather_ms) <= db.now_ms {
            due.insert(row.text("connection_id")?, random::id(&*db.random, db.now_ms));
        }
    }
    for (connection, mail) in due {
        db.later(
            "insert into mails (connection_id, mail, until_ms, not_before_ms) values ($1, $2, 0, $3)
             on conflict (connection_id) do nothing",
            values_of![&connection, &mail, db.now_ms],
        );
        db.later(
            // Another host may have made the batch at the same moment; then these go out with that one or the next.
            "update effects set mail = $2 where connection_id = $1
                and exists (select 1 from mails m where m.connection_id = $1 and m.mail = $2) and number in (
                select e.number from effects e where e.connection_id = $1 and e.state = 'owed' and e.kind = 'mail'
                    and e.not_before_ms <= $3 order by e.number limit cast($4 as bigint))",
            values_of![&connection, &mail, db.now_ms, MEMBERS],
        );
    }
    Ok(())
}

/// Records how a batch ended. One to be repeated keeps its members and its id.
pub async fn finish(db: &mut Db, input: &(MailBatch, EffectEnd)) -> Result<()> {
    let (batch, end) = input;
    let values = |more: i64| values_of![batch.connection.as_str(), &batch.mail, batch.token.as_str(), more];
    let rows = match end {
        EffectEnd::Retry { not_before_ms, .. } => {
            db.run(
                "update mails set token = null, host = null, until_ms = 0, not_before_ms = $4
                 where connection_id = $1 and mail = $2 and token = $3",
                values(*not_before_ms),
            )
            .await?
        }
        _ => {
            let mut values = values(0);
            values.truncate(3);
            db.run("delete from mails where connection_id = $1 and mail = $2 and token = $3", values).await?
        }
    };
    if rows != 1 {
        return Err(LedgerError::Lost { what: format!("mail {}", batch.mail) });
    }
    for (_, member) in &batch.members {
        end_one(db, &batch.connection, member.number, end);
    }
    Ok(())
}
