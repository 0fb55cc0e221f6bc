"""Learn from an exported dataset version. Reads a folder; never judges data, and knows no database or scheduler."""
