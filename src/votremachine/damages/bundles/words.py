"""The words of a summary, in French and English."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from votremachine.kernel.money import Money

WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Dossier de dommage", "Damage claim file"),
    "for_insurer": ("à l'attention de l'assureur", "for the insurer"),
    "reference": ("Référence", "Reference"),
    "page": ("Page", "Page"),
    "of": ("sur", "of"),
    "claim_id": ("Déclaration", "Claim"),
    "booking_id": ("Réservation", "Booking"),
    "as_of": ("État du dossier au", "State of the file on"),
    "opened": ("Déclaré le", "Claimed on"),
    "asked": ("Montant demandé", "Amount claimed"),
    "awarded": ("Montant retenu", "Amount awarded"),
    "capped": ("plafonné par les conditions de location", "capped by the terms of the rental"),
    "parties": ("Parties", "Parties"),
    "owner": ("Propriétaire", "Owner"),
    "renter": ("Locataire", "Renter"),
    "next_renter": ("Locataire suivant", "Next renter"),
    "machine": ("Matériel", "Machine"),
    "machines": ("Matériels", "Machines"),
    "serial": ("Numéro de série", "Serial number"),
    "make": ("Marque et modèle", "Make and model"),
    "category": ("Catégorie", "Category"),
    "not_given": ("non renseigné", "not given"),
    "rental": ("Location", "Rental"),
    "from_to": ("Période convenue", "Agreed period"),
    "out_at": ("Départ effectif", "Left at"),
    "returned_at": ("Retour effectif", "Came back at"),
    "clock": ("Heures données à l'heure de", "Times are those of"),
    "insurance": ("Assurance du locataire", "Renter's insurance"),
    "no_insurance": (
        "Aucune attestation d'assurance du locataire ne couvre cette location dans Votremachine.",
        "No proof of insurance of the renter's that covers this rental is known to Votremachine.",
    ),
    "insurer": ("Assureur", "Insurer"),
    "policy": ("Numéro de contrat", "Policy number"),
    "validity": ("Validité", "Validity"),
    "from_until": ("du {first} au {last} inclus", "from {first} to {last}, both included"),
    "document": ("Attestation", "Document"),
    "proof_sealed": (
        "Présentée au départ et scellée avec l'état des lieux.",
        "Shown at check-out and sealed with the condition report.",
    ),
    "proof_unsealed": (
        "Couvre la location, sans être scellée avec un état des lieux.",
        "Covers the rental; not sealed with a condition report.",
    ),
    "claim": ("Dommages déclarés", "Damage claimed"),
    "item": ("Poste", "Item"),
    "cost": ("Coût", "Cost"),
    "deduction": ("Usure et vétusté", "Wear and age"),
    "claimed": ("Demandé", "Claimed"),
    "total": ("Total des postes", "Total of the items"),
    "vat": ("dont TVA {vat}", "VAT {vat} included"),
    "none": ("sans abattement", "none taken off"),
    "age_months": ("pièce de {n} mois", "part {n} months old"),
    "age_hours": ("pièce de {n} h", "part {n} h old"),
    "shown_by": ("Constaté :", "Shown by:"),
    "comparison": ("Départ et retour", "Check-out and check-in"),
    "out": ("Départ", "Check-out"),
    "back": ("Retour", "Check-in"),
    "change": ("Écart", "Change"),
    "no_reports": (
        "Aucun état des lieux signé ne porte sur ce matériel pendant cette location.",
        "There is no signed condition report of this machine in this rental.",
    ),
    "made_at": ("Établi le", "Made on"),
    "fuel": ("Carburant", "Fuel"),
    "eighths": ("{n}/8", "{n}/8"),
    "cleanliness": ("Propreté", "Cleanliness"),
    "tread": ("{grade}, {n} % de sculpture", "{grade}, {n}% of tread"),
    "tyre": ("Pneu ou chenille : {where}", "Tyre or track: {where}"),
    "others_same": (
        "{n} autres points de contrôle identiques et en bon état",
        "{n} other items of the checklist the same, and good",
    ),
    "worse": ("dégradé", "worse"),
    "better": ("amélioré", "better"),
    "other": ("différent", "different"),
    "dirtier": ("plus sale", "dirtier"),
    "cleaner": ("plus propre", "cleaner"),
    "same": ("=", "="),
    "damage": ("Dommage", "Damage"),
    "where": ("Endroit", "Where"),
    "what": ("Constat", "What was found"),
    "severity": ("Gravité", "Severity"),
    "on_photo": ("photo {n}", "photo {n}"),
    "on_photos": ("photos {n}", "photos {n}"),
    "new_damage": ("Nouveau au retour", "New at check-in"),
    "changed_damage": ("Changé", "Changed"),
    "gone_damage": ("N'apparaît plus", "Not there any more"),
    "old_damage": ("Déjà au départ", "There at check-out"),
    "no_damage": ("Aucun dommage noté.", "No damage noted."),
    "notes": ("Observations", "Notes"),
    "driver": ("Conducteur", "Driver"),
    "exchange": ("Échanges entre les parties", "Exchange between the sides"),
    "system": ("Votremachine", "Votremachine"),
    "mediator": ("Médiateur", "Mediator"),
    "a_side": ("Une des parties", "One of the sides"),
    "offers": ("propose {amount}", "offers {amount}"),
    "step.open": ("déclare les dommages et demande {amount}", "claims the damage and asks for {amount}"),
    "step.accepted": ("accepte la demande", "accepts the claim"),
    "step.contested": ("conteste la demande", "contests the claim"),
    "step.agreed": ("accepte la dernière proposition", "agrees to the last offer"),
    "step.withdrawn": ("retire la déclaration", "withdraws the claim"),
    "step.mediation": ("demande une médiation", "asks for mediation"),
    "step.silence": (
        "sans réponse dans le délai, le dossier passe en médiation",
        "with no answer in time, the claim goes to mediation",
    ),
    "step.decided": ("décide", "decides"),
    "step.unresolved": (
        "aucun médiateur n'a tranché : le dossier est clos sans montant retenu",
        "no mediator decided: the claim ends without an award",
    ),
    "step.settled": ("constate le règlement", "records the settlement"),
    "settlement": ("Règlement", "Settlement"),
    "not_settled": ("Aucun montant n'est encore retenu.", "No amount has been awarded yet."),
    "withdrawn": ("La déclaration a été retirée : rien n'est dû.", "The claim was withdrawn: nothing is due."),
    "unresolved": (
        "Aucun médiateur n'a tranché : aucun montant n'est retenu, la caution est rendue.",
        "No mediator decided: nothing is awarded, and the deposit goes back.",
    ),
    "deposit_held": ("Caution bloquée", "Deposit held"),
    "from_deposit": ("Prélevé sur la caution", "Taken from the deposit"),
    "released": ("Caution rendue", "Deposit given back"),
    "from_renter": ("À la charge du locataire en plus", "Due from the renter besides"),
    "paid": ("dont payé", "of which paid"),
    "owed": ("Reste dû par le locataire", "Still due from the renter"),
    "pending": ("en cours", "under way"),
    "evidence": ("Pièces des parties", "Evidence of the sides"),
    "no_evidence": ("Aucune pièce n'a été versée.", "Nothing was shown."),
    "shown_on": ("{side}, le {at}", "{side}, on {at}"),
    "photos": ("Photos", "Photos"),
    "taken": ("prise le {at}", "taken on {at}"),
    "in_zip": ("voir {path}", "see {path}"),
    "proof": ("Empreintes et vérification", "Hashes and verification"),
    "proof_intro": (
        "Chaque état des lieux est signé par les deux parties, puis scellé par une empreinte SHA-256 qui contient "
        "celle de l'état des lieux précédent du même matériel. Modifier, retirer ou insérer quoi que ce soit change "
        "les empreintes suivantes. Les fichiers de ce dossier permettent de les recalculer : voir LISEZMOI.txt.",
        "Each condition report is signed by both sides, then sealed by a SHA-256 hash which holds that of the same "
        "machine's report before it. To change, take out or put in anything changes the hashes that follow. The "
        "files of this bundle let anybody compute them again: see README.txt.",
    ),
    "content_hash": ("Empreinte du contenu", "Hash of the content"),
    "seal": ("Sceau", "Seal"),
    "previous": ("Sceau précédent", "Seal before it"),
    "number": ("n° {n} de ce matériel", "no. {n} of this machine"),
    "signed": ("Signatures", "Signatures"),
    "signature": ("{side} : {name}, {how}, le {at}", "{side}: {name}, {how}, on {at}"),
    "absent": ("{side} : n'a pas signé. {why}", "{side}: did not sign. {why}"),
    "session": ("dans sa session", "in their own session"),
    "drawn": ("à la main, avec un code personnel", "by hand, with a code of their own"),
    "why": ("Motif de l'avenant", "Why it was amended"),
    "holds": (
        "Chaîne vérifiée à l'export : toutes les empreintes sont exactes.",
        "Chain verified at export: every hash is right.",
    ),
    "broken": (
        "Chaîne rompue à l'état des lieux n° {n} : les empreintes ne concordent plus.",
        "Chain broken at report no. {n}: the hashes do not fit any more.",
    ),
    "no_chain": ("Aucun état des lieux scellé.", "No sealed condition report."),
    "faults": ("Fichiers manquants ou modifiés", "Missing or altered files"),
    "no_faults": (
        "Tous les fichiers joints sont ceux qui ont été reçus.",
        "Every file is the one that was received.",
    ),
    "copies_only": (
        "Certaines images sont des copies réduites, sans métadonnées ; seuls ceux qui y ont droit ont les originaux.",
        "Some pictures are smaller copies without metadata; the originals are for those alone who may have them.",
    ),
    "missing": ("manquant", "missing"),
    "altered": ("modifié depuis sa réception", "altered since it was received"),
    "unreadable": ("Contenu illisible.", "Its content cannot be read."),
    "wrong": ("Ne concorde plus", "Does not fit any more"),
    "state.open": ("Ouvert", "Open"),
    "state.contested": ("Contesté", "Contested"),
    "state.mediation": ("En médiation", "In mediation"),
    "state.accepted": ("Accepté", "Accepted"),
    "state.agreed": ("Accord", "Agreed"),
    "state.decided": ("Tranché", "Decided"),
    "state.withdrawn": ("Retiré", "Withdrawn"),
    "state.unresolved": ("Clos sans décision", "Ended undecided"),
    "state.settled": ("Réglé", "Settled"),
    "kind.repair": ("Réparation", "Repair"),
    "kind.part": ("Pièce remplacée", "Replaced part"),
    "kind.cleaning": ("Nettoyage", "Cleaning"),
    "kind.fuel": ("Carburant", "Fuel"),
    "kind.missing": ("Non restitué", "Not given back"),
    "kind.late_return": ("Retour tardif", "Late return"),
    "kind.overuse": ("Usage en plus", "Overuse"),
    "report.check_out": ("État des lieux de départ", "Condition report at check-out"),
    "report.check_in": ("État des lieux de retour", "Condition report at check-in"),
    "report.relay": ("État des lieux de relais", "Condition report of a relay"),
    "report.amendment": ("Avenant à un état des lieux", "Amendment to a condition report"),
    "grade.good": ("bon", "good"),
    "grade.worn": ("usé", "worn"),
    "grade.defect": ("défectueux", "defective"),
    "grade.absent": ("absent", "absent"),
    "clean.clean": ("propre", "clean"),
    "clean.dusty": ("poussiéreux", "dusty"),
    "clean.dirty": ("sale", "dirty"),
    "clean.soiled": ("souillé", "soiled"),
    "severity.cosmetic": ("esthétique", "cosmetic"),
    "severity.functional": ("fonctionnel", "functional"),
    "severity.unsafe": ("dangereux", "unsafe"),
    "meter.engine_hour": ("Heures moteur", "Engine hours"),
    "meter.hectare": ("Hectares", "Hectares"),
    "meter.bale": ("Balles", "Bales"),
    "meter.m3": ("Mètres cubes", "Cubic metres"),
    "meter.km": ("Kilomètres", "Kilometres"),
    "meter.tonne": ("Tonnes", "Tonnes"),
}


class Tongue:
    """Words, amounts and hours in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._place = 0 if language == "fr" else 1

    def __call__(self, word: str, /, **facts: object) -> str:
        """The words for `word`, with these facts in them."""
        words = WORDS[word][self._place]
        return words.format(**facts) if facts else words

    def money(self, amount: Money) -> str:
        """An amount of two decimals: "1 234,50 €", "€1,234.50"."""
        return format_currency(Decimal(amount.minor) / 100, amount.currency, locale=self._locale)

    def moment(self, instant: datetime, clock: ZoneInfo) -> str:
        """A day and an hour on this clock."""
        return f"{self.day(instant.astimezone(clock).date())} {instant.astimezone(clock):%H:%M}"

    def day(self, date: date) -> str:
        """A date, with its month in words."""
        return format_date(date, "d MMM y", locale=self._locale)

    def number(self, value: Decimal) -> str:
        """A reading, with the decimals that it has."""
        return format_decimal(value.normalize(), "#,##0.##", locale=self._locale)

    @property
    def _locale(self) -> str:
        return "fr" if self.language == "fr" else "en_GB"
