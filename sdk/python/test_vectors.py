"""The helpers against sdk/vectors/helpers.tsv, which every SDK must pass: `python -m unittest test_vectors`."""

import json
import unittest
from pathlib import Path
from types import SimpleNamespace

import orderdock as sdk

_ORDER = SimpleNamespace(order_number="WEB-10042", shop_order_id="4711")
_CONTEXT = SimpleNamespace(
    document_number=17, pass_=2, purpose=SimpleNamespace(name="CREATE"), connection="acme", mapped_at="2026-01-02T03:04:05.6Z"
)


def _or_none(compute):
    try:
        return str(compute())
    except sdk.DecimalError:
        return None


def _made(build, use):
    try:
        built = build()
    except ValueError:
        return "!"
    return use(built)


_HELPERS = {
    "add": lambda left, right: _or_none(lambda: sdk.Number(left) + right),
    "sub": lambda left, right: _or_none(lambda: sdk.Number(left) - right),
    "mul": lambda left, right: _or_none(lambda: sdk.Number(left) * right),
    "div": lambda left, right: _or_none(lambda: sdk.Number(left) / right),
    "fixed": lambda number, places, rounding: _or_none(lambda: sdk.Number(number).fixed(int(places), rounding)),
    "shortest": lambda number: _or_none(lambda: sdk.Number(number).shortest()),
    "dot_path": lambda path, text: _made(lambda: sdk.DotPath(path), lambda built: built.find_text(text.encode())),
    "safe_name": sdk.safe_name,
    "file_name": lambda text: _made(lambda: sdk.FileNameTemplate(text), lambda built: built.build(_ORDER, _CONTEXT)),
    "xml_clean": lambda text: sdk.clean_xml(text, "here"),
    "xml_escape": sdk.escape_xml,
    "percent": sdk.percent_encode,
    "json_text": sdk.write_json,
}


class Vectors(unittest.TestCase):
    def test_every_helper_gives_what_the_other_languages_give(self):
        vectors = (Path(__file__).parent / "../vectors/helpers.tsv").read_text("utf-8").split("\n")
        lines = [line for line in vectors if line and not line.startswith("#")]
        self.assertGreater(len(lines), 100)
        for line in lines:
            name, *cells = line.split("\t")
            *arguments, expected = map(json.loads, cells)
            with self.subTest(line):
                self.assertEqual(_HELPERS[name](*arguments), expected)
