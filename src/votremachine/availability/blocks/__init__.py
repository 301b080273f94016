"""An owner's own time: blocks and maintenance, once or by a rule of recurrence."""
