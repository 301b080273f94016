"""The photos of reports and what the sides showed, as small pictures with what is known of each."""

from collections.abc import Mapping, Sequence
from typing import Any

from votremachine.damages.bundles import rules
from votremachine.damages.bundles.dossier import Dossier, Report
from votremachine.damages.bundles.rules import Entry, Source, Status
from votremachine.damages.bundles.words import Tongue

_WRONG = {Status.MISSING: "missing", Status.ALTERED: "altered"}


def photos(
    dossier: Dossier, entries: Sequence[Entry], pictures: Mapping[str, bytes], say: Tongue
) -> list[dict[str, Any]]:
    """Of each report that has any, its title and its photos."""
    found = _by_source(dossier, entries)
    return [
        {
            "title": title(report, say),
            "shots": [
                _shot(found[source.path], source, pictures, say) | _caption(report, source.sha256, dossier, say)
                for source in report.photos.values()
            ],
        }
        for report in dossier.reports
        if report.photos
    ]


def evidence(
    dossier: Dossier, entries: Sequence[Entry], pictures: Mapping[str, bytes], say: Tongue
) -> list[dict[str, Any]]:
    """What each side showed, in order."""
    found = _by_source(dossier, entries)
    return [
        _shot(found[one.source.path], one.source, pictures, say)
        | {"caption": say("shown_on", side=say(one.side), at=say.moment(one.at, dossier.clock)), "when": ""}
        for one in dossier.evidence
    ]


def title(report: Report, say: Tongue) -> str:
    """What a report is called, and its place in the chain."""
    return f"{say(f'report.{report.kind}')} – {say('number', n=report.sequence)}"


def _shot(entry: Entry, source: Source, pictures: Mapping[str, bytes], say: Tongue) -> dict[str, Any]:
    name = rules.picture_name(source)
    wrong = say(_WRONG[entry.status]) if entry.status in _WRONG else ""
    return {
        "picture": name if name in pictures else None,
        "kind": rules.SUFFIXES.get(source.media_type, "").upper(),
        "path": entry.path,
        "sha256": source.sha256,
        "wrong": wrong,
    }


def _caption(report: Report, sha256: str, dossier: Dossier, say: Tongue) -> dict[str, str]:
    shot = next((one for one in report.said.photos if one.sha256 == sha256), None) if report.said else None
    if shot is None:
        return {"caption": "", "when": ""}
    return {"caption": shot.caption, "when": say("taken", at=say.moment(shot.taken_at, dossier.clock))}


def _by_source(dossier: Dossier, entries: Sequence[Entry]) -> dict[str, Entry]:
    """The entry of each source; that of its copy where the file itself is not for the reader."""
    by_path = {one.path: one for one in entries}
    return {one.path: by_path.get(one.path) or by_path[rules.copy_path(one.path)] for one in dossier.sources()}
