"""The vocabulary: one file per table, content ids, errors, the plugin base. Imports pyarrow and pydantic only."""
