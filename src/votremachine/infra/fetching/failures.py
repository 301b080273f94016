"""Why nothing was had from an address, in plain words."""

from datetime import timedelta

from votremachine.kernel.errors import DomainError


class FetchFailed(DomainError):
    """Why nothing was had from an address; `retry_after` is what the server asked for."""

    code = "fetch_failed"
    en = "The address could not be read."
    fr = "L'adresse n'a pas pu être lue."
    retry_after: timedelta | None = None


class BadAddress(FetchFailed):
    code = "bad_address"
    en = "This is not an address of the web that can be read: https, http or webcal, without a password in it."
    fr = "Ce n'est pas une adresse du web que l'on puisse lire : https, http ou webcal, sans mot de passe."


class PrivateAddress(FetchFailed):
    code = "private_address"
    en = "This address leads into a private network, which is not read."
    fr = "Cette adresse mène dans un réseau privé, qui n'est pas lu."


class UnknownHost(FetchFailed):
    code = "unknown_host"
    en = "No server has this name."
    fr = "Aucun serveur ne porte ce nom."


class Unreachable(FetchFailed):
    code = "unreachable"
    en = "The server cannot be reached."
    fr = "Le serveur est injoignable."


class Untrusted(FetchFailed):
    code = "untrusted_server"
    en = "The server cannot prove that it is the one named: its certificate is not valid."
    fr = "Le serveur ne peut pas prouver qu'il est bien celui-ci : son certificat n'est pas valable."


class NotSecure(FetchFailed):
    code = "not_secure"
    en = "No secure connection to the server can be made. Is the address right, https included?"
    fr = "Aucune connexion sécurisée avec le serveur n'est possible. L'adresse est-elle exacte, https compris ?"


class TooSlow(FetchFailed):
    code = "too_slow"
    en = "The server took too long to answer."
    fr = "Le serveur a mis trop de temps à répondre."


class TooLarge(FetchFailed):
    code = "too_large"
    en = "The answer is larger than {megabytes} MB."
    fr = "La réponse dépasse {megabytes} Mo."


class CutShort(FetchFailed):
    code = "cut_short"
    en = "The answer broke off before its end."
    fr = "La réponse s'est interrompue avant la fin."


class UnreadableAnswer(FetchFailed):
    code = "unreadable_answer"
    en = "The server answers in a way that cannot be read."
    fr = "Le serveur répond d'une façon illisible."


class TooManyRedirects(FetchFailed):
    code = "too_many_redirects"
    en = "The address leads on to another one more than {most} times."
    fr = "L'adresse renvoie à une autre plus de {most} fois."


class NoLongerSecure(FetchFailed):
    code = "no_longer_secure"
    en = "The secure address leads on to one that is not."
    fr = "L'adresse sécurisée renvoie à une autre qui ne l'est pas."


class SignInWanted(FetchFailed):
    code = "sign_in_wanted"
    en = "The server wants a sign-in. Use the secret address of the calendar."
    fr = "Le serveur demande une connexion. Utilisez l'adresse secrète du calendrier."


class NothingThere(FetchFailed):
    code = "nothing_there"
    en = "There is nothing at this address (any more)."
    fr = "Il n'y a rien (ou plus rien) à cette adresse."


class GoneForGood(FetchFailed):
    code = "gone"
    en = "The server says that this address is gone for good."
    fr = "Le serveur indique que cette adresse a disparu définitivement."


class ServerTrouble(FetchFailed):
    code = "server_trouble"
    en = "The server answers with an error ({status})."
    fr = "Le serveur répond par une erreur ({status})."


class NotModifiedUnasked(FetchFailed):
    code = "not_modified_unasked"
    en = "The server says that nothing changed, though it was not asked that."
    fr = "Le serveur répond que rien n'a changé, alors que ce n'était pas demandé."


FAILURES: tuple[type[FetchFailed], ...] = (
    FetchFailed,
    BadAddress,
    PrivateAddress,
    UnknownHost,
    Unreachable,
    Untrusted,
    NotSecure,
    TooSlow,
    TooLarge,
    CutShort,
    UnreadableAnswer,
    TooManyRedirects,
    NoLongerSecure,
    SignInWanted,
    NothingThere,
    GoneForGood,
    ServerTrouble,
    NotModifiedUnasked,
)
