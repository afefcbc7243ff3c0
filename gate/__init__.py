"""What was gated, and whether it is still what runs: the judged preview, and the signed receipt of it.

`coverage` and `plan` read an engine's events, `materials` the files a run reads; `receipt` puts them into an in-toto
statement, `envelope` and `keys` sign and open it, `comparison` names what differs.
"""
