"""`string.format`: a text with the values of a list put into it.

    string.format(list) -> string

    %s    anything, lists and maps included       '%s'.format([[1, 'a']]) == '[1, "a"]'
    %d    an int or uint                          '%d'.format([7]) == '7'
    %f    a double, thousands in groups           '%.1f'.format([1234567.89]) == '1,234,567.9'
    %e    a double, as a power of ten             '%e'.format([1234.5]) == '1.234500×10⁰³'
    %b    an int, uint or bool in binary          '%b'.format([5]) == '101'
    %o    an int or uint in octal                 '%o'.format([8]) == '10'
    %x    an int, uint, string or bytes in hexadecimal; %X in capitals
    %%    a percent sign

`%f` and `%e` also take 'NaN', 'Infinity' and '-Infinity'. The precision of `%e` is a width, as upstream. A constant
format is checked at compile time against the types of its arguments. Cost: a tenth of the format. Always available.

`PLAIN` belongs to the conformance suite alone: the newest format, without any locale ('[1, a]', '1234567.9',
'1.23e+03'), in which `%d`, `%f` and `%e` take every number. Sources: cel-go ext/formatting.go, ext/formatting_v2.go.
"""

from __future__ import annotations

from admission.cel import types
from admission.cel.formatting import LOCALIZED_STYLE, PLAIN_STYLE, Style
from admission.cel.function import Function, Library, Overload, Validator
from admission.cel.sizes import first_string_cost
from admission.cel.validators import STRING_FORMAT, STRING_FORMAT_V2


def _library(style: Style, validator: Validator, *environments: str) -> Library:
    params = (types.STRING, types.LIST_DYN)
    overload = Overload("string_format", params, types.STRING, style.format, member=True, cost=first_string_cost)
    return Library(
        "cel.lib.ext.strings.format",
        functions=(Function("format", (overload,)),),
        validators=(validator,),
        environments=frozenset(environments),
    )


LIBRARY = _library(LOCALIZED_STYLE, STRING_FORMAT, "kubernetes", "extended")
PLAIN = _library(PLAIN_STYLE, STRING_FORMAT_V2, "standard")
