"""YAML and JSON as kubectl reads them, with positions on demand.

    scalars.py    what a plain YAML scalar is
    decoded.py    the result of decoding: documents, extents, faults
    yaml_text.py  json_text.py   text to plain dicts and lists
    positions.py  where every value stands, and every character of a scalar
    document.py   one document with its file: what everybody else uses

This closed world knows nothing of policies and imports only `admission.errors`.
"""
