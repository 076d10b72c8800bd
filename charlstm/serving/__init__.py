"""Serve trained networks to other programs, over HTTP and in the shape of OpenAI's completions."""
