"""Answers by SMS: a request is accepted or declined with the code that came with it."""
