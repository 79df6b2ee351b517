from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from admission.cel.values import CelError

Evaluate = Callable[..., Any]


def test_the_standard_environment_reads_mapped_addresses_in_hexadecimal(evaluate: Evaluate) -> None:
    assert evaluate("ip('::ffff:c0a8:1') == ip('192.168.0.1')", env="standard") is True
    assert evaluate("isIP('::ffff:c0a8:1')", env="standard") is True
    assert evaluate("ip.isCanonical('::ffff:c0a8:1')", env="standard") is False
    assert evaluate("cidr('10.0.0.0/8').containsIP('10.1.1.1')", env="standard") is True
    with pytest.raises(CelError, match="is not allowed"):
        evaluate("ip('::ffff:192.168.0.1')", env="standard")


def test_policies_have_kubernetes_own_rule(evaluate: Evaluate) -> None:
    for env in ("kubernetes", "extended"):
        assert evaluate("isIP('::ffff:c0a8:1')", env=env) is False
