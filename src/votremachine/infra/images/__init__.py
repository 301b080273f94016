"""Images from strangers: what they really are, and smaller copies without their metadata, made in a process apart."""
