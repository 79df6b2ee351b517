"""The webhook server: AdmissionReviews in over TLS, answers and audit events out.

Reading order: `run` (everything is put together there), `endpoints` (the one path of a request), `bodies`, `deadline`,
`backlog` (audit-only), `lifecycle` and `drain` (from SIGTERM to the end), `tls` (live certificates), `ops` (probes and
metrics, on a port and in a thread of their own), `metrics`, `logs`, `settings`, `workers` (several processes).
"""
