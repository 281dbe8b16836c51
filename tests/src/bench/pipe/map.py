"""What a partner would run instead of a plugin in Python: a process that is started once, reads an order a line and
writes the body a line. The same plugin's code, by CPython itself."""

import json
import sys
from pathlib import Path

from orderdock import testing
from orderdock.testing import types

# The plugin's own prints go to the log; this is the pipe.
out = sys.__stdout__
folder = Path(sys.argv[1])


def text(name: str, otherwise: str) -> str:
    path = folder / name
    return path.read_text("utf-8") if path.exists() else otherwise


sys.path.insert(0, "")
mapper = __import__("plugin").Mapper()
context, testing._TABLES = testing._context(json.loads(text("context.json", "{}")), text("settings.json", "{}"))
for line in sys.stdin:
    delivery = mapper.map_order(testing._read(types.Order, json.loads(line)), context)
    body = b"".join(segment.value for segment in delivery.content.value.body)
    out.write(json.dumps(body.decode()) + "\n")
    out.flush()
