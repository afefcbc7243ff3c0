"""PostgreSQL: what a database holds, whether two hold the same, and how one is moved with PostgreSQL's own tools."""
