"""Maintenance that comes due by date or by meter: it is proposed in time, and blocks once its owner says so."""
