from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from admission.audit.masking import LAST_APPLIED
from admission.server.loading import load_engine
from tests.server.serving import review, serving

POLICIES = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: talkative}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods, secrets]}
  validations:
    - expression: "!has(object.spec)"
      messageExpression: "'environment: ' + object.spec.containers.map(c, c.env.map(e, e.value).join(',')).join(';')"
    - expression: "!has(object.data)"
      messageExpression: "'data: ' + object.data.map(k, object.data[k]).join(',')"
    - expression: "!has(object.stringData)"
      messageExpression: "'plain: ' + object.stringData.map(k, object.stringData[k]).join(',')"
    - expression: "!has(object.metadata.annotations)"
      messageExpression: >-
        'annotations: ' + object.metadata.annotations.map(k, object.metadata.annotations[k]).join(',')
    - expression: "!has(object.spec) || int(object.spec.containers[0].env[0].value) > 0"
  auditAnnotations:
    - key: said
      valueExpression: "has(object.spec) ? string(object.spec.containers[0].env[0].value) : 'nothing'"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: talkative}
spec: {policyName: talkative, validationActions: [%s]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: careless}
spec:
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules:
      - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  mutations:
    - patchType: JSONPatch
      jsonPatch:
        expression: >-
          [JSONPatch{op: "add", path: "/metadata/labels/x", value: object.spec.containers[0].env[0].value},
           JSONPatch{op: object.spec.containers[0].env[0].value, path: "/metadata/labels/y", value: "z"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: careless}
spec: {policyName: careless}
"""


def canary() -> str:
    return f"canary-{secrets.token_hex(8)}"


def planted(env: str, applied: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "labels": {"app": "web"},
            "annotations": {LAST_APPLIED: json.dumps({"kind": "Pod", "spec": {"containers": [{"args": [applied]}]}})},
        },
        "spec": {"containers": [{"name": "app", "image": "app", "env": [{"name": "TOKEN", "value": env}]}]},
    }


@pytest.mark.parametrize(("actions", "audit_only"), [("Deny, Audit", False), ("Warn, Audit", False), ("Deny", True)])
def test_canaries_leave_in_no_answer_event_metric_or_log(
    certificates: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], actions: str, audit_only: bool
) -> None:
    policies = tmp_path / "policies.yaml"
    policies.write_text(POLICIES % actions)
    env, applied, data, plain = canary(), canary(), canary(), canary()
    encoded = base64.b64encode(data.encode()).decode()
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "shop"},
        "data": {"k": encoded},
        "stringData": {"k": plain},
    }
    kinds: dict[str, Any] = {
        "kind": {"group": "", "version": "v1", "kind": "Secret"},
        "resource": {"group": "", "version": "v1", "resource": "secrets"},
    }
    with serving(certificates, load=load_engine, policies_from=(str(policies),), audit_only=audit_only) as running:
        bodies = [review(object=planted(env, applied)), review(object=secret, **kinds)]
        answers = [running.post(body, path).text for body in bodies for path in ("/validate", "/mutate")]
        exposition = running.ops("/metrics").text
        running.stop()
    written = b"".join(running.log.lines).decode()
    assert len(running.log.lines) == 4
    assert "environment: ***" in written
    assert "plain: ***" in written
    for text in (*answers, exposition, written, *capfd.readouterr()):
        for value in (env, applied, data, encoded, plain):
            assert value not in text
