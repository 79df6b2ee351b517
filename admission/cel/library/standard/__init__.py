"""The standard library of CEL, one file for each family of functions.

operators -> conversions -> text -> times; cel-go has them all in common/stdlib/standard.go.
"""

from __future__ import annotations

from admission.cel.library.standard import conversions, operators, text, times

LIBRARIES = (operators.LIBRARY, conversions.LIBRARY, text.LIBRARY, times.LIBRARY, times.SPECIFIED)
