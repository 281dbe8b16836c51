//! What Attaché did with the file: where it lies now tells, and an error file says why.

use orderdock_plugin::{
    Acceptance, AnswerCheck, AnswerFile, Awaiting, Context, FileCheck, FileMeaning, Order, Refusal, RefusalClass,
    Response, ResponseContent, Verdict,
};

use crate::settings::{ErrClass, LeftInbox, Mode, Settings};

/// Slot of the folder with refused files and their error files.
pub const FAILURE: &str = "failure";
/// Slot of the folder with imported files.
pub const SUCCESS: &str = "success";
/// Slot of the folder that the host writes to.
const OUT: &str = "out";
/// Most characters of the error text that go to staff; the whole file is kept with the attempt.
const WORDS: usize = 1000;
/// As many names as the host lists at most: a full list may not be complete.
const LISTED: usize = 1000;

/// Reads what came back. `state` is the name of our file.
#[must_use]
pub fn read(order: &Order, context: &Context<Settings>, state: &[u8], response: &Response) -> Verdict {
    let settings = &context.settings;
    let name = match std::str::from_utf8(state) {
        Ok(name) if !name.is_empty() => name.to_owned(),
        // Everything that the name is built from is frozen for the pass.
        _ => crate::file_name(order, context),
    };
    match &response.content {
        ResponseContent::FilesWritten(_) => written(settings, &name),
        ResponseContent::AnswerFile(file) => answered(settings, &name, file),
        ResponseContent::DeadlinePassed(passed) => too_late(settings, &name, &passed.listing),
        ResponseContent::Http(_) => response.by_default(None),
    }
}

fn written(settings: &Settings, name: &str) -> Verdict {
    if settings.mode == Mode::FireAndForget {
        let message = format!("{name} was written; nobody waits for Attaché's answer (mode fire-and-forget)");
        return Verdict::Accepted(Acceptance { message: Some(message), ..Acceptance::default() });
    }
    let mut checks = vec![
        FileCheck::new(FAILURE, format!("{}*.err", stem(name)), FileMeaning::Failure),
        // Our own file there is a refusal whose words may still come. While it lies there it is not merely gone.
        FileCheck::new(FAILURE, name, FileMeaning::Any),
    ];
    if settings.success_folder {
        checks.push(FileCheck::new(SUCCESS, name, FileMeaning::Success));
    } else if settings.left_inbox == LeftInbox::AtOnce {
        checks.push(FileCheck::new(OUT, name, FileMeaning::Gone));
    }
    Verdict::AwaitingAnswer(Awaiting {
        ticket: name.to_owned(),
        deadline: settings.answer_deadline_minutes.saturating_mul(60),
        state: name.as_bytes().to_vec(),
        check: AnswerCheck::Files(checks),
        extra: Vec::new(),
    })
}

fn answered(settings: &Settings, name: &str, file: &AnswerFile) -> Verdict {
    if file.folder == SUCCESS && file.name.eq_ignore_ascii_case(name) {
        return Verdict::accepted(None);
    }
    if file.folder != FAILURE || !is_error_file(name, &file.name) {
        return Verdict::NotMine;
    }
    let text = settings.err_encoding.decode(&file.bytes);
    let words = words(settings, &text);
    let message =
        if words.is_empty() { format!("Attaché refused it; its error file {} is empty", file.name) } else { words };
    Verdict::Rejected(Refusal::new(class(settings), message))
}

fn class(settings: &Settings) -> RefusalClass {
    match settings.err_class {
        ErrClass::Erp => RefusalClass::Erp,
        ErrClass::Data => RefusalClass::Data,
    }
}

/// `order_1_1.err` or `order_1_1.kfi.err` for `order_1_1.kfi`, and nothing longer: `order_1_12.err` is another's.
fn is_error_file(ours: &str, name: &str) -> bool {
    [format!("{}.err", stem(ours)), format!("{ours}.err")].iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The name without `.kfi`.
fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The message: of the line that fits the pattern, else the whole text.
fn words(settings: &Settings, text: &str) -> String {
    let by_pattern = settings.err_pattern.as_deref().and_then(|pattern| pattern.split_once("{message}")).and_then(
        |(before, after)| {
            let (before, after) = (before.trim(), after.trim());
            text.lines().find_map(|line| line.trim().strip_prefix(before)?.strip_suffix(after))
        },
    );
    one_line(by_pattern.filter(|words| !words.trim().is_empty()).unwrap_or(text))
}

/// One line without control characters, not longer than staff want to read.
fn one_line(text: &str) -> String {
    let space = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '\u{FEFF}';
    let words: Vec<&str> = text.split(space).filter(|word| !word.is_empty()).collect();
    let mut line = words.join(" ");
    if let Some((end, _)) = line.char_indices().nth(WORDS) {
        line.truncate(end);
        line.push('…');
    }
    line
}

fn too_late(settings: &Settings, name: &str, listing: &[String]) -> Verdict {
    let lies = |slot: &str, wanted: &dyn Fn(&str) -> bool| {
        let here = |path: &String| path.split_once('/').is_some_and(|(folder, file)| folder == slot && wanted(file));
        listing.iter().any(here)
    };
    let is_ours = |file: &str| file.eq_ignore_ascii_case(name);
    let minutes = settings.answer_deadline_minutes;
    if lies(FAILURE, &|file| is_error_file(name, file)) {
        return Verdict::unknown(format!(
            "an error file for {name} lies in the failure folder, but it could not be read"
        ));
    }
    if settings.success_folder && lies(SUCCESS, &is_ours) {
        return Verdict::accepted(None);
    }
    if lies(FAILURE, &is_ours) {
        let text =
            format!("Attaché moved {name} to its failure folder and wrote no error file within {minutes} minutes");
        return Verdict::rejected(class(settings), text);
    }
    if lies(OUT, &is_ours) {
        return Verdict::unknown(format!(
            "Attaché did not take {name} within {minutes} minutes and may still do so: see whether its unattended import \
             runs, or take the file out of the inbox before the order is sent again"
        ));
    }
    let complete = listing.len() < LISTED;
    if !settings.success_folder && settings.left_inbox == LeftInbox::AtDeadline && complete {
        let warning = format!("unproven: {name} left the inbox, and no error file came within {minutes} minutes");
        return Verdict::Accepted(Acceptance { warnings: vec![warning], ..Acceptance::default() });
    }
    Verdict::unknown(format!(
        "no answer to {name} came within {minutes} minutes: look for the order in Attaché before sending it again"
    ))
}
