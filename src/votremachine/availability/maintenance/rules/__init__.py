"""Pure decisions about maintenance: what meters show, and when plans come due."""
