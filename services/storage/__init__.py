"""Ground: the database; engine, unit of work, column types, migrations, embedded PostgreSQL."""
