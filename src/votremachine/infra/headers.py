"""Headers that keep a browser from doing what nobody asked it to."""

# Our own files only; no frame, no plug-in, no form that posts elsewhere.
_POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
# Swagger UI writes its own styles and starts from a script in its page.
_REFERENCE_POLICY = _POLICY + "; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"

_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
_ELSEWHERE = [*_ALWAYS, (b"content-security-policy", _POLICY.encode())]
_REFERENCE = [*_ALWAYS, (b"content-security-policy", _REFERENCE_POLICY.encode())]


def security_headers(path: str) -> list[tuple[bytes, bytes]]:
    """What every answer at this path carries, as ASGI wants it."""
    return _REFERENCE if path.startswith("/schema") else _ELSEWHERE
