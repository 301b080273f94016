"""HTTP of claims."""
