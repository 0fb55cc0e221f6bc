"""Measure what was trained, on rows that were held out, with an interval beside every figure."""
