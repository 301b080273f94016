"""The verbs of replacing: find substitutes, plan, replace."""
