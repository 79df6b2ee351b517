"""CEL, the language of the policies; knows nothing of admission."""
