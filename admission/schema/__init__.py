"""What Kubernetes objects look like: OpenAPI facts of the built-in kinds, shipped compressed, and those of CRDs.

Read `definitions` (kinds, resources, schemas), then `object_types` (schemas as CEL types), then `bundle` (the file).
"""
