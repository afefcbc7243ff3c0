"""File trees: what one holds, whether two hold the same, and how one is moved with rsync."""
