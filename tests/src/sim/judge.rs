//! The verdict at the end of a run, from the books of the shop, the ERP and the mail server, held against the ledger.

use std::collections::BTreeSet;

use orderdock::{
    domain::{decision::Decision, pass::PassState},
    ledger::reports::{OrderDetail, PassRow},
};

use super::{
    run::{Scene, is_ours},
    shop::{FAILURE, NEW, SUCCESS, ShopOrder},
};

/// Everything that is wrong.
pub async fn judge(scene: &Scene) -> Vec<String> {
    let mut wrong = scene.shop.wrong();
    for (id, order) in scene.shop.all() {
        match scene.detail(&id).await {
            Some(detail) => {
                let mut found = Vec::new();
                sent_once(scene, &id, &detail, &mut found);
                told_the_truth(scene, &id, &detail, &mut found);
                shop_agrees(&order, &detail, &mut found);
                wrong.extend(found.into_iter().map(|what| format!("order {id}: {what}")));
            }
            None if order.last().status == NEW => {
                wrong.push(format!("order {id}: offered by the shop, and never seen"))
            }
            // Staff put it away before anybody looked.
            None => {}
        }
    }
    for (id, mails) in scene.mails.all() {
        let texts: BTreeSet<_> = mails.iter().map(|mail| (&mail.subject, &mail.text)).collect();
        if texts.len() > 1 {
            wrong.push(format!("mail {id}: the repeats say different things"));
        }
    }
    wrong
}

/// Whether a person had a hand in opening this pass: then whatever was sent before, this one was wanted.
fn wanted_by_a_person(pass: &PassRow, before: Option<&PassRow>) -> bool {
    pass.opening["opening"] == "intent"
        || before.is_some_and(|before| matches!(before.state, PassState::GivenUp | PassState::Delivered))
}

/// The ERP has at most one order for all passes between two of a person's words.
fn sent_once(scene: &Scene, id: &str, detail: &OrderDetail, wrong: &mut Vec<String>) {
    let accepted = scene.erp.of(id);
    let mut together: Vec<u32> = Vec::new();
    let mut before: Option<&PassRow> = None;
    for pass in &detail.passes {
        if wanted_by_a_person(pass, before) {
            together.clear();
        }
        together.push(pass.pass);
        let has = accepted.iter().filter(|it| together.contains(&it.pass)).count();
        if has > 1 {
            wrong.push(format!("the ERP accepted {has} orders for passes {together:?}, and no person wanted that"));
            return;
        }
        before = Some(pass);
    }
}

/// What the ledger says of each pass is so.
fn told_the_truth(scene: &Scene, id: &str, detail: &OrderDetail, wrong: &mut Vec<String>) {
    let accepted = scene.erp.of(id);
    for pass in &detail.passes {
        let own = accepted.iter().filter(|it| it.pass == pass.pass).count();
        let ever = accepted.iter().filter(|it| it.pass <= pass.pass).count();
        let told = match pass.state {
            PassState::Delivered => ever > 0,
            PassState::Failed | PassState::Withdrawn => own == 0,
            _ => true,
        };
        if !told {
            let state = pass.state.as_str();
            wrong.push(format!("pass {} is called {state}, and the ERP accepted {own} of it", pass.pass));
        }
        if matches!(pass.state, PassState::Failed | PassState::GivenUp) && pass.because.is_empty() {
            wrong.push(format!("pass {} ended without a reason", pass.pass));
        }
    }
}

/// The shop shows what the ledger says, unless staff have said otherwise since.
fn shop_agrees(order: &ShopOrder, detail: &OrderDetail, wrong: &mut Vec<String>) {
    let shown = order.last();
    let Some(last) = detail.passes.last() else {
        if shown.status == NEW {
            wrong.push("it is new, and no pass was ever opened".to_owned());
        }
        return;
    };
    let owed = match last.state {
        PassState::Delivered => Some(SUCCESS),
        PassState::Failed | PassState::GivenUp => Some(FAILURE),
        _ => None,
    };
    let statuses: Vec<_> =
        detail.effects.iter().filter(|it| it.pass == last.pass && it.body["effect"] == "status").collect();
    let left = statuses.iter().any(|it| matches!(it.state.as_str(), "conflict" | "given_up"));
    if let (Some(owed), true, false) = (owed, is_ours(shown.by), left)
        && shown.status != owed
    {
        let state = last.state.as_str();
        wrong.push(format!("pass {} is {state}, and we left the shop at \"{}\"", last.pass, shown.status));
    }
    if shown.status == NEW && matches!(last.state, PassState::Failed | PassState::Withdrawn) && !left {
        let asked = matches!(detail.order.decision, Decision::Question { .. });
        if !asked {
            let state = last.state.as_str();
            wrong.push(format!("it is new in the shop, and nothing follows pass {} ({state})", last.pass));
        }
    }
    let delivered = detail.passes.iter().rev().find_map(|pass| pass.erp_order_id.clone());
    let told = detail.effects.iter().rev().find(|it| it.body["effect"] == "erp_id" && it.state == "done");
    if let (Some(id), Some(_)) = (delivered, told)
        && order.erp_order_id.as_ref() != Some(&id)
    {
        wrong.push(format!("the ERP knows it as {id}, and the shop says {:?}", order.erp_order_id));
    }
}
