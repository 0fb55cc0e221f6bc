"""Where rows live: the only folder that knows DuckDB and DuckLake. Imports schemas; never judges or trains."""
