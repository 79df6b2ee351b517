"""What Kubernetes objects look like: OpenAPI facts of the built-in kinds, shipped compressed, and those of CRDs.

Read `definitions` (kinds, resources, schemas) and `bundle` (the file), then what schemas are read as: `object_types`
(types of CEL), `merging` (how objects are merged; `rare` for the kinds that few clusters serve), `go_types` (what an
API server holds them in; `decoding`, `conversion` and `go_scalars` say what does not fit).
"""
