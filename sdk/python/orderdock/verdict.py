"""What an answer means: `verdict.accepted(erp_order_id="SO-1")` and its sisters."""

from collections.abc import Sequence

from wit_world.imports import types


def accepted(
    erp_order_id: str | None = None,
    erp_order_number: str | None = None,
    message: str | None = None,
    warnings: Sequence[str] = (),
) -> types.Verdict:
    """The ERP has it."""
    return types.Verdict_Accepted(types.Acceptance(erp_order_id, erp_order_number, message, list(warnings), []))


def already_there(
    erp_order_id: str | None = None, erp_order_number: str | None = None, message: str | None = None
) -> types.Verdict:
    """The ERP had it already, from an earlier send."""
    return types.Verdict_AlreadyThere(types.Acceptance(erp_order_id, erp_order_number, message, [], []))


_CLASSES = {"data": types.RefusalClass.DATA, "settings": types.RefusalClass.SETTINGS, "erp": types.RefusalClass.ERP}


def rejected(who: str, message: str, field: str | None = None, partial_id: str | None = None) -> types.Verdict:
    """Refused. `who` has to act: `data`, `settings` or `erp`."""
    return types.Verdict_Rejected(types.Refusal(message, _CLASSES[who], field, partial_id, []))


def retry_later(message: str, after: int | None = None) -> types.Verdict:
    """Provably nothing was done; come back after so many seconds, or when the host likes."""
    return types.Verdict_RetryLater(types.Postponement(after, message, []))


def not_found() -> types.Verdict:
    """Answer to a look-up: the ERP does not have it."""
    return types.Verdict_NotFound()


def not_mine() -> types.Verdict:
    """An answer file that belongs to another order."""
    return types.Verdict_NotMine()


def unknown(message: str) -> types.Verdict:
    """Nobody can tell."""
    return types.Verdict_Unknown(types.Doubt(message, []))


def still_waiting(after: int | None = None) -> types.Verdict:
    """Answer to a poll or an answer file: not yet."""
    return types.Verdict_StillWaiting(types.Waiting(after, []))


_MEANINGS = {meaning.name.lower(): meaning for meaning in types.FileMeaning}


def awaiting_files(
    deadline: int, checks: Sequence[tuple[str, str, str]], *, ticket: str = "", state: bytes = b""
) -> types.Verdict:
    """The answer comes as a file; each check is folder, pattern and meaning (`success`, `failure`, `gone`, `any`)."""
    made = [types.FileCheck(folder, pattern, _MEANINGS[meaning], []) for folder, pattern, meaning in checks]
    return types.Verdict_AwaitingAnswer(types.Awaiting(ticket, deadline, state, types.AnswerCheck_Files(made), []))


def awaiting_poll(
    deadline: int, delivery: types.Delivery, after: int, *, ticket: str = "", state: bytes = b""
) -> types.Verdict:
    """The answer is asked for again and again."""
    poll = types.AnswerCheck_Poll(types.Poll(delivery, after, []))
    return types.Verdict_AwaitingAnswer(types.Awaiting(ticket, deadline, state, poll, []))


def next_call(delivery: types.Delivery, remember: Sequence[tuple[str, str, int]] = ()) -> types.Verdict:
    """One more call is needed. `remember` holds logins: slot, value, seconds."""
    logins = [types.Login(slot, value, seconds, []) for slot, value, seconds in remember]
    return types.Verdict_Next(types.NextCall(delivery, logins, []))


def header_of(answer: types.HttpResponse, name: str) -> str | None:
    """The first header of this name, in lower case, or None."""
    return next((value for known, value in answer.headers if known == name), None)


def by_default(response: types.Response, words: str | None = None) -> types.Verdict:
    """The host's own reading as a verdict, with the ERP's words where it said some."""
    match response.default_verdict:
        case types.DefaultVerdict.ACCEPTED:
            return accepted(message=words)
        case types.DefaultVerdict.REJECTED:
            return rejected("data", words or f"the ERP refused it: {_said(response.content)}")
        case types.DefaultVerdict.RETRY_LATER:
            return retry_later(words or f"the ERP asks to come back later: {_said(response.content)}")
        case _:
            return unknown(words or f"the ERP's answer does not tell: {_said(response.content)}")


def _said(content: types.ResponseContent) -> str:
    match content:
        case types.ResponseContent_Http(answer):
            return f"HTTP status {answer.status}"
        case types.ResponseContent_FilesWritten(written):
            return f"{len(written.names)} files written"
        case types.ResponseContent_AnswerFile(file):
            return f"file {file.name} in folder {file.folder}"
        case _:
            return "no answer in time"
