"""Texts that XML 1.0 can hold."""

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"})


def holds_xml(letter: str) -> bool:
    """Whether XML 1.0 can hold the character."""
    return letter in "\t\n\r" or " " <= letter <= "\ud7ff" or "\ue000" <= letter <= "\ufffd" or letter >= "\U00010000"


def clean_xml(text: str, place: str, notes: list[str] | None = None) -> str:
    """The text without the characters that XML 1.0 can't hold. A vertical tab or form feed between two words becomes a space.
    What was removed goes into `notes` as a sentence for the delivery's notes; `place` says where the text stands."""
    if all(map(holds_xml, text)):
        return text
    out: list[str] = []
    removed: list[str] = []
    pending = False
    for letter in text:
        if letter in "\v\f":
            removed.append(letter)
            pending = True
        elif not holds_xml(letter):
            removed.append(letter)
        else:
            if pending and out and not out[-1].isspace() and not letter.isspace():
                out.append(" ")
            pending = False
            out.append(letter)
    if notes is not None:
        kinds = ", ".join(f"U+{ord(letter):04X}" for letter in list(dict.fromkeys(removed))[:3])
        characters = "character" if len(removed) == 1 else "characters"
        notes.append(f"removed {len(removed)} {characters} that XML can't hold ({kinds}) from {place}")
    return "".join(out)


def escape_xml(text: str) -> str:
    """A clean text as XML text or attribute value."""
    return text.translate(_ESCAPES)
