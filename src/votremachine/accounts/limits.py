"""How often: one table of what may be asked by one address on the network, and about one account."""

from votremachine.infra.limits import Limit

QUARTER, HOUR, MINUTE = 15 * 60, 60 * 60, 60

SIGN_IN_FROM = Limit("sign-in-from", 60, QUARTER)
SIGN_IN_TO = Limit("sign-in-to", 10, QUARTER)
LETTERS_FROM = Limit("letters-from", 30, HOUR)
LETTERS_TO = Limit("letters-to", 5, HOUR)
PROOFS_FROM = Limit("proofs-from", 60, QUARTER)
EXPORTS = Limit("exports", 5, HOUR)
BUNDLES = Limit("bundles", 20, HOUR)
# Everything else: signed in, by account; otherwise by address on the network.
ACCOUNT = Limit("account", 1200, MINUTE)
ANYBODY = Limit("anybody", 600, MINUTE)
