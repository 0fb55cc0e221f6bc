"""Text in, preferences out: import, generate, judge, pair. Never trains, never schedules; imports no torch or vLLM."""
