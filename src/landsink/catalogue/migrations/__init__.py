"""PostgreSQL's tables, version by version, and bringing a database to the newest."""
