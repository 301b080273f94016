"""Pure values that every slice speaks: money, spans of time, states, errors, ids. Imports nothing of ours."""
