"""What keeps the screens of others true: changes, told as they are committed."""
