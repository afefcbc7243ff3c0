"""The rules that a cluster's own API server can check, compiled from the pack's tables to admission policies."""
