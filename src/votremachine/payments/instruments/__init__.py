"""Cards that parties pay with, kept at the gateway: here is only what people know them by."""
