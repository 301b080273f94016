"""Fetching what strangers name: a GET over HTTP that reaches public addresses only, and takes no more than it should.

The name is looked up here, its addresses are checked, and exactly a checked one is dialled: a name that leads
elsewhere a moment later (DNS rebinding) gains nothing. TLS still wants the certificate of the name.
"""
