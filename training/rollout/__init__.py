"""Sample from the policy while it is trained, and say what the responses are worth."""
