"""Prompts with constraints, and what a rule says of a response."""

import json

from schemas.prompts import Prompt, user
from schemas.responses import Response


def asking(*constraints, request="Say something.", **facts):
    """A prompt with these constraints: mappings, or texts as they are stored."""
    texts = tuple(one if isinstance(one, str) else json.dumps(one) for one in constraints)
    return Prompt.of(user(request), source="hand", constraints=texts or None, **facts)


def saying(text, prompt):
    return Response.of(prompt.prompt_id, model="m", text=text, source="hand")


def judged(rule, text, prompt):
    """The rows by aspect."""
    return {score.aspect: score for score in rule.scores(prompt, saying(text, prompt))}
