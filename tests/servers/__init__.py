"""OpenAI-compatible servers for tests and benchmarks, each a process of its own."""
