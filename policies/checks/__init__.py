"""One check per file, named by its rule's slug; found by scanning this folder.

A check is `check(subject)`, which yields the violations of one resource, or `check_stack(subjects)`, which yields
(URN, violation) for the finished stack. It is pure, and where it meets an unknown value it reports that value.
"""
