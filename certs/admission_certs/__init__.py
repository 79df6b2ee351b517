"""Certificates for the webhook server: a certificate authority of one's own and the leaf that the server shows.

This is a package apart from `admission`: it runs as another process with other rights, and the server only reads the
files that it leaves. It may import `admission.errors` and nothing else of `admission`.

Reading order: `authority` (make certificates, pure), `store` (the files), `inspection` (say what they are),
`__main__` (the commands `bootstrap` and `inspect`).
"""
