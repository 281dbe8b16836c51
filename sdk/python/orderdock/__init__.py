"""SDK for Orderdock plugins in Python: `from orderdock import Plugin, Rejected, http_delivery, …`."""

from .decimal import DecimalError, Number
from .delivery import file_delivery, header, http_delivery, secret
from .dot_path import DotPath, DotPathError
from .file_name import FileNameError, FileNameTemplate, safe_name
from .host import find, log
from .json_text import Raw, is_json, write_json
from .plugin import Plugin, Rejected, description, need, require
from .text import percent_encode
from . import verdict
from .verdict import by_default, header_of
from .xml import clean_xml, escape_xml, holds_xml

__all__ = [
    "DecimalError", "DotPath", "DotPathError", "FileNameError", "FileNameTemplate", "Number", "Plugin", "Raw", "Rejected",
    "by_default", "clean_xml", "description", "escape_xml", "file_delivery", "find", "header", "header_of", "holds_xml",
    "http_delivery", "is_json", "log", "need", "percent_encode", "require", "safe_name", "secret", "verdict", "write_json",
]
