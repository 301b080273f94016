"""Why somebody is refused: who they are, or what they may. Pure."""

from votremachine.kernel.errors import DomainError, Kind


class NotSignedIn(DomainError):
    kind = Kind.UNAUTHENTICATED
    code = "not_signed_in"
    en = "Sign in first: this needs a valid access token."
    fr = "Connectez-vous d'abord : il faut un jeton d'accès valable."


class SignInFailed(DomainError):
    kind = Kind.UNAUTHENTICATED
    code = "sign_in_failed"
    en = "This address and password do not go together."
    fr = "Cette adresse et ce mot de passe ne vont pas ensemble."


class ProofFailed(DomainError):
    kind = Kind.UNAUTHENTICATED
    code = "proof_failed"
    en = "This code or link is wrong, used, or too old. Ask for another."
    fr = "Ce code ou ce lien est faux, déjà utilisé ou trop ancien. Demandez-en un autre."


class AddressTaken(DomainError):
    kind = Kind.CONFLICT
    code = "address_taken"
    en = "This address belongs to an account already."
    fr = "Cette adresse appartient déjà à un compte."


class UnknownSession(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_session"
    en = "You are not signed in on such a device."
    fr = "Vous n'êtes pas connecté sur un tel appareil."


class UnknownPerson(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_person"
    en = "There is no such person."
    fr = "Cette personne n'existe pas."


class ProveItIsYou(DomainError):
    kind = Kind.FORBIDDEN
    code = "prove_it_is_you"
    en = "Give your password, or sign in anew with a code first."
    fr = "Donnez votre mot de passe, ou reconnectez-vous d'abord avec un code."


class PasswordNeeded(DomainError):
    code = "password_needed"
    en = "Choose the new password in the same request."
    fr = "Choisissez le nouveau mot de passe dans la même requête."


class NotInTheirPlace(DomainError):
    kind = Kind.FORBIDDEN
    code = "not_in_their_place"
    en = "Support does not do this in somebody's place."
    fr = "L'assistance ne fait pas ceci à la place de quelqu'un."


class NotAllowed(DomainError):
    kind = Kind.FORBIDDEN
    code = "not_allowed"
    en = "Your role does not allow this."
    fr = "Votre rôle ne le permet pas."


class UnknownParty(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_party"
    en = "There is no such farm, cooperative or contractor, or you do not act for it."
    fr = "Il n'existe pas de telle exploitation, CUMA ou ETA, ou vous n'agissez pas pour elle."


class WhichParty(DomainError):
    code = "which_party"
    en = "Say for which of your parties you act."
    fr = "Précisez pour laquelle de vos exploitations vous agissez."


class NotACooperative(DomainError):
    code = "not_a_cooperative"
    en = "Only a cooperative has member parties."
    fr = "Seule une coopérative a des adhérents."
