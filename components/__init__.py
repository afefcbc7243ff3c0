"""What gets built: the pure decision where, and one Pulumi component per file. Importing this room alone is cheap."""
