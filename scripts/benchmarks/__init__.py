"""What `scripts/bench` runs: named cases, each against a bare Litestar and asyncpg application in the same run."""
