"""Admission policy engine for Kubernetes."""
